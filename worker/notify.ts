import { isIP } from 'node:net';
import { LinkSigner } from '../adapters/notify/links.js';
import { createNotifier } from '../adapters/notify/notifier.js';
import { resolveSecret } from '../adapters/notify/secrets.js';
import type { Notifier } from '../adapters/ports.js';
import { uiLink, type TemporalPlace } from '../client/temporal.js';
import { EmbeddedError } from '../embedded/errors.js';
import { loadChannels, renderProblems } from '../spec/index.js';

/** Where approve and reject links are answered. */
export interface LinkSettings {
  /** What stands before `/answer` in links: what people's browsers reach. */
  readonly publicUrl: string;
  readonly signer: LinkSigner;
  readonly host: string;
  readonly port: number;
}

const PUBLIC_URL = 'GREENLIGHT_PUBLIC_URL';
const LISTEN = 'GREENLIGHT_LINKS_LISTEN';
const SECRET = 'GREENLIGHT_LINKS_SECRET';
const CHANNELS = 'GREENLIGHT_NOTIFY';

/**
 * How links are served, by the environment; null unless `GREENLIGHT_PUBLIC_URL` is set.
 *
 * @throws {EmbeddedError} for what is not as it should be.
 */
export async function linkSettings(env: NodeJS.ProcessEnv): Promise<LinkSettings | null> {
  const publicUrl = env[PUBLIC_URL];
  if (publicUrl === undefined || publicUrl === '') return null;
  if (!URL.canParse(publicUrl) || !/^https?:$/.test(new URL(publicUrl).protocol)) {
    throw new EmbeddedError(
      `${PUBLIC_URL} is "${publicUrl}"; wanted: the address under which people's browsers reach this worker, such as https://greenlight.example.com`,
    );
  }
  return { publicUrl, signer: await signerOf(env), ...listenAt(env[LISTEN] ?? '127.0.0.1:9465') };
}

async function signerOf(env: NodeJS.ProcessEnv): Promise<LinkSigner> {
  const file = env[`${SECRET}_FILE`];
  try {
    return new LinkSigner(await resolveSecret(file === undefined ? { env: SECRET } : { file }, env));
  } catch (error) {
    throw new EmbeddedError(
      `${PUBLIC_URL} is set, and links need a secret that all workers share, in ${SECRET} or in the file that ${SECRET}_FILE names: ` +
        (error instanceof Error ? error.message : String(error)),
      { cause: error },
    );
  }
}

function listenAt(text: string): { readonly host: string; readonly port: number } {
  const at = text.lastIndexOf(':');
  const host = text.slice(0, at).replace(/^\[|\]$/g, '');
  const port = Number(text.slice(at + 1));
  if (
    at > 0 &&
    (host === 'localhost' || isIP(host) > 0) &&
    Number.isInteger(port) &&
    port >= 0 &&
    port <= 65_535
  ) {
    return { host, port };
  }
  throw new EmbeddedError(`${LISTEN} is "${text}"; wanted: an address and a port, such as 127.0.0.1:9465`);
}

/**
 * Tells of rollouts: to the channels of each spec, and to those of the file that `GREENLIGHT_NOTIFY` names.
 *
 * @throws {EmbeddedError} with every problem of that file.
 */
export async function notifierOf(
  env: NodeJS.ProcessEnv,
  links: LinkSettings | null,
  place: TemporalPlace,
): Promise<Notifier> {
  const file = env[CHANNELS];
  const loaded =
    file === undefined || file === '' ? { ok: true as const, channels: [] } : await loadChannels(file);
  if (!loaded.ok) throw new EmbeddedError(`${CHANNELS} names ${file}:\n${renderProblems(loaded.problems)}`);
  return createNotifier({
    channels: loaded.channels,
    env,
    links,
    uiLink: (workflowId, runId) => uiLink(place, workflowId, runId),
  });
}
