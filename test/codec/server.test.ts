import { randomBytes } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AesCodec } from '../../codec/aes-codec.js';
import { keySource } from '../../codec/keys.js';
import { serveCodec, type CodecServerOptions } from '../../codec/server.js';
import { freePort } from '../../host/ports.js';
import { greenlight } from '../cli/cli.js';

const UI = 'http://localhost:8233';
const KEYS = { GREENLIGHT_CODEC_KEYS: `k1:${randomBytes(32).toString('base64')}` };
const base64 = (text: string) => Buffer.from(text).toString('base64');
const PLAIN = { metadata: { encoding: base64('json/plain') }, data: base64('{"a":1}') };

async function serve(more: Partial<CodecServerOptions> = {}) {
  const source = keySource(KEYS);
  if (source === undefined) throw new Error('there are keys');
  const server = await serveCodec({
    codec: await AesCodec.open(source),
    host: '127.0.0.1',
    port: 0,
    origins: [UI],
    token: null,
    namespace: null,
    ...more,
  });
  onTestFinished(() => server.close());
  return async (path: string, body: unknown, headers: Record<string, string> = {}, method = 'POST') => {
    const answer = await fetch(`${server.url}${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(method === 'POST' && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    return {
      status: answer.status,
      headers: answer.headers,
      body: text === '' ? null : (JSON.parse(text) as never),
    };
  };
}

describe('the codec server', () => {
  it('encodes what a UI sends, and decodes what a UI shows', async () => {
    const ask = await serve();

    const encoded = await ask('/encode', { payloads: [PLAIN] });
    expect(JSON.stringify(encoded.body)).not.toContain(PLAIN.data);
    const decoded = await ask('/decode', encoded.body, { origin: UI, 'x-namespace': 'default' });

    expect(decoded.body).toEqual({ payloads: [PLAIN] });
    expect(decoded.headers.get('access-control-allow-origin')).toBe(UI);
    expect(decoded.headers.get('cache-control')).toBe('no-store');
  });

  it('answers the question that browsers ask first, for its UI alone', async () => {
    const ask = await serve();

    const ours = await ask('/decode', null, { origin: UI }, 'OPTIONS');
    const theirs = await ask('/decode', null, { origin: 'https://evil.example' }, 'OPTIONS');

    expect([ours.status, theirs.status]).toEqual([204, 403]);
    expect(ours.headers.get('access-control-allow-headers')).toContain('x-namespace');
    expect(theirs.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('decodes for no other page', async () => {
    const ask = await serve();

    expect((await ask('/decode', { payloads: [PLAIN] }, { origin: 'https://evil.example' })).status).toBe(
      403,
    );
  });

  it('wants its token, and its namespace, where it was given one', async () => {
    const ask = await serve({ token: 'correct horse battery', namespace: 'prod' });
    const good = { authorization: 'Bearer correct horse battery', 'x-namespace': 'prod' };
    const status = async (headers: Record<string, string>) =>
      (await ask('/decode', { payloads: [PLAIN] }, headers)).status;

    expect(await status(good)).toBe(200);
    expect(await status({ ...good, authorization: 'Bearer wrong' })).toBe(401);
    expect(await status({ 'x-namespace': 'prod' })).toBe(401);
    expect(await status({ ...good, 'x-namespace': 'other' })).toBe(403);
  });

  it.each`
    body                                                                                | status | says
    ${'not json'}                                                                       | ${400} | ${'wanted: {"payloads"'}
    ${{ payloads: [{ data: 7 }] }}                                                      | ${400} | ${'wanted: {"payloads"'}
    ${{ payloads: [{ metadata: { encoding: base64('binary/encrypted') }, data: '' }] }} | ${422} | ${'encrypted with the key ""'}
  `('answers $status to what it cannot read: $says', async ({ body, status, says }) => {
    const ask = await serve();

    const answer = await ask('/decode', body);

    expect(answer).toMatchObject({
      status,
      body: { message: expect.stringContaining(says as string) as never },
    });
  });
});

describe('greenlight codec-server', () => {
  it('runs until it is ended', async () => {
    const stop = new AbortController();
    let health: Promise<Response> | undefined;
    const told = await greenlight(['codec-server', '--port', String(await freePort()), '--output', 'json'], {
      env: KEYS,
      stop: stop.signal,
      onLine: (text) => {
        health = fetch(`${(JSON.parse(text) as { url: string }).url}/healthz`);
        void health.finally(() => stop.abort());
      },
    });

    expect((await health)?.status).toBe(200);
    expect(told.code).toBe(0);
  });

  it('refuses a token that can be guessed', async () => {
    const told = await greenlight(['codec-server'], { env: { ...KEYS, GREENLIGHT_CODEC_TOKEN: 'short' } });

    expect(told).toMatchObject({ code: 2 });
    expect(told.stderr).toContain('is 5 characters long; wanted: at least 16');
  });

  it('does not decode for everybody in the network without a token', async () => {
    const told = await greenlight(['codec-server', '--host', '0.0.0.0'], { env: KEYS });

    expect(told).toMatchObject({ code: 2 });
    expect(told.stderr).toContain('Set GREENLIGHT_CODEC_TOKEN_FILE');
  });

  it.each(['localhost:8233', 'temporal.example.com', 'file:///index.html'])(
    'lets in the pages of no origin: %s is none',
    async (origin) => {
      const args = ['codec-server', '--port', String(await freePort()), '--origin', origin];

      const told = await greenlight(args, { env: KEYS, stop: AbortSignal.abort() });

      expect(told).toMatchObject({ code: 2 });
      expect(told.stderr).toContain(`"${origin}" is no address of a UI`);
    },
  );

  it('says that it has nothing to decode with', async () => {
    const told = await greenlight(['codec-server'], { env: {} });

    expect(told.stderr).toContain('GREENLIGHT_CODEC_KEYS_FILE is not set');
  });
});
