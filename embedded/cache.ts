import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import lockfile from 'proper-lockfile';
import type { Check } from './check.js';
import { EmbeddedError } from './errors.js';
import type { Progress } from './progress.js';

/** The longest of the builds that hold it, with room. */
const LOCK_WAIT_MS = 20 * 60_000;

/** Where tools are kept: `GREENLIGHT_CACHE`, else `XDG_CACHE_HOME/greenlight`, else `~/.cache/greenlight`. */
export function cacheDir(env: NodeJS.ProcessEnv = process.env): string {
  if (env['GREENLIGHT_CACHE']) return env['GREENLIGHT_CACHE'];
  if (env['XDG_CACHE_HOME']) return join(env['XDG_CACHE_HOME'], 'greenlight');
  return join(homedir(), '.cache', 'greenlight');
}

export interface CacheEntry {
  /** Name with the pinned version, or with the digest of what it is made from: `envoy-1.40.0`. */
  readonly name: string;
  /** Fills `folder`. It is renamed to `finalFolder` afterwards: paths written into files must name that one. */
  build(folder: string, finalFolder: string): Promise<void>;
}

/** The folder of an entry; it may not exist. */
export function entryPath(name: string, cache: string = cacheDir()): string {
  return join(cache, name);
}

export async function hasEntry(name: string, cache: string = cacheDir()): Promise<boolean> {
  return exists(entryPath(name, cache));
}

/**
 * The folder of a finished entry, built now if it is missing.
 *
 * It is built beside and renamed, so that a half-done one never counts; a lock file keeps two commands at once from
 * building twice.
 *
 * @throws what `build` throws; nothing of that attempt is left.
 */
export async function ensureEntry(entry: CacheEntry, cache: string = cacheDir()): Promise<string> {
  const final = entryPath(entry.name, cache);
  if (await exists(final)) return final;
  await mkdir(cache, { recursive: true });
  const release = await lock(final, LOCK_WAIT_MS);
  try {
    if (await exists(final)) return final;
    await removeLeftovers(entry.name, cache);
    const beside = await mkdtemp(`${final}.part-`);
    try {
      await entry.build(beside, final);
      await rename(beside, final);
    } catch (error) {
      await rm(beside, { recursive: true, force: true });
      // Somebody who took over our lock was faster: theirs is as good.
      if (!(await exists(final))) throw error;
    }
    return final;
  } finally {
    await release();
  }
}

export interface CheckedEntry extends CacheEntry {
  /** Looks at the finished folder. */
  check(folder: string): Promise<Check>;
}

/**
 * Like `ensureEntry`, and looks at what is there. One that is definitely of no use is built again; one that gives no answer
 * stays: others may be running it.
 *
 * @returns why it is of no use also when built again; undefined where it is good.
 * @throws {EmbeddedError} when it gives no answer.
 */
export async function ensureGoodEntry(
  entry: CheckedEntry,
  progress: Progress,
  cache: string = cacheDir(),
): Promise<string | undefined> {
  const final = entryPath(entry.name, cache);
  if (await exists(final)) {
    const why = await whyBad(entry, final);
    if (why === undefined) return undefined;
    await dropBadEntry(entry, final, progress);
  }
  await ensureEntry(entry, cache);
  return whyBad(entry, final);
}

/** Another command may have built it again, or be at it: only its lock's holder takes an entry away, after a second look. */
async function dropBadEntry(entry: CheckedEntry, final: string, progress: Progress): Promise<void> {
  const release = await lock(final, LOCK_WAIT_MS);
  try {
    if (!(await exists(final))) return;
    const why = await whyBad(entry, final);
    if (why === undefined) return;
    progress(`${final} is of no use (${why}); making it again`);
    await rm(final, { recursive: true, force: true });
  } finally {
    await release();
  }
}

async function whyBad(entry: CheckedEntry, final: string): Promise<string | undefined> {
  const check = await entry.check(final);
  if (check.is === 'good') return undefined;
  if (check.is !== 'unanswered') return check.why;
  throw new EmbeddedError(
    [
      `What is in ${final} gave no answer: ${check.why}`,
      'Wanted: that it runs. It is left as it is, since the cause may pass (memory, processes, a busy machine).',
      'Run this again; if the answer stays the same, delete that folder first.',
    ].join('\n'),
  );
}

/** What builders left that were killed; whoever holds the entry's lock may take it away. */
async function removeLeftovers(name: string, cache: string): Promise<void> {
  const parts = (await readdir(cache)).filter((file) => file.startsWith(`${name}.part-`));
  await Promise.all(parts.map((file) => rm(join(cache, file), { recursive: true, force: true })));
}

/**
 * A lock beside `path` (which need not exist), shared by all processes of this machine.
 *
 * @param waitMs - how long to wait for whoever holds it. One that died is not waited for longer than 10 s.
 * @returns gives it back.
 * @throws {EmbeddedError} when it was not given in time.
 */
export async function lock(path: string, waitMs: number): Promise<() => Promise<void>> {
  const everyMs = 250;
  const held = { lost: false };
  try {
    const release = await lockfile.lock(path, {
      realpath: false,
      stale: 10_000,
      retries: { retries: Math.ceil(waitMs / everyMs), minTimeout: everyMs, maxTimeout: everyMs, factor: 1 },
      // A machine that slept: the work behind the lock is safe to do twice, the process must not crash for it.
      onCompromised: () => {
        held.lost = true;
      },
    });
    return async () => {
      if (!held.lost) await release();
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
    throw new EmbeddedError(
      `Another command has held ${path}.lock for ${Math.round(waitMs / 60_000)} minutes.\n` +
        'Wanted: one command at a time. Wait for it or end it, and run this again.',
      { cause: error },
    );
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
