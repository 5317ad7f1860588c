import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { logLines as hostLogLines } from '../../host/log-lines.js';
import { logLines } from '../../worker/log-lines.js';

/** A pipe that takes 64 KiB until it is read: what comes then fails, or is taken in part. */
async function fullSoon(): Promise<{ readonly fd: number; read(): string }> {
  const folder = await mkdtemp(join(tmpdir(), 'greenlight-log-'));
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  await rm(folder, { recursive: true });
  const bytes = Buffer.alloc(1 << 20);
  return { fd, read: () => bytes.toString('utf8', 0, readSync(fd, bytes)) };
}

it.each([
  ['worker', logLines],
  ['host', hostLogLines],
])('the %s writes whole lines, in their order, when there is room again', async (_of, linesTo) => {
  const { fd, read } = await fullSoon();
  const log = linesTo(fd);
  const line = (nth: number) => `${`${nth}`.padStart(98, '.')}\n`;

  for (let nth = 0; nth < 3_000; nth++) log.write(line(nth));
  let seen = '';
  for (let nth = 3_000; nth < 3_100; nth++) {
    seen += read();
    log.write(line(nth));
  }
  closeSync(fd);

  expect(seen.split('\n').slice(0, 3_000)).toEqual(
    Array.from({ length: 3_000 }, (_, nth) => line(nth).trimEnd()),
  );
});
