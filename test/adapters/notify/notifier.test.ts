import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Webhook } from 'standardwebhooks';
import { LinkSigner } from '../../../adapters/notify/links.js';
import { createNotifier } from '../../../adapters/notify/notifier.js';
import type { PortError } from '../../../adapters/ports.js';
import type { NotifyChannel } from '../../../core/notification.js';
import { Receiver } from '../../support/receiver.js';
import { channelOf, notificationOf } from './notification.js';

const WHSEC = `whsec_${randomBytes(24).toString('base64')}`;
const signer = new LinkSigner(randomBytes(32).toString('base64'));
let receiver: Receiver;
let url: string;

beforeEach(async () => {
  receiver = new Receiver();
  url = `${await receiver.open()}/hook/SECRET-PATH`;
});
afterEach(() => receiver.close());

async function send(
  channel: NotifyChannel,
  env: NodeJS.ProcessEnv = { HOOK: url, HOOK_SECRET: WHSEC },
  deadlineMs = 20_000,
) {
  const notifier = createNotifier({
    channels: [],
    env,
    links: { publicUrl: 'https://g.example/', signer },
    uiLink: () => null,
    deadlineMs,
  });
  await notifier.send({ from: 'plan', channel }, notificationOf());
}

const failureOf = async (work: Promise<void>) =>
  work.then(
    () => undefined,
    (error: PortError) => ({ kind: error.kind, code: error.code, message: error.message }),
  );

describe('the notifier', () => {
  it.each([WHSEC, 'any text is a secret too'])('signs as Standard Webhooks do, with %s', async (secret) => {
    await send(channelOf(), { HOOK: url, HOOK_SECRET: secret });

    const { text, headers } = receiver.received[0] ?? { text: '', headers: {} as Record<string, undefined> };
    const webhook = new Webhook(secret, secret === WHSEC ? {} : { format: 'raw' });
    expect(webhook.verify(text, headers as Record<string, string>)).toMatchObject({ specversion: '1.0' });
    expect(() => webhook.verify(`${text} `, headers as Record<string, string>)).toThrow();
    expect(headers['webhook-id']).toBe('run-1-4');
    expect(headers['content-type']).toContain('application/cloudevents+json');
  });

  it('gives links only to a channel that is for somebody, in that name', async () => {
    await send(channelOf());
    await send(channelOf({ linksFor: 'ada' }));

    const [without, withLinks] = receiver.received.map(
      ({ text }) =>
        (JSON.parse(text) as { data: { customData: { links: Record<string, string | null> } } }).data
          .customData.links,
    );
    expect(without).toEqual({ approve: null, reject: null, ui: null });
    const token = new URL(withLinks?.['approve'] ?? '').searchParams.get('token') ?? '';
    expect(signer.check(token, notificationOf().atMs)).toMatchObject({
      ok: true,
      claim: { by: 'ada', action: 'approve', ask: 'ask-1', expiresAtMs: notificationOf().ask?.untilMs },
    });
  });

  it.each([
    [500, 'transient', 'Http500'],
    [408, 'transient', 'Http408'],
    [404, 'permanent', 'Http404'],
    [301, 'permanent', 'Http301'],
    [429, 'throttled', 'TooManyRequests'],
  ])('calls an answer of %i %s', async (status, kind, code) => {
    receiver.answer = (response) => response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end();

    expect(await failureOf(send(channelOf()))).toMatchObject({ kind, code });
  });

  it('gives a receiver that hangs up after its deadline', async () => {
    receiver.answer = () => undefined;

    expect(await failureOf(send(channelOf(), undefined, 300))).toEqual({
      kind: 'transient',
      code: 'NoAnswer',
      message: 'the receiver of notify[0] (cloudevents) gave no answer within 0.3 s',
    });
  });

  it.each<[string, NodeJS.ProcessEnv, string]>([
    ['no variable', {}, '${env:HOOK} leads nowhere: the variable is not set where the worker runs'],
    ['no address', { HOOK: 'SECRET-PATH' }, '${env:HOOK} holds no address of a webhook'],
    ['http elsewhere', { HOOK: 'http://192.0.2.1/SECRET-PATH' }, 'expected one that begins with https://'],
    ['nobody there', { HOOK: 'http://127.0.0.1:1/SECRET-PATH', HOOK_SECRET: 'k' }, 'was not reached'],
    [
      'half a secret',
      { HOOK: 'http://127.0.0.1:1/', HOOK_SECRET: 'whsec_SECRET-PATH!' },
      'holds no signing secret',
    ],
  ])('never says an address or a secret in an error: %s', async (_, env, text) => {
    const failure = await failureOf(send(channelOf(), env));

    expect(failure?.message).toContain(text);
    expect(failure?.message).not.toContain('SECRET-PATH');
  });
});

describe('a link', () => {
  const claim = {
    v: 1,
    workflowId: 'w',
    endpoint: 'diabetes',
    what: 'blue → green',
    ask: 'a',
    action: 'approve',
    by: 'ada',
    expiresAtMs: 1_000,
  } as const;

  it('is good until it expires', () => {
    expect(signer.check(signer.sign(claim), 999)).toEqual({ ok: true, claim });
    expect(signer.check(signer.sign(claim), 1_000)).toEqual({ ok: false, why: 'expired' });
  });

  it('is not good when anything in it was changed, or another secret signed it', () => {
    const token = signer.sign(claim);
    const forged = Buffer.from(JSON.stringify({ ...claim, by: 'eve' })).toString('base64url');
    const other = new LinkSigner(randomBytes(32).toString('base64'));

    for (const bad of ['', 'x.y', `${forged}.${token.split('.')[1]}`, `${token}.`, other.sign(claim)]) {
      expect(signer.check(bad, 0), bad).toEqual({ ok: false, why: 'forged' });
    }
  });

  it('needs a secret that nobody guesses', () => {
    expect(() => new LinkSigner('short')).toThrow('expected at least 32');
  });
});

describe('behind a proxy', () => {
  const asked: (string | undefined)[] = [];

  beforeEach(async () => {
    asked.length = 0;
    const proxy = createServer().on('connect', (request, socket) => {
      asked.push(request.url);
      socket.end('HTTP/1.1 502 Bad Gateway\r\nconnection: close\r\n\r\n');
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy']) {
      vi.stubEnv(name, `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    }
    for (const name of ['NO_PROXY', 'no_proxy']) vi.stubEnv(name, '');
    onTestFinished(async () => {
      vi.unstubAllEnvs();
      proxy.close();
      await once(proxy, 'close');
    });
  });

  it('the notifier asks it for the way', async () => {
    const failure = await failureOf(
      send(channelOf(), { HOOK: 'https://hooks.test/SECRET-PATH', HOOK_SECRET: 'k' }),
    );

    expect(asked).toEqual(['hooks.test:443']);
    expect(failure).toMatchObject({ kind: 'transient', code: 'NotReached' });
    expect(failure?.message).not.toContain('SECRET-PATH');
  });

  it('but not to a receiver on this machine', async () => {
    await send(channelOf());

    expect(asked).toEqual([]);
    expect(receiver.received).toHaveLength(1);
  });

  it('a proxy that cannot be read fails the message, with no word of it', async () => {
    for (const name of ['HTTPS_PROXY', 'https_proxy']) vi.stubEnv(name, 'http://');

    expect(await failureOf(send(channelOf(), { HOOK: 'https://hooks.test/', HOOK_SECRET: 'k' }))).toEqual({
      kind: 'transient',
      code: 'NotReached',
      message: 'the receiver of notify[0] (cloudevents) was not reached (ERR_INVALID_URL)',
    });
  });
});
