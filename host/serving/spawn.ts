import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { once } from 'node:events';
import { lookUp } from '../processes.js';
import type { ProcessRef } from '../state/model.js';
import type { Launch } from './launch.js';

/**
 * Starts a process that outlives the host: a session of its own, output appended to a file.
 *
 * @param onExit - called with what it ended with, while this host lives.
 * @throws when the file cannot be run, or the process not be looked up; then none is left.
 */
export async function spawnDetached(
  launch: Launch,
  logPath: string,
  onExit: (how: string) => void,
): Promise<ProcessRef> {
  mkdirSync(dirname(logPath), { recursive: true, mode: 0o700 });
  // Appending: the log can be cut while the process writes, which then goes on at the new end.
  const log = openSync(logPath, 'a', 0o600);
  try {
    const child = spawn(launch.file, [...launch.args], {
      cwd: launch.cwd,
      env: { ...launch.env },
      detached: true,
      stdio: ['ignore', log, log],
    });
    child.once('exit', (code, signal) => {
      onExit(signal === null ? `exit code ${code}` : `signal ${signal}`);
    });
    await once(child, 'spawn'); // rejects with the 'error' event
    child.unref();
    const pid = child.pid!;
    try {
      // Gone so soon that /proc has nothing: a reference that no living process can match.
      return { pid, startTime: lookUp(pid)?.startTime ?? 'gone' };
    } catch (error) {
      child.kill('SIGKILL'); // nobody could tell it from a later one
      throw error;
    }
  } finally {
    closeSync(log);
  }
}
