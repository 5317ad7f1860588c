import { join } from 'node:path';
import { z } from 'zod';
import { type DaemonCommand, ensureDaemon, runningDaemon, stopDaemon } from './daemons.js';
import { readJson, writeJson } from './files.js';
import { packageRoot } from './package-root.js';
import { freePort } from './processes.js';

const NAME = 'codec';
const READY_WITHIN_MS = 30_000;

const CodecPlace = z.object({
  url: z.string(),
  /** Of the keys that the running one was started with. */
  keyIds: z.array(z.string()),
});
type CodecPlace = z.infer<typeof CodecPlace>;

/** Where our codec server listens, or will: a port that it keeps over restarts where it is free. */
export async function codecPlace(state: string): Promise<CodecPlace> {
  const last = await readJson(noteFile(state), CodecPlace);
  if (last !== undefined && (await runningDaemon(state, NAME)) !== undefined) return last;
  const port = await freePort(last === undefined ? 0 : Number(new URL(last.url).port));
  return { url: `http://127.0.0.1:${port}`, keyIds: [] };
}

/**
 * Starts the codec server of our own Temporal in the background, for its UI alone; one with other keys is replaced.
 *
 * @returns its address.
 * @throws {EmbeddedError} when it does not come up.
 */
export async function startCodecServer(
  state: string,
  place: CodecPlace,
  uiUrl: string,
  keyIds: readonly string[],
): Promise<string> {
  if (place.keyIds.join() !== keyIds.join()) await stopCodecServer(state);
  await writeJson(noteFile(state), { url: place.url, keyIds });
  const { port } = new URL(uiUrl);
  // People open the UI by either name.
  const origins = [`http://127.0.0.1:${port}`, `http://localhost:${port}`];
  const command: DaemonCommand = {
    name: NAME,
    command: process.execPath,
    args: [
      ...[join(packageRoot(), 'dist', 'cli', 'main.js'), 'codec-server', '--port', new URL(place.url).port],
      ...origins.flatMap((origin) => ['--origin', origin]),
    ],
    env: withoutToken(process.env),
  };
  return ensureDaemon(state, command, () => answers(place.url), READY_WITHIN_MS);
}

/** @returns whether one ran. */
export async function stopCodecServer(state: string): Promise<boolean> {
  return stopDaemon(state, NAME);
}

/** Temporal's own UI cannot show one; a token is for codec servers that more than this machine reaches. */
function withoutToken({
  GREENLIGHT_CODEC_TOKEN: _token,
  GREENLIGHT_CODEC_TOKEN_FILE: _file,
  ...env
}: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return env;
}

async function answers(url: string): Promise<string | undefined> {
  return fetch(`${url}/healthz`, { signal: AbortSignal.timeout(2_000) }).then(
    ({ ok }) => (ok ? url : undefined),
    () => undefined,
  );
}

function noteFile(state: string): string {
  return join(state, 'codec.json');
}
