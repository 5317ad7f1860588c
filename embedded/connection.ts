import { join } from 'node:path';
import { type ClientConnectConfig, loadClientConnectConfig } from '@temporalio/envconfig';
import { DEFAULT_NAMESPACE } from '../core/names.js';
import { EmbeddedError, messageOf } from './errors.js';
import { readJson } from './files.js';
import { TEMPORAL_FILE, TemporalServer } from './temporal-server.js';

/** How to reach Temporal. */
export interface TemporalSettings {
  readonly connectionOptions: ClientConnectConfig['connectionOptions'];
  readonly namespace: string;
  /** host:port, for messages. */
  readonly address: string;
  /** `environment`: the user's own server, by TEMPORAL_… or a profile file; `stack`: the one that `greenlight up` started. */
  readonly source: 'environment' | 'stack';
}

/**
 * The server that the user configured, by `TEMPORAL_ADDRESS` and its siblings or by Temporal's configuration file;
 * undefined when neither names an address.
 *
 * @param env - all that is looked at: where it names no file, and no home to find one in, none is read.
 * @throws {EmbeddedError} when the configuration file is not what it should be.
 */
export function configuredTemporal(env: NodeJS.ProcessEnv): TemporalSettings | undefined {
  let config: ClientConnectConfig;
  try {
    config = loadClientConnectConfig({ configFileStrict: true, overrideEnvVars: thoseSet(env) });
  } catch (error) {
    // Without the cause: its text goes on with the lines around the mistake, one of which may be the API key.
    throw new EmbeddedError(
      `Temporal's client configuration cannot be used: ${slipOf(error)}\n` +
        'Wanted: the variables TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, …, or a profile in the file that TEMPORAL_CONFIG_FILE names. ' +
        'Mend it, or unset them to use the server of `greenlight up`.',
    );
  }
  const { address } = config.connectionOptions;
  if (address === undefined) return undefined;
  return {
    connectionOptions: config.connectionOptions,
    namespace: config.namespace ?? DEFAULT_NAMESPACE,
    address,
    source: 'environment',
  };
}

/** Set and empty, a variable says nothing: pipelines hand on so what nobody has set. Emptied metadata is not sent, though. */
function thoseSet(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && (entry[1] !== '' || entry[0].startsWith('TEMPORAL_GRPC_META_')),
    ),
  );
}

/** What is wrong and where, without what stands there. */
function slipOf(error: unknown): string {
  const [what = ''] = messageOf(error).split('\n');
  const { line, column } = error as { readonly line?: number; readonly column?: number };
  return line === undefined || column === undefined ? what : `${what} (line ${line}, column ${column})`;
}

/**
 * How the CLI and the worker reach Temporal: as configured, else the server that was started in `state`.
 *
 * Says nothing about whether it answers.
 *
 * @throws {EmbeddedError} when there is neither.
 */
export async function temporalSettings(
  state: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<TemporalSettings> {
  const configured = configuredTemporal(env);
  if (configured !== undefined) return configured;
  const own = await readJson(join(state, TEMPORAL_FILE), TemporalServer);
  if (own === undefined) {
    throw new EmbeddedError(
      `There is no Temporal server to talk to: TEMPORAL_ADDRESS is not set, and none was started in ${state}.\n` +
        'Start one with `greenlight up`, or set TEMPORAL_ADDRESS (and TEMPORAL_NAMESPACE) to one that runs.',
    );
  }
  return {
    connectionOptions: { address: own.address },
    namespace: own.namespace,
    address: own.address,
    source: 'stack',
  };
}
