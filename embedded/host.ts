import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { z } from 'zod';
import { ensureDaemon, runningDaemon, stopDaemon } from './daemons.js';
import { EmbeddedError } from './errors.js';
import { readJson } from './files.js';
import { packageRoot } from './package-root.js';
import { run, whyNot } from './run.js';

const NAME = 'host';
const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 60_000;

/** What the endpoint host notes when it listens. */
export const HostNote = z.object({
  pid: z.int().positive(),
  /** Of its ARM calls. */
  url: z.string(),
  /** PEM file of its own certificate authority. */
  caFile: z.string(),
  tokenFile: z.string(),
  /** Where clients of endpoints send their requests. */
  gatewayUrl: z.string(),
  envoyAdminUrl: z.string(),
  clusterPattern: z.string(),
});
export type HostNote = z.infer<typeof HostNote>;

/** The host's own state folder, inside that of the stack. */
export function hostState(state: string): string {
  return join(state, 'host');
}

/**
 * Starts the endpoint host in the background and returns when it answers; one that runs already is left alone.
 *
 * @throws {EmbeddedError} when it does not come up.
 */
export async function startHost(
  state: string,
  tools: { readonly envoy: string; readonly python: string },
): Promise<HostNote> {
  return ensureDaemon(
    state,
    {
      name: NAME,
      command: process.execPath,
      args: [program(), '--state', hostState(state), '--envoy', tools.envoy, '--python', tools.python],
    },
    ({ pid }) => answers(state, pid),
    READY_WITHIN_MS,
  );
}

/**
 * Stops the host, its gateway and its model servers; what they know stays on disk.
 *
 * @returns whether a host ran.
 * @throws {EmbeddedError} when the gateway or a model server would not end.
 */
export async function stopHost(state: string): Promise<boolean> {
  const ran = (await runningDaemon(state, NAME)) !== undefined;
  // Also without a running host: its gateway and model servers outlive it.
  const stop = await run(process.execPath, [program(), 'stop', '--state', hostState(state)], {
    timeoutMs: STOP_WITHIN_MS,
  });
  await stopDaemon(state, NAME);
  if (stop.code !== 0) {
    throw new EmbeddedError(
      `The endpoint host in ${hostState(state)} did not stop all of its processes: ${whyNot(stop)}\n` +
        'Wanted: its gateway and model servers gone. Look at its log, and run this again.',
    );
  }
  return ran;
}

/** Its note, when that is the note of this process and the address in it answers at all. */
async function answers(state: string, pid: number): Promise<HostNote | undefined> {
  const note = await readJson(join(hostState(state), 'host.json'), HostNote);
  if (note?.pid !== pid) return undefined;
  const ca = await readFile(note.caFile, 'utf8').catch(() => undefined);
  if (ca === undefined) return undefined;
  return new Promise((resolve) => {
    const asked = request(note.url, { ca, timeout: 2_000 }, (response) => {
      response.resume();
      resolve(note);
    });
    asked.once('timeout', () => asked.destroy(new Error('no answer within 2 s')));
    asked.once('error', () => resolve(undefined));
    asked.end();
  });
}

function program(): string {
  return join(packageRoot(), 'dist', 'host', 'main.js');
}
