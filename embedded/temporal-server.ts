import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { z } from 'zod';
import { DEFAULT_NAMESPACE } from '../core/names.js';
import { SEARCH_ATTRIBUTES } from '../core/search-attributes.js';
import { type DaemonCommand, ensureDaemon, runningDaemon, stopDaemon } from './daemons.js';
import { EmbeddedError } from './errors.js';
import { readJson, writeJson } from './files.js';
import { freePort } from './processes.js';

/** In the state folder: where the server is, also while it does not run. */
export const TEMPORAL_FILE = 'temporal.json';

const NAME = 'temporal';
const READY_WITHIN_MS = 60_000;
const ATTEMPTS = 3;
/** What the server's log ends with when another process listens on its port, or it finds none for what it keeps to itself. */
const TAKEN = /address already in use|failed to assign a free port/;

/** A Temporal server of our own. */
export const TemporalServer = z.object({
  /** host:port of its gRPC service. */
  address: z.string(),
  namespace: z.string(),
  uiUrl: z.string(),
});
export type TemporalServer = z.infer<typeof TemporalServer>;

/**
 * Starts a durable dev server in the background and returns when it serves; one that runs already is left alone.
 *
 * All of it stands in `state`: the database, the log, and the ports, which it keeps over restarts where they are free.
 *
 * @param executable - see `ensureTemporal`.
 * @param codecUrl - where its UI has payloads decoded; a server that runs already learns of it at its next start.
 * @throws {EmbeddedError} when it does not come up.
 */
export async function startTemporal(
  state: string,
  executable: string,
  codecUrl?: string,
): Promise<TemporalServer> {
  await mkdir(state, { recursive: true, mode: 0o700 });
  const file = join(state, TEMPORAL_FILE);
  const last = await readJson(file, TemporalServer);
  const running = (await runningDaemon(state, NAME)) !== undefined;
  for (let attempt = 1, server = running && last !== undefined ? last : await place(last); ; attempt++) {
    await writeJson(file, server);
    try {
      await ensureDaemon(
        state,
        command(state, executable, server, codecUrl),
        () => serves(server),
        READY_WITHIN_MS,
      );
      return server;
    } catch (error) {
      // A port that was free a moment ago: any connection of this machine may have taken it since.
      const taken = error instanceof EmbeddedError && TAKEN.test(error.message);
      if (!taken || attempt === ATTEMPTS) throw error;
      server = await place(undefined);
    }
  }
}

/** @returns whether one ran. Its database stays. */
export async function stopTemporal(state: string): Promise<boolean> {
  return stopDaemon(state, NAME);
}

async function place(last: TemporalServer | undefined): Promise<TemporalServer> {
  const port = await freePort(last === undefined ? 0 : portOf(`http://${last.address}`));
  let uiPort = await freePort(last === undefined ? 0 : portOf(last.uiUrl));
  while (uiPort === port) uiPort = await freePort();
  return {
    address: `127.0.0.1:${port}`,
    namespace: DEFAULT_NAMESPACE,
    uiUrl: `http://127.0.0.1:${uiPort}`,
  };
}

function command(
  state: string,
  executable: string,
  server: TemporalServer,
  codecUrl: string | undefined,
): DaemonCommand {
  return {
    name: NAME,
    command: executable,
    args: [
      ...['server', 'start-dev', '--ip', '127.0.0.1', '--log-level', 'error'],
      ...['--port', String(portOf(`http://${server.address}`)), '--ui-port', String(portOf(server.uiUrl))],
      // Durable, and many times faster than the file mode's defaults: one writer, no rollback journal.
      ...['--db-filename', join(state, 'temporal.db')],
      ...['--sqlite-pragma', 'journal_mode=wal', '--sqlite-pragma', 'synchronous=normal'],
      ...(codecUrl === undefined ? [] : ['--ui-codec-endpoint', codecUrl]),
      // Here as well as by `registerSearchAttributes`: a server that is told so at its start knows them at once.
      ...Object.entries(SEARCH_ATTRIBUTES).flatMap(([name, type]) => [
        '--search-attribute',
        `${name}=${type === 'INT' ? 'Int' : 'Keyword'}`,
      ]),
    ],
  };
}

/** The health of the frontend, and the namespace, which is made a moment later. */
async function serves(server: TemporalServer): Promise<true | undefined> {
  let connection: Connection | undefined;
  try {
    connection = await Connection.connect({ address: server.address, connectTimeout: 2_000 });
    const health = await connection.healthService.check({
      service: 'temporal.api.workflowservice.v1.WorkflowService',
    });
    await connection.workflowService.describeNamespace({ namespace: server.namespace });
    return health.status === SERVING ? true : undefined;
  } catch {
    return undefined;
  } finally {
    await connection?.close();
  }
}

/** grpc.health.v1.HealthCheckResponse.ServingStatus.SERVING */
const SERVING = 1;

function portOf(url: string): number {
  return Number(new URL(url).port);
}
