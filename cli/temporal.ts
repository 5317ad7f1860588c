import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { openEncryption } from '../codec/data-converter.js';
import { ROLLOUT_WORKFLOW } from '../core/messages.js';
import { temporalSettings, type TemporalSettings } from '../embedded/connection.js';
import { readJson } from '../embedded/files.js';
import { TEMPORAL_FILE, TemporalServer } from '../embedded/temporal-server.js';
import type { Context } from './context.js';
import { CliError, detailsOf } from './errors.js';
import type { Exit } from './exit-codes.js';

/** A Temporal server, and how it was found. */
export interface TemporalPlace extends TemporalSettings {
  /** Where the address came from, for messages. */
  readonly origin: string;
  /** Base address of its UI; null when nobody told. */
  readonly uiUrl: string | null;
  /** How payloads are written and read: encrypted, where there are keys. */
  readonly dataConverter: DataConverter;
}

export interface Session {
  readonly client: Client;
  readonly place: TemporalPlace;
}

const CONNECT_MS = 5_000;

/**
 * The server that the environment or Temporal's configuration file names, else the one of `greenlight up`. Says nothing
 * about whether it answers.
 *
 * @throws {CliError} unreachable, when there is none.
 * @throws {CodecError} when there are keys that cannot be used.
 */
export async function findTemporal(ctx: Context): Promise<TemporalPlace> {
  const settings = await temporalSettings(ctx.stateDir).catch((error: unknown) => {
    if (error instanceof Error && error.name === 'EmbeddedError') {
      throw new CliError('unreachable', error.message, { cause: error });
    }
    throw error;
  });
  const { dataConverter } = await openEncryption(ctx.env);
  const own = await readJson(join(ctx.stateDir, TEMPORAL_FILE), TemporalServer);
  return {
    ...settings,
    dataConverter,
    origin:
      settings.source === 'stack'
        ? `\`greenlight up\`, by ${join(ctx.stateDir, TEMPORAL_FILE)}`
        : configuredBy(ctx),
    uiUrl: ctx.env['GREENLIGHT_TEMPORAL_UI'] ?? (own?.address === settings.address ? own.uiUrl : null),
  };
}

function configuredBy({ env }: Context): string {
  return env['TEMPORAL_ADDRESS'] === undefined ? "Temporal's configuration file" : 'TEMPORAL_ADDRESS';
}

/**
 * Connects, runs `work`, and closes the connection again.
 *
 * @throws {CliError} unreachable, with the address and where it came from.
 */
export async function withTemporal(ctx: Context, work: (session: Session) => Promise<Exit>): Promise<Exit> {
  const session = await connect(await findTemporal(ctx));
  try {
    return await work(session);
  } finally {
    await session.client.connection.close();
  }
}

/** @throws {CliError} unreachable. The caller closes `client.connection`. */
export async function connect(place: TemporalPlace, withinMs = CONNECT_MS): Promise<Session> {
  try {
    const connection = await Connection.connect({ ...place.connectionOptions, connectTimeout: withinMs });
    const { namespace, dataConverter } = place;
    return { client: new Client({ connection, namespace, dataConverter }), place };
  } catch (error) {
    throw new CliError('unreachable', unreachableText(place, error), { cause: error });
  }
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
