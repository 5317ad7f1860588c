import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { EmbeddedError } from './errors.js';
import { readJson, writeJson } from './files.js';
import { processIdentity, until } from './processes.js';
import { tail } from './run.js';

/** A background process that this or an earlier command started. */
export const Daemon = z.object({
  name: z.string(),
  pid: z.int().positive(),
  /** See `processIdentity`: the number alone could be somebody else's by now. */
  identity: z.string(),
  command: z.array(z.string()),
  logFile: z.string(),
});
export type Daemon = z.infer<typeof Daemon>;

export interface DaemonCommand {
  /** One word; names its files in the state folder. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Starts a program that outlives this one, with its output appended to `<state>/<name>.log`, and notes who it is.
 *
 * @throws {EmbeddedError} when it cannot be started at all, or not be noted; whether it stays up is for its health to say.
 */
export async function startDaemon(state: string, what: DaemonCommand): Promise<Daemon> {
  await mkdir(state, { recursive: true, mode: 0o700 });
  const logFile = join(state, `${what.name}.log`);
  const pid = await spawnDetached(state, what, logFile);
  try {
    const daemon: Daemon = {
      name: what.name,
      pid,
      // It may have ended already: then nothing has this identity, and its health check says so.
      identity: (await processIdentity(pid)) ?? 'ended',
      command: [what.command, ...what.args],
      logFile,
    };
    await writeJson(recordFile(state, what.name), daemon);
    return daemon;
  } catch (error) {
    // Nobody would find it again, and the next one would be a second one on the same files.
    signal(-pid, 'SIGKILL');
    const lives = () => processIdentity(pid).catch(() => 'nobody can tell');
    await until(async () => ((await lives()) === undefined ? true : undefined), 10_000, 50);
    throw new EmbeddedError(
      `${what.name} was ended again, since it could not be noted: ${error instanceof Error ? error.message : String(error)}\n` +
        `Wanted: room in ${state}, and the right to write there.`,
      { cause: error },
    );
  }
}

/** @returns its pid, which is that of its process group too. */
async function spawnDetached(state: string, what: DaemonCommand, logFile: string): Promise<number> {
  const log = await open(logFile, 'a', 0o600);
  try {
    const child = spawn(what.command, what.args, {
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: what.env ?? process.env,
      cwd: state,
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    return child.pid!;
  } catch (error) {
    throw new EmbeddedError(
      `${what.name} did not start: ${error instanceof Error ? error.message : String(error)}\n` +
        `Wanted: \`${what.command}\` to be executable. See that it is there, and run this again.`,
      { cause: error },
    );
  } finally {
    await log.close();
  }
}

/** The noted process of that name, if it still runs. */
export async function runningDaemon(state: string, name: string): Promise<Daemon | undefined> {
  const daemon = await readJson(recordFile(state, name), Daemon);
  return daemon !== undefined && (await isRunning(daemon)) ? daemon : undefined;
}

async function isRunning(daemon: Pick<Daemon, 'pid' | 'identity'>): Promise<boolean> {
  return (await processIdentity(daemon.pid)) === daemon.identity;
}

/**
 * Ends the noted process of that name and returns when it is gone: SIGTERM, and SIGKILL after `graceMs`.
 *
 * @returns whether there was one.
 */
export async function stopDaemon(state: string, name: string, graceMs = 30_000): Promise<boolean> {
  const daemon = await runningDaemon(state, name);
  if (daemon !== undefined) {
    signal(daemon.pid, 'SIGTERM');
    if (!(await isGone(daemon, graceMs))) {
      signal(daemon.pid, 'SIGKILL');
      await isGone(daemon, 10_000);
    }
  }
  await rm(recordFile(state, name), { force: true });
  return daemon !== undefined;
}

/**
 * Makes sure that a daemon runs and is ready: one that runs is left alone, one that does not is started.
 *
 * @param probe - asks whether it is ready; its first answer is given back.
 * @throws {EmbeddedError} with the end of its log when it ends before it is ready, or is not after `limitMs`.
 */
export async function ensureDaemon<T>(
  state: string,
  what: DaemonCommand,
  probe: (daemon: Daemon) => Promise<T | undefined>,
  limitMs: number,
): Promise<T> {
  const running = await runningDaemon(state, what.name);
  if (running !== undefined) {
    try {
      return await waitForDaemon(running, () => probe(running), limitMs);
    } catch (error) {
      // It was about to end when we looked.
      if (await isRunning(running)) throw error;
    }
  }
  const started = await startDaemon(state, what);
  return waitForDaemon(started, () => probe(started), limitMs);
}

/**
 * Waits until `probe` answers, and gives its answer.
 *
 * @throws {EmbeddedError} with the end of its log when the process ends first, or after `limitMs`.
 */
export async function waitForDaemon<T>(
  daemon: Daemon,
  probe: () => Promise<T | undefined>,
  limitMs: number,
): Promise<T> {
  const answer = await until(async () => {
    const answer = await probe();
    if (answer !== undefined) return { answer };
    return (await isRunning(daemon)) ? undefined : { ended: true as const };
  }, limitMs);
  if (answer !== undefined && 'answer' in answer) return answer.answer;
  const log = await readFile(daemon.logFile, 'utf8').catch(() => '');
  throw new EmbeddedError(
    [
      answer === undefined
        ? `${daemon.name} (process ${daemon.pid}) runs, and is not ready after ${limitMs / 1000} s.`
        : `${daemon.name} ended before it was ready.`,
      `The end of ${daemon.logFile}:`,
      tail(lastWords(log), 12),
    ].join('\n'),
  );
}

/** Up to the reason: a Go program that panics says it first, and where it stood in dozens of lines after that. */
function lastWords(log: string): string {
  const lines = log.trimEnd().split('\n');
  const at = lines.findLastIndex((line) => line.startsWith('panic: '));
  return at < 0 || lines.length - at > 200 ? log : lines.slice(0, at + 1).join('\n');
}

function recordFile(state: string, name: string): string {
  return join(state, `${name}.daemon.json`);
}

async function isGone(daemon: Daemon, limitMs: number): Promise<boolean> {
  return (await until(async () => ((await isRunning(daemon)) ? undefined : true), limitMs, 50)) ?? false;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // Gone in between: that is what was wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
