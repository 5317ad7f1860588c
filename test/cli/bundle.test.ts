import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { packageRoot } from '../../embedded/package-root.js';
import { writeSpec } from './cli-bench.js';
import { temporaryFolder } from './cli.js';

const BIN = join(packageRoot(), 'dist', 'bin');
const run = (...args: string[]) =>
  promisify(execFile)(process.execPath, [join(BIN, 'greenlight.js'), ...args]);

it('is the program that people start: it checks a spec, and ends with the exit code of what it found', async () => {
  const folder = await temporaryFolder();
  const good = await writeSpec(folder, 'bundled', ['create', 'ramp: [10%]', 'cutover', 'delete-baseline']);
  const bad = await writeSpec(folder, 'wrong', ['create', 'cutofer']);

  expect((await run('validate', good)).stdout).toContain('is right: green to diabetes');
  await expect(run('validate', bad)).rejects.toMatchObject({
    code: 3,
    stderr: expect.stringContaining('did you mean "cutover"?') as string,
  });
});

it('starts every command without a package from node_modules', async () => {
  const code = await readFile(join(BIN, 'greenlight.js'), 'utf8');
  const loaded = [...code.matchAll(/\b(?:import|from)\s*"([^"\s]+)"/g)].map(([, from]) => from ?? '');

  expect(loaded.length).toBeGreaterThan(0);
  expect(loaded.filter((from) => !from.startsWith('./') && !from.startsWith('node:'))).toEqual([]);
});
