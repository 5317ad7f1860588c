import { fileURLToPath } from 'node:url';
import type { DataConverter } from '@temporalio/common';
import { AesCodec, noKeysCodec } from './aes-codec.js';
import { keySource } from './keys.js';

/** How clients and workers write and read what Temporal keeps. */
export interface Encryption {
  /** For clients, workers and replays alike. */
  readonly dataConverter: DataConverter;
  /** Ids of the keys, the one that encrypts first; empty: nothing is encrypted. */
  readonly keyIds: readonly string[];
  /** null where there are no keys. */
  readonly codec: AesCodec | null;
}

/**
 * Encryption as the environment asks for it: with keys, payloads and the messages of failures are encrypted; without,
 * they stay readable, and whatever is encrypted is refused with a message that says which keys are missing.
 *
 * @throws {CodecError} when the keys cannot be used.
 */
export async function openEncryption(env: NodeJS.ProcessEnv): Promise<Encryption> {
  const source = keySource(env);
  if (source === undefined) {
    return { dataConverter: { payloadCodecs: [noKeysCodec] }, keyIds: [], codec: null };
  }
  const codec = await AesCodec.open(source);
  return {
    dataConverter: { payloadCodecs: [codec], failureConverterPath: FAILURE_CONVERTER },
    keyIds: codec.keyIds,
    codec,
  };
}

// By way of its folder: from the sources, from dist/codec/ and from the bundle in dist/bin/ alike.
const FAILURE_CONVERTER = fileURLToPath(new URL('../codec/failure-converter.cjs', import.meta.url));
