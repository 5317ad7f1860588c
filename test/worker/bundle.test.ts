import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { dropUnused } from '../../worker/bundle.js';

it('keeps bundles that a worker has begun with lately, whoever made another one since', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'greenlight-bundles-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const hour = 3_600_000;
  const nowMs = Date.now();
  for (const [name, hours] of [
    ['encrypting.js', 0],
    ['plain.js', 23],
    ['of-older-code.js', 25],
    ['cut-off.js.77.part', 25],
  ] as const) {
    await writeFile(join(folder, name), '');
    await utimes(join(folder, name), new Date(), new Date(nowMs - hours * hour));
  }

  await dropUnused(folder, nowMs);

  expect((await readdir(folder)).sort()).toEqual(['encrypting.js', 'plain.js']);
});
