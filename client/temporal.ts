import { join } from 'node:path';
import { Client, Connection, type ConnectionOptions } from '@temporalio/client';
import { type Encryption, openEncryption } from '../codec/data-converter.js';
import { ROLLOUT_WORKFLOW } from '../core/messages.js';
import { DEFAULT_NAMESPACE } from '../core/names.js';
import { configuredTemporal, temporalSettings, type TemporalSettings } from '../embedded/connection.js';
import { readJson } from '../embedded/files.js';
import { TEMPORAL_FILE, TemporalServer } from '../embedded/temporal-server.js';
import type { Tracing } from '../telemetry/tracing.js';
import { tracesWanted } from '../telemetry/wanted.js';
import { asGreenlightError, detailsOf, GreenlightError, isTurnedAway } from './errors.js';
import { RETRIES } from './late-calls.js';

/** A Temporal server, and how it was found. */
export interface TemporalPlace extends TemporalSettings {
  /** Where the address came from, for messages. */
  readonly origin: string;
  /** Base address of its UI; null when nobody told. */
  readonly uiUrl: string | null;
  /** How payloads are written and read. */
  readonly encryption: Encryption;
}

/** What is said to Temporal goes through this. */
export interface Session {
  readonly client: Client;
  /** Left out: nothing is traced. */
  readonly tracing?: Tracing;
  readonly place: TemporalPlace;
}

const CONNECT_MS = 5_000;

/** Where a Temporal server may be noted. */
export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  /** Folder that notes what `greenlight up` started. */
  readonly stateDir: string;
}

/**
 * The server that the environment or Temporal's configuration file names, else the one of `greenlight up`. Says nothing
 * about whether it answers.
 *
 * @throws {GreenlightError} unreachable, when there is none.
 * @throws {CodecError} when there are keys that cannot be used.
 */
export async function findTemporal({ env, stateDir }: Surroundings): Promise<TemporalPlace> {
  const settings = await temporalSettings(stateDir, env).catch((error: unknown) => {
    if (error instanceof Error && error.name === 'EmbeddedError') {
      throw new GreenlightError('unreachable', error.message, { cause: error });
    }
    throw error;
  });
  const own = await readJson(join(stateDir, TEMPORAL_FILE), TemporalServer);
  return {
    ...settings,
    encryption: await openEncryption(env),
    origin:
      settings.source === 'stack'
        ? `\`greenlight up\`, by ${join(stateDir, TEMPORAL_FILE)}`
        : env['TEMPORAL_ADDRESS']
          ? 'TEMPORAL_ADDRESS'
          : "Temporal's configuration file",
    uiUrl: env['GREENLIGHT_TEMPORAL_UI'] || (own?.address === settings.address ? own.uiUrl : null),
  };
}

/** Whether the environment or Temporal's configuration file names a server, also where that file cannot be used. */
export function namesServer(env: NodeJS.ProcessEnv): boolean {
  try {
    return configuredTemporal(env) !== undefined;
  } catch {
    return true;
  }
}

/** A server that a program names itself. */
export async function namedTemporal(
  { env }: Surroundings,
  { namespace = DEFAULT_NAMESPACE, ...connectionOptions }: NamedTemporal,
): Promise<TemporalPlace> {
  return {
    encryption: await openEncryption(env),
    connectionOptions,
    namespace,
    address: connectionOptions.address,
    source: 'environment',
    origin: 'the program that connects',
    uiUrl: env['GREENLIGHT_TEMPORAL_UI'] || null,
  };
}

/** How a program names a Temporal server. */
export interface NamedTemporal extends Pick<ConnectionOptions, 'tls'> {
  readonly apiKey?: string;
  /** host:port. */
  readonly address: string;
  /** Default `default`. */
  readonly namespace?: string;
}

/** @throws {GreenlightError} unreachable, also where it was reached and lets nobody in. The caller closes `client.connection`. */
export async function connect(place: TemporalPlace, withinMs = CONNECT_MS): Promise<Session> {
  try {
    const connection = await Connection.connect({
      ...place.connectionOptions,
      interceptors: [...RETRIES],
      connectTimeout: withinMs,
    });
    const { namespace } = place;
    const { dataConverter } = place.encryption;
    const tracing = await clientTracing();
    const plugins = tracing === undefined ? {} : { plugins: [tracing.plugin] };
    const client = new Client({ connection, namespace, dataConverter, ...plugins });
    return { client, place, ...(tracing === undefined ? {} : { tracing }) };
  } catch (error) {
    if (isTurnedAway(error)) throw asGreenlightError(error);
    throw new GreenlightError('unreachable', unreachableText(place, error), { cause: error });
  }
}

/** Loaded when it is asked for: it takes a while, and most clients do without. */
async function clientTracing(): Promise<Tracing | undefined> {
  if (!tracesWanted(process.env)) return undefined;
  const { startTracing } = await import('../telemetry/tracing.js');
  return startTracing('greenlight');
}

function unreachableText(place: TemporalPlace, error: unknown): string {
  return (
    `Temporal at ${place.address} (named by ${place.origin}) does not answer: ${detailsOf(error)}\n` +
    (place.source === 'stack'
      ? 'Run `greenlight up` to start it again; `greenlight doctor` shows what is up.'
      : 'Check the address and that it runs. To use one on this machine instead, unset it and run `greenlight up`.')
  );
}

/** The page of one run in Temporal's UI; null when its address is not known. */
export function uiLink(place: TemporalPlace, workflowId: string, runId: string): string | null {
  if (place.uiUrl === null) return null;
  const path = ['namespaces', place.namespace, 'workflows', workflowId, runId, 'history'];
  return `${place.uiUrl.replace(/\/$/, '')}/${path.map(encodeURIComponent).join('/')}`;
}

/** The page of all rollouts in Temporal's UI; null when its address is not known. */
export function uiListLink(place: TemporalPlace): string | null {
  if (place.uiUrl === null) return null;
  const query = encodeURIComponent(`WorkflowType = '${ROLLOUT_WORKFLOW}'`);
  return `${place.uiUrl.replace(/\/$/, '')}/namespaces/${encodeURIComponent(place.namespace)}/workflows?query=${query}`;
}
