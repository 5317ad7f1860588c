import { join } from 'node:path';
import { z } from 'zod';
import { ensureDaemon, stopDaemon } from './daemons.js';
import { readJson } from './files.js';
import { packageRoot } from './package-root.js';

const NAME = 'worker';
const READY_WITHIN_MS = 60_000;
/** A worker ends its tasks within 25 s. */
const STOP_WITHIN_MS = 30_000;

/** What a worker notes when it listens. */
const WorkerNote = z.object({ pid: z.int().positive(), url: z.string() });

/**
 * Starts a worker in the background and returns when it takes tasks; one that runs already is left alone.
 *
 * It finds Temporal as `temporalSettings(state)` does.
 *
 * @returns its health address: `/healthz`, `/readyz`, `/metrics`.
 * @throws {EmbeddedError} when it does not get ready.
 */
export async function startWorker(state: string): Promise<string> {
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
  const note = await readJson(join(state, 'worker.json'), WorkerNote);
  if (note?.pid !== pid) return undefined;
  return fetch(`${note.url}/readyz`, { signal: AbortSignal.timeout(2_000) }).then(
    ({ ok }) => (ok ? note.url : undefined),
    () => undefined,
  );
}
