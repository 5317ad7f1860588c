import { createServer } from 'node:net';
import { join } from 'node:path';
import type { z } from 'zod';
import { runningDaemon } from '../embedded/daemons.js';
import { readJson } from '../embedded/files.js';
import { HostNote, hostState } from '../embedded/host.js';
import { TEMPORAL_FILE, TemporalServer } from '../embedded/temporal-server.js';
import { ok, warning, type Check } from './checks.js';

/** Parts of `up` come back at the ports that they had: of those that do not run, nobody else may have them. */
export async function checkPorts(stateDir: string): Promise<Check> {
  const wanted = await wantedPorts(stateDir);
  const free = await Promise.all(wanted.map(({ port }) => isFree(port)));
  const taken = wanted.filter((_, i) => free[i] === false);
  if (taken.length === 0) {
    return ok(
      'Ports',
      wanted.length === 0
        ? 'no part that was stopped waits for one'
        : `${wanted.map(({ port }) => port).join(', ')} are free`,
    );
  }
  return warning(
    'Ports',
    `something else listens where a part of \`greenlight up\` was: ${taken.map(({ part, port }) => `${part}, ${port}`).join('; ')}`,
    'end it, or clients of that part have to be told its new address: `greenlight up` takes another port',
  );
}

interface Wanted {
  readonly part: string;
  readonly port: number;
}

async function wantedPorts(stateDir: string): Promise<readonly Wanted[]> {
  const [temporal, host] = await Promise.all([
    runningDaemon(stateDir, 'temporal').then((running) =>
      running === undefined ? noted(join(stateDir, TEMPORAL_FILE), TemporalServer) : undefined,
    ),
    runningDaemon(stateDir, 'host').then((running) =>
      running === undefined ? noted(join(hostState(stateDir), 'host.json'), HostNote) : undefined,
    ),
  ]);
  const all: readonly (readonly [string, string | undefined])[] = [
    ['Temporal', temporal && `http://${temporal.address}`],
    ["Temporal's UI", temporal?.uiUrl],
  ];
  // The gateway outlives its host, so its port says nothing; the host's own does.
  const hosts: typeof all = [['endpoint host', host?.url]];
  return [...all, ...hosts].flatMap(([part, url]) =>
    url === undefined ? [] : [{ part, port: Number(new URL(url).port) }],
  );
}

/** What is not there, or not readable, is not wanted. */
function noted<T>(file: string, schema: z.ZodType<T>): Promise<T | undefined> {
  return readJson(file, schema).catch(() => undefined);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
