import { join } from 'node:path';
import type { TemporalSettings } from './connection.js';
import { ensureDaemon, runningDaemon, stopDaemon } from './daemons.js';
import { packageRoot } from './package-root.js';
import { readWorkerNote } from './worker-note.js';

const NAME = 'worker';
const READY_WITHIN_MS = 60_000;
/** A worker ends its tasks within 25 s. */
const STOP_WITHIN_MS = 30_000;

/** Its server is most likely gone, and then it waits in vain to tell it what becomes of its tasks. */
const ELSEWHERE_STOP_WITHIN_MS = 5_000;

/**
 * Starts a worker in the background and returns when it takes tasks. One that runs already is left alone, unless it
 * works for another server, or with other codec keys.
 *
 * @param wanted - what `temporalSettings(state)` and the environment say: the worker finds its server and its keys in the
 *   same way.
 * @returns its health address: `/healthz`, `/readyz`, `/metrics`.
 * @throws {EmbeddedError} when it does not get ready.
 */
export async function startWorker(
  state: string,
  wanted: Pick<TemporalSettings, 'address' | 'namespace'> & { readonly keyIds?: readonly string[] },
): Promise<string> {
  const running = await runningDaemon(state, NAME);
  const note = running === undefined ? undefined : await readWorkerNote(state, running.pid);
  if (note !== undefined) {
    const elsewhere = note.temporal !== wanted.address || note.namespace !== wanted.namespace;
    if (elsewhere) await stopDaemon(state, NAME, ELSEWHERE_STOP_WITHIN_MS);
    else if (note.codecKeys.join() !== (wanted.keyIds ?? []).join()) await stopWorker(state);
  }
  return ensureDaemon(
    state,
    {
      name: NAME,
      command: process.execPath,
      args: [join(packageRoot(), 'dist', 'worker', 'main.js'), '--state', state],
    },
    ({ pid }) => ready(state, pid),
    READY_WITHIN_MS,
  );
}

/** @returns whether one ran. */
export async function stopWorker(state: string): Promise<boolean> {
  return stopDaemon(state, NAME, STOP_WITHIN_MS);
}

async function ready(state: string, pid: number): Promise<string | undefined> {
  const note = await readWorkerNote(state, pid);
  if (note === undefined) return undefined;
  return fetch(`${note.url}/readyz`, { signal: AbortSignal.timeout(2_000) }).then(
    ({ ok }) => (ok ? note.url : undefined),
    () => undefined,
  );
}
