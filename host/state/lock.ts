import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { isAlive, lookUp } from '../processes.js';
import { hasCode } from './atomic.js';
import type { ProcessRef } from './model.js';

/** Somebody else works on the state folder. */
export class StateHeld extends Error {
  override readonly name = 'StateHeld';
}

/**
 * Makes this process the only one that works on a state folder.
 *
 * The lock names its holder by number and start time, so that a holder that was killed holds nothing any more.
 *
 * @returns gives the folder back.
 * @throws {StateHeld} when another process holds it.
 */
export async function lockState(path: string, purpose: string): Promise<() => Promise<void>> {
  const self = lookUp(process.pid);
  if (!self) throw new Error('/proc does not show this process; the host needs Linux with /proc mounted');
  const mine = JSON.stringify({
    pid: self.pid,
    startTime: self.startTime,
    purpose,
    since: new Date().toISOString(),
  });
  const beside = `${path}.${process.pid}`;
  for (let attempt = 0; attempt < 5; attempt++) {
    await writeFile(beside, mine, { mode: 0o600 });
    try {
      await link(beside, path); // fails if there is one: the file appears whole or not at all
      return async () => {
        if ((await readFile(path, 'utf8').catch(() => '')) === mine) await rm(path, { force: true });
      };
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    } finally {
      await rm(beside, { force: true });
    }
    await removeIfDead(path);
  }
  throw new StateHeld(`${path} could not be taken: others take it all the time; try again`);
}

async function removeIfDead(path: string): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const holder = parseHolder(text);
  if (holder && isAlive(holder)) {
    throw new StateHeld(
      `the state folder is held by process ${holder.pid} (${holder.purpose}, since ${holder.since}); ` +
        `stop that one first, or use another --state`,
    );
  }
  // Two may find the same dead lock: whoever moves away a fresh one by mistake puts it back.
  const aside = `${path}.dead.${process.pid}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  if ((await readFile(aside, 'utf8')) !== text) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

/** @returns who holds the folder now, undefined when nobody does. */
export async function lockHolder(
  path: string,
): Promise<(ProcessRef & { readonly purpose: string }) | undefined> {
  const holder = parseHolder(await readFile(path, 'utf8').catch(() => ''));
  return holder && isAlive(holder) ? holder : undefined;
}

function parseHolder(text: string): (ProcessRef & { purpose: string; since: string }) | undefined {
  try {
    const value = JSON.parse(text) as { pid: number; startTime: string; purpose: string; since: string };
    return typeof value.pid === 'number' && typeof value.startTime === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
