import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type * as Fs from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { lookUp } from '../../../host/processes.js';
import { lockState } from '../../../host/state/lock.js';

/** Codes of the errors that reading a file ends with, once each. */
const unreadable = vi.hoisted(() => new Map<unknown, string>());
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof Fs>();
  const readFileSync = (...args: Parameters<typeof fs.readFileSync>) => {
    const code = unreadable.get(args[0]);
    unreadable.delete(args[0]);
    if (code !== undefined) throw Object.assign(new Error(code), { code });
    return fs.readFileSync(...args);
  };
  return { ...fs, readFileSync };
});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'greenlight-lock-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it.each`
  code        | takes    | because
  ${'ENFILE'} | ${false} | ${'its holder may live: the machine has no file left to look'}
  ${'ENOMEM'} | ${false} | ${'its holder may live: the machine has no memory left to look'}
  ${'ENOENT'} | ${true}  | ${'its holder is gone'}
  ${'ESRCH'}  | ${true}  | ${'its holder went in the middle of the look'}
`('takes a lock of another ($code): $takes, because $because', async ({ code, takes }) => {
  const holder = spawn('sleep', ['60']);
  await once(holder, 'spawn');
  const path = join(folder, 'host.lock');
  const held = JSON.stringify({ ...lookUp(holder.pid!), purpose: 'endpoint host', since: 'now' });
  await writeFile(path, held);
  unreadable.set(`/proc/${holder.pid}/stat`, code as string);

  const taking = lockState(path, 'test');

  await (takes ? expect(taking).resolves.toBeDefined() : expect(taking).rejects.toThrow(code as string));
  expect((await readFile(path, 'utf8')) === held).toBe(!takes);
  holder.kill('SIGKILL');
});
