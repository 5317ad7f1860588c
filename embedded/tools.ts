import { ensureEnvoy } from './envoy.js';
import { ensureModelServer } from './model-server.js';
import { type Progress, progressToStderr } from './progress.js';
import { ensureTemporal } from './temporal.js';

/** Paths of what the endpoint host needs. */
export interface HostTools {
  readonly envoy: string;
  /** A Python that has the model server and scikit-learn. */
  readonly python: string;
}

export interface Tools extends HostTools {
  readonly temporal: string;
}

/** @throws {EmbeddedError} of the first tool that cannot be got. */
export async function ensureHostTools(progress: Progress = progressToStderr): Promise<HostTools> {
  const [envoy, python] = await together((signal) => [
    ensureEnvoy(progress, signal),
    ensureModelServer(progress, signal),
  ]);
  return { envoy, python };
}

/** @throws {EmbeddedError} of the first tool that cannot be got. */
export async function ensureTools(progress: Progress = progressToStderr): Promise<Tools> {
  const [envoy, python, temporal] = await together((signal) => [
    ensureEnvoy(progress, signal),
    ensureModelServer(progress, signal),
    ensureTemporal(progress, signal),
  ]);
  return { temporal, envoy, python };
}

/**
 * All at once; the first that fails ends the others: who has no Python need not wait for Temporal to be built before
 * they learn that. Nothing goes on in the background afterwards.
 */
export async function together<T extends readonly unknown[]>(
  begin: (signal: AbortSignal) => readonly [...{ [K in keyof T]: Promise<T[K]> }],
): Promise<T> {
  const stop = new AbortController();
  const work = begin(stop.signal);
  try {
    return (await Promise.all(work)) as unknown as T;
  } catch (error) {
    stop.abort('another tool could not be got');
    await Promise.allSettled(work);
    throw error;
  }
}
