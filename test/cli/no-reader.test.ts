import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { withoutReader } from '../../cli/no-reader.js';
import { temporaryFolder } from './cli.js';
import { writeSpec } from './cli-bench.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

function pipe() {
  const stdout = new EventEmitter();
  const exits: number[] = [];
  const command = withoutReader(stdout, (code) => exits.push(code));
  const fail = (code: string) => stdout.emit('error', Object.assign(new Error(code), { code }));
  return { command, exits, fail };
}

it('lets a command end by itself, with its own exit code, when nobody reads it', () => {
  const { exits, fail } = pipe();

  fail('EPIPE');

  expect(exits).toEqual([]);
});

it('ends a command that waits as interrupted, and never as promoted', () => {
  const { command, exits, fail } = pipe();

  command.waits();
  fail('EPIPE');

  expect(exits).toEqual([130]);
});

it('hides no other fault of the output', () => {
  expect(() => pipe().fail('ENOSPC')).toThrow('ENOSPC');
});

it.each([
  ['nobody reads', 'pipe'],
  ['a full disk does not take', '/dev/full'],
])('lets a command do all its work when %s what it tells beside its result', async (_, where) => {
  const folder = await temporaryFolder();
  const spec = await writeSpec(folder, 'unread', ['create', 'cutover']);
  const result = await open(join(folder, 'result'), 'w');
  const told = where === 'pipe' ? undefined : await open(where, 'w');

  // Its baseline cannot be asked, which it tells before it shows the plan.
  const command = spawn(process.execPath, [MAIN, 'plan', spec, '--state', folder], {
    stdio: ['ignore', result.fd, told?.fd ?? 'pipe'],
  });
  command.stderr?.destroy();

  expect(await once(command, 'exit')).toEqual([0, null]);
  await result.close();
  await told?.close();
  expect(await readFile(join(folder, 'result'), 'utf8')).toContain('cutover');
});
