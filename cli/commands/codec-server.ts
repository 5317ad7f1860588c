import { readFile } from 'node:fs/promises';
import { isLoopback } from '../../adapters/loopback.js';
import { openEncryption } from '../../codec/data-converter.js';
import { KEYS_FILE } from '../../codec/keys.js';
import { serveCodec } from '../../codec/server.js';
import { CliError } from '../errors.js';
import type { CommandFunction } from '../program.js';
import { aborted } from '../wait.js';

const TOKEN = 'GREENLIGHT_CODEC_TOKEN';
const TOKEN_FILE = 'GREENLIGHT_CODEC_TOKEN_FILE';

/** Decodes payloads for Temporal's UI and CLI until it is ended. */
export const codecServer: CommandFunction = async (ctx, _args, options) => {
  const {
    host,
    port,
    origin: origins = [],
    namespace = null,
  } = options as { host: string; port: number; origin?: readonly string[]; namespace?: string };
  const stop = ctx.stop();
  const { codec } = await openEncryption(ctx.env);
  if (codec === null) {
    throw new CliError(
      'usage',
      `There is nothing to decode with: ${KEYS_FILE} is not set. Set it to the file with the keys of the workers.`,
    );
  }
  const token = await tokenOf(ctx.env);
  if (token === null && !isLoopback(host)) {
    throw new CliError(
      'usage',
      `--host ${host} is not of this machine alone, and whoever reaches it could read every payload. ` +
        `Set ${TOKEN_FILE} (or ${TOKEN}) to a secret that callers have to show, and put TLS in front.`,
    );
  }
  const server = await serveCodec({ codec, host, port, origins: origins.map(originOf), token, namespace });
  try {
    ctx.out.result(`Codec server at ${server.url}; keys: ${codec.keyIds.join(', ')}. Ctrl-C ends it.`, {
      url: server.url,
      keyIds: codec.keyIds,
      origins,
    });
    await aborted(stop);
  } finally {
    await server.close();
  }
  return 'ok';
};

async function tokenOf(env: NodeJS.ProcessEnv): Promise<string | null> {
  const file = env[TOKEN_FILE];
  const token = (file === undefined ? env[TOKEN] : await readFile(file, 'utf8'))?.trim();
  if (token === undefined) return null;
  if (token.length >= 16) return token;
  throw new CliError(
    'usage',
    `The token in ${file ?? TOKEN} is ${token.length} characters long; wanted: at least 16 that nobody guesses.`,
  );
}

/** As a browser sends it: no path, no slash at the end. */
function originOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // Of any other scheme it is the text `null`, which is what browsers send for every page in a sandbox.
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url.origin;
  throw new CliError(
    'usage',
    `"${text}" is no address of a UI; expected e.g. --origin https://temporal.example.com`,
  );
}
