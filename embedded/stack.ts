import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { lock } from './cache.js';
import { openEncryption, type Encryption } from '../codec/data-converter.js';
import { codecPlace, startCodecServer, stopCodecServer } from './codec-server.js';
import { configuredTemporal, type TemporalSettings, temporalSettings } from './connection.js';
import { EmbeddedError, messageOf } from './errors.js';
import { hostState, startHost, stopHost } from './host.js';
import { type Progress, progressToStderr } from './progress.js';
import { registerSearchAttributes } from './search-attributes.js';
import { startTemporal, stopTemporal, type TemporalServer } from './temporal-server.js';
import { ensureHostTools, ensureTools } from './tools.js';
import { startWorker, stopWorker } from './worker.js';

/** The parts that run on this machine, and where they are. */
export interface Stack {
  readonly temporal: {
    readonly address: string;
    readonly namespace: string;
    /** null for a server that is not ours: its UI is its own affair. */
    readonly uiUrl: string | null;
    /** Whether `stopStack` ends it. */
    readonly own: boolean;
  };
  readonly host: {
    /** Its state folder, with `host.json`. */
    readonly state: string;
    readonly gatewayUrl: string;
  };
  readonly worker: { readonly healthUrl: string };
  /** Decodes payloads for the UI of our own Temporal; null where nothing is encrypted, or the server is not ours. */
  readonly codec: { readonly url: string } | null;
}

export interface StackOptions {
  /** State folder; see `stateDir`. */
  readonly state: string;
  readonly progress?: Progress;
}

/**
 * Brings up Temporal (unless one is configured), the endpoint host and a worker, and returns when all of them answer.
 *
 * Safe to repeat: what runs is left alone, what died is started again.
 *
 * @throws {EmbeddedError} naming the part that does not come up, with the end of its log. The others stay up.
 */
export async function startStack({ state, progress = progressToStderr }: StackOptions): Promise<Stack> {
  return exclusively(state, async () => {
    const encryption = await openEncryption(process.env);
    const configured = configuredTemporal(process.env);
    // Before anything slow: an address that leads nowhere is for the user to correct.
    if (configured !== undefined) await prepareNamespace(configured);
    const tools =
      configured === undefined
        ? await ensureTools(progress)
        : { ...(await ensureHostTools(progress)), temporal: undefined };
    const temporalThenWorker = async () => {
      const { server, codec } = await ownTemporal(state, tools.temporal, encryption);
      const settings = await temporalSettings(state);
      if (server !== undefined) await prepareNamespace(settings);
      const healthUrl = await startWorker(state, { ...settings, keyIds: encryption.keyIds });
      return { temporal: shown(settings, server), codec, healthUrl };
    };
    const [{ temporal, codec, healthUrl }, host] = await allOrFirstProblem([
      temporalThenWorker(),
      startHost(state, tools),
    ]);
    return {
      temporal,
      host: { state: hostState(state), gatewayUrl: host.gatewayUrl },
      worker: { healthUrl },
      codec,
    };
  });
}

/** Which parts ran, and were ended. */
export interface Stopped {
  readonly temporal: boolean;
  readonly host: boolean;
  readonly worker: boolean;
}

/**
 * Ends the worker, the host with its gateway and model servers, and our Temporal server. What they know stays on disk,
 * so that rollouts and endpoints go on after the next `startStack`.
 *
 * @throws {EmbeddedError} when a process would not end.
 */
export async function stopStack({ state }: Pick<StackOptions, 'state'>): Promise<Stopped> {
  return exclusively(state, async () => {
    // First the worker: it tells Temporal what becomes of its tasks.
    const worker = await stopWorker(state);
    const [host, temporal] = await allOrFirstProblem([
      stopHost(state),
      stopTemporal(state),
      stopCodecServer(state),
    ]);
    return { temporal, host, worker };
  });
}

/** Our own server, and beside it what lets its UI read payloads; nothing of both where the user configured a server. */
async function ownTemporal(
  state: string,
  executable: string | undefined,
  { codec }: Encryption,
): Promise<{ readonly server: TemporalServer | undefined; readonly codec: Stack['codec'] }> {
  if (executable === undefined) return { server: undefined, codec: null };
  if (codec === null) {
    await stopCodecServer(state);
    return { server: await startTemporal(state, executable), codec: null };
  }
  // The UI is told where to ask before anyone listens there, and the listener whom to answer.
  const place = await codecPlace(state);
  const server = await startTemporal(state, executable, place.url);
  return { server, codec: { url: await startCodecServer(state, place, server.uiUrl, codec.keyIds) } };
}

function shown(settings: TemporalSettings, server: TemporalServer | undefined): Stack['temporal'] {
  return {
    address: settings.address,
    namespace: settings.namespace,
    uiUrl: server?.uiUrl ?? null,
    own: server !== undefined,
  };
}

async function prepareNamespace(settings: TemporalSettings): Promise<void> {
  let connection: Connection;
  try {
    connection = await Connection.connect(settings.connectionOptions);
  } catch (error) {
    throw new EmbeddedError(
      `Temporal at ${settings.address} does not answer: ${messageOf(error)}\n` +
        'Wanted: the server that TEMPORAL_ADDRESS or the configuration file names. Start it, or unset the address to use one of our own.',
      { cause: error },
    );
  }
  try {
    await registerSearchAttributes(connection, settings.namespace);
  } finally {
    await connection.close();
  }
}

/** One command at a time: two would start everything twice. */
async function exclusively<T>(state: string, work: () => Promise<T>): Promise<T> {
  await mkdir(state, { recursive: true, mode: 0o700 });
  const release = await lock(join(state, 'stack'), 5 * 60_000);
  try {
    return await work();
  } finally {
    await release();
  }
}

/** Like Promise.all, but waits for all: nothing goes on in the background after an error was told. */
async function allOrFirstProblem<T extends readonly unknown[]>(work: {
  readonly [K in keyof T]: Promise<T[K]>;
}): Promise<T> {
  await Promise.allSettled(work);
  return (await Promise.all(work)) as unknown as T;
}
