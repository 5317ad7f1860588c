import { readFile } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { CodecError } from './errors.js';

/** Names the file that holds the keys. */
export const KEYS_FILE = 'GREENLIGHT_CODEC_KEYS_FILE';
/** Holds the keys themselves, for platforms that hand secrets over as variables. */
const KEYS = 'GREENLIGHT_CODEC_KEYS';

export interface CodecKey {
  /** Stands in plain text in the metadata of each payload. */
  readonly id: string;
  /** 32 bytes, for AES-256. */
  readonly bytes: Buffer;
}

/** At least one key; the first encrypts, all decrypt. */
export type CodecKeys = readonly [CodecKey, ...CodecKey[]];

/** Where keys come from, and how to get them anew. */
export interface KeySource {
  /** For messages: the variable, and the file that it names. */
  readonly origin: string;
  /** @throws {CodecError} when they cannot be used. */
  read(): Promise<CodecKeys>;
}

/**
 * Where the environment says that the keys are.
 *
 * @returns undefined when it names none: payloads stay as they are.
 * @throws {CodecError} when it names them twice, or by a relative path.
 */
export function keySource(env: NodeJS.ProcessEnv): KeySource | undefined {
  const file = env[KEYS_FILE];
  const text = env[KEYS];
  if (file !== undefined && text !== undefined) {
    throw new CodecError(
      `Both ${KEYS_FILE} and ${KEYS} are set; wanted: one of them, since nobody could tell which key encrypts.`,
    );
  }
  if (text !== undefined) return { origin: KEYS, read: () => Promise.resolve(parseKeys(text, KEYS)) };
  if (file === undefined) return undefined;
  if (!isAbsolute(file)) {
    throw new CodecError(
      `${KEYS_FILE} is "${file}"; wanted: an absolute path, since the worker runs in another folder.`,
    );
  }
  const origin = `${file} (named by ${KEYS_FILE})`;
  return { origin, read: async () => parseKeys(await content(file), origin) };
}

async function content(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new CodecError(
      `The codec keys cannot be read: ${error instanceof Error ? error.message : String(error)}\n` +
        `Wanted: the file that ${KEYS_FILE} names, readable for this user. Without its keys nothing encrypted can be read.`,
      { cause: error },
    );
  }
}

const BYTES = 32;
const MAKE = 'make one with: echo "ID:$(openssl rand -base64 32)"';

/**
 * Reads keys as they stand in the file: one a line, `ID:KEY`, the key as 32 bytes of base64; `#` begins a comment.
 * In one variable, commas part them as well.
 *
 * @param origin - where the text comes from, for messages; these never show any of it but ids.
 * @throws {CodecError}
 */
export function parseKeys(text: string, origin: string): CodecKeys {
  const keys: CodecKey[] = [];
  for (const [index, line] of text.split(/[\n,]/).entries()) {
    const entry = line.replace(/#.*/, '').trim();
    if (entry === '') continue;
    const where = `Codec key ${keys.length + 1} of ${origin}, line ${index + 1},`;
    const colon = entry.indexOf(':');
    const id = entry.slice(0, Math.max(0, colon)).trim();
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(id)) {
      throw new CodecError(
        `${where} has no id; wanted: ID:KEY, with an id of 1 to 64 letters, digits, dots, dashes and underscores; ${MAKE}`,
      );
    }
    const bytes = base64(entry.slice(colon + 1).trim());
    if (bytes?.length !== BYTES) {
      throw new CodecError(
        `${where} with the id "${id}", ${bytes === undefined ? 'is not base64' : `has ${bytes.length} bytes`}; ` +
          `wanted: ${BYTES} random bytes as base64; ${MAKE}`,
      );
    }
    if (keys.some((key) => key.id === id)) {
      throw new CodecError(
        `${where} has the id "${id}", which stands there already; wanted: an id of its own.`,
      );
    }
    keys.push({ id, bytes });
  }
  const [first, ...others] = keys;
  if (first === undefined) throw new CodecError(`There is no codec key in ${origin}; ${MAKE}`);
  return [first, ...others];
}

function base64(text: string): Buffer | undefined {
  return /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)
    ? Buffer.from(text, 'base64')
    : undefined;
}
