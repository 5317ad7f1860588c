import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { AesCodec, noKeysCodec } from '../../codec/aes-codec.js';
import { parseKeys, type KeySource } from '../../codec/keys.js';

const lines = {
  k1: `k1:${randomBytes(32).toString('base64')}`,
  k2: `k2:${randomBytes(32).toString('base64')}`,
};
const source = (text: () => string): KeySource => ({
  origin: 'the keys of the test',
  read: () => Promise.resolve().then(() => parseKeys(text(), 'the keys of the test')),
});
const codecOf = (...text: string[]) => AesCodec.open(source(() => text.join('\n')));
const SECRET = { plan: 'nobody may read this' };
const plain = () => defaultPayloadConverter.toPayload(SECRET);
const valueOf = ([payload]: Payload[]) => defaultPayloadConverter.fromPayload(payload as Payload);
const textOf = (payloads: Payload[]) =>
  payloads.map(({ data }) => Buffer.from(data ?? []).toString('latin1')).join();

describe('the codec', () => {
  afterEach(() => void vi.useRealTimers());

  it('gives back what it was given, and shows nothing of it meanwhile', async () => {
    const codec = await codecOf(lines.k1);

    const stored = await codec.encode([plain()]);

    expect(textOf(stored)).not.toContain('nobody');
    expect(Buffer.from(stored[0]?.metadata?.['encryption-key-id'] ?? []).toString()).toBe('k1');
    expect(valueOf(await codec.decode(stored))).toEqual(SECRET);
  });

  it('encrypts the same value differently each time', async () => {
    const codec = await codecOf(lines.k1);

    expect(textOf(await codec.encode([plain()]))).not.toBe(textOf(await codec.encode([plain()])));
  });

  it('reads what older keys wrote, and writes with the first', async () => {
    const before = await codecOf(lines.k1);
    const stored = await before.encode([plain()]);
    const after = await codecOf(lines.k2, lines.k1);

    expect(valueOf(await after.decode(stored))).toEqual(SECRET);
    const [now] = await after.encode([plain()]);
    expect(Buffer.from(now?.metadata?.['encryption-key-id'] ?? []).toString()).toBe('k2');
  });

  it('learns of a key that was added after it was opened', async () => {
    let text = lines.k1;
    const codec = await AesCodec.open(source(() => text));
    const newer = await codecOf(lines.k2);
    text = `${lines.k1}\n${lines.k2}`;

    expect(valueOf(await codec.decode(await newer.encode([plain()])))).toEqual(SECRET);
  });

  it('writes with the key that is the first by now, a minute later at most, and with the last known one without keys', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    let text = `${lines.k1}\n${lines.k2}`;
    const codec = await AesCodec.open(source(() => text));
    const writesWith = async () => {
      vi.advanceTimersByTime(60_000);
      const [stored] = await codec.encode([plain()]);
      return Buffer.from(stored?.metadata?.['encryption-key-id'] ?? []).toString();
    };
    expect(await writesWith()).toBe('k1');

    text = `${lines.k2}\n${lines.k1}`;
    expect(await writesWith()).toBe('k2');
    text = 'half wri';
    expect(await writesWith()).toBe('k2');
  });

  it('names a key that it does not have, and those that it has', async () => {
    const codec = await codecOf(lines.k2);
    const older = await codecOf(lines.k1);

    await expect(codec.decode(await older.encode([plain()]))).rejects.toThrow(
      'A payload is encrypted with the key "k1", and the keys of the test has only k2. Add that key there',
    );
  });

  it('refuses a payload of which a single bit was changed', async () => {
    const codec = await codecOf(lines.k1);
    const [stored] = await codec.encode([plain()]);
    const data = Buffer.from(stored?.data ?? []);
    data[20] = (data[20] ?? 0) ^ 1;

    await expect(codec.decode([{ ...stored, data }])).rejects.toThrow(
      'the payload was changed, or another key',
    );
    await expect(codec.decode([{ ...stored, data: data.subarray(0, 9) }])).rejects.toThrow('cannot be read');
  });

  it('lets plain payloads pass: rollouts from before the keys go on', async () => {
    const codec = await codecOf(lines.k1);

    expect(valueOf(await codec.decode([plain()]))).toEqual(SECRET);
  });

  it('without keys passes everything plain, and says which key is missing for the rest', async () => {
    const codec = await codecOf(lines.k1);

    expect(valueOf(await noKeysCodec.decode([plain()]))).toEqual(SECRET);
    await expect(noKeysCodec.decode(await codec.encode([plain()]))).rejects.toThrow(
      'A payload is encrypted with the key "k1", and no keys are configured here. Set GREENLIGHT_CODEC_KEYS_FILE',
    );
  });
});
