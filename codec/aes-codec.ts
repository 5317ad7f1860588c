import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';
import { CodecError } from './errors.js';
import { KEYS_FILE, type CodecKey, type CodecKeys, type KeySource } from './keys.js';

const { Payload: PayloadMessage } = proto.temporal.api.common.v1;

/** As Temporal's own samples name it, so that its tools know what they see. */
const ENCODING = 'binary/encrypted';
const KEY_ID = 'encryption-key-id';
const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** After so long the keys are read anew before they encrypt: a rotation reaches who runs for months, too. */
const READ_ANEW_MS = 60_000;

/**
 * Encrypts every payload with AES-256-GCM, its metadata included, under the first key, and names the key beside it.
 *
 * Payloads that are not encrypted pass: rollouts from before the keys go on. A payload under a key that is not known yet
 * makes it read its keys anew, so that a key can be added while workers run; and which one is the first is read anew
 * each minute.
 */
export class AesCodec implements PayloadCodec {
  readonly #source: KeySource;
  #keys: CodecKeys;
  #readAtMs = performance.now();

  private constructor(source: KeySource, keys: CodecKeys) {
    this.#source = source;
    this.#keys = keys;
  }

  /** @throws {CodecError} when the keys cannot be used. */
  static async open(source: KeySource): Promise<AesCodec> {
    return new AesCodec(source, await source.read());
  }

  /** Ids of the keys, the one that encrypts first. */
  get keyIds(): readonly string[] {
    return this.#keys.map(({ id }) => id);
  }

  async encode(payloads: Payload[]): Promise<Payload[]> {
    const [key] = await this.#newest();
    return payloads.map((payload) => encrypt(payload, key));
  }

  /** @throws {CodecError} for a payload under a key that is not among them, or that was changed. */
  decode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.all(
      payloads.map(async (payload) => {
        if (!isEncrypted(payload)) return payload;
        const id = text(payload.metadata?.[KEY_ID]);
        return decrypt(payload, await this.#key(id));
      }),
    );
  }

  /** A file that cannot be read just then leaves the keys as they were. */
  async #newest(): Promise<CodecKeys> {
    if (performance.now() - this.#readAtMs >= READ_ANEW_MS) {
      this.#readAtMs = performance.now();
      this.#keys = await this.#source.read().catch(() => this.#keys);
    }
    return this.#keys;
  }

  async #key(id: string): Promise<CodecKey> {
    const known = () => this.#keys.find((key) => key.id === id);
    if (known() === undefined) this.#keys = await this.#source.read();
    const key = known();
    if (key !== undefined) return key;
    throw new CodecError(
      `A payload is encrypted with the key "${id}", and ${this.#source.origin} has only ${this.keyIds.join(', ')}. ` +
        `Add that key there, after the others: old keys stay for as long as there is something to read with them.`,
    );
  }
}

/** For whoever has no keys: what is encrypted is named as such, and everything else passes. */
export const noKeysCodec: PayloadCodec = {
  encode: (payloads) => Promise.resolve(payloads),
  decode(payloads) {
    const encrypted = payloads.find(isEncrypted);
    if (encrypted === undefined) return Promise.resolve(payloads);
    return Promise.reject(
      new CodecError(
        `A payload is encrypted with the key "${text(encrypted.metadata?.[KEY_ID])}", and no keys are configured here. ` +
          `Set ${KEYS_FILE} to the file with the keys that the workers of this namespace use.`,
      ),
    );
  },
};

function isEncrypted(payload: Payload): boolean {
  return text(payload.metadata?.['encoding']) === ENCODING;
}

function encrypt(payload: Payload, key: CodecKey): Payload {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, key.bytes, iv).setAAD(Buffer.from(key.id));
  const plain = PayloadMessage.encode(payload).finish();
  const data = Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return {
    metadata: { encoding: Buffer.from(ENCODING), [KEY_ID]: Buffer.from(key.id) },
    data,
  };
}

function decrypt(payload: Payload, key: CodecKey): Payload {
  const data = payload.data ?? new Uint8Array();
  try {
    const decipher = createDecipheriv(CIPHER, key.bytes, data.subarray(0, IV_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(Buffer.from(key.id)).setAuthTag(data.subarray(-TAG_BYTES));
    const plain = Buffer.concat([decipher.update(data.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()]);
    return PayloadMessage.decode(plain);
  } catch (error) {
    throw new CodecError(
      `A payload names the key "${key.id}" and cannot be read with it: the payload was changed, or another key has that id here.`,
      { cause: error },
    );
  }
}

function text(bytes: Uint8Array | null | undefined): string {
  return bytes ? Buffer.from(bytes).toString('utf8') : '';
}
