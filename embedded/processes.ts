import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

/**
 * Who a process is, beyond its number: when it started. Numbers are used again, also soon; a number together with a
 * start time is not. undefined when there is no such process (or only its remains that nobody has collected).
 *
 * @throws when the machine cannot tell now, for want of files or memory.
 */
export async function processIdentity(pid: number): Promise<string | undefined> {
  return process.platform === 'linux' ? linuxIdentity(pid) : portableIdentity(pid);
}

async function linuxIdentity(pid: number): Promise<string | undefined> {
  const stat = await kernelFile(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The name in parentheses may hold spaces and parentheses; after it come state (3) … threads (20), start time (22).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A dead process whose other threads are still ending holds its ports and files: that one is not gone yet.
  if ((fields[0] === 'Z' || fields[0] === 'X') && Number(fields[17]) <= 1) return undefined;
  const boot = (await kernelFile('/proc/sys/kernel/random/boot_id')) ?? '';
  return `${boot.trim()}/${fields[19]}`;
}

/** Codes of errors which mean that a process is gone, or is hidden as another user's. */
const NOT_THERE: unknown[] = ['ENOENT', 'ESRCH', 'EACCES', 'EPERM'];

/** @throws what says nothing about the process, such as that no file can be opened now. */
async function kernelFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (NOT_THERE.includes((error as NodeJS.ErrnoException).code)) return undefined;
    throw error;
  }
}

async function portableIdentity(pid: number): Promise<string | undefined> {
  const ps = promisify(execFile);
  const shown = await ps('ps', ['-o', 'stat=,lstart=', '-p', String(pid)]).catch(() => undefined);
  const [, state, started] = /^\s*(\S+)\s+(.*\S)\s*$/.exec(shown?.stdout ?? '') ?? [];
  return state === undefined || state.startsWith('Z') ? undefined : started;
}

/** A port of 127.0.0.1 that nobody listens on now; `wanted` if that one is free. Another process may still be faster. */
export async function freePort(wanted = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => (wanted === 0 ? reject(error) : resolve(freePort())));
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        address !== null && typeof address === 'object'
          ? resolve(address.port)
          : reject(new Error('a listening TCP server without a port')),
      );
    });
  });
}

/**
 * Asks `probe` again and again until it answers something, and gives that.
 *
 * @returns undefined when `limitMs` has passed.
 */
export async function until<T>(
  probe: () => Promise<T | undefined>,
  limitMs: number,
  everyMs = 100,
): Promise<T | undefined> {
  const end = performance.now() + limitMs;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined) return answer;
    if (performance.now() >= end) return undefined;
    await sleep(everyMs);
  }
}
