import { Webhook } from 'standardwebhooks';
import { type Dispatcher, EnvHttpProxyAgent, request } from 'undici';
import {
  referenceText,
  type ChannelRef,
  type Notification,
  type NotifyChannel,
  type NotifyForm,
  type SecretReference,
} from '../../core/notification.js';
import { isLoopback } from '../loopback.js';
import { withOwnSignal } from '../own-signal.js';
import { type CallOptions, type Notifier, PortError } from '../ports.js';
import { cloudEventBody } from './cloud-event.js';
import type { LinkClaim, LinkSigner } from './links.js';
import { type Links, messageOf } from './message.js';
import { resolveSecret } from './secrets.js';
import { slackBody } from './slack.js';
import { teamsBody } from './teams.js';

/** A receiver that takes longer is taken for one that hangs. */
const DEADLINE_MS = 10_000;
/** A question that the rollout never answers by itself has links for so long. */
const LINK_LASTS_MS = 7 * 24 * 3_600_000;

export interface NotifierSettings {
  readonly channels: readonly NotifyChannel[];
  readonly env: NodeJS.ProcessEnv;
  /** Where links are answered; null: there are none. */
  readonly links: { readonly publicUrl: string; readonly signer: LinkSigner } | null;
  /** The page of a rollout in Temporal's UI. */
  readonly uiLink: (workflowId: string, runId: string) => string | null;
  /** Default 10,000. */
  readonly deadlineMs?: number;
}

/** Tells by webhook. */
export function createNotifier(settings: NotifierSettings): Notifier {
  const { channels, env, deadlineMs = DEADLINE_MS } = settings;
  const way = wayTo();
  return {
    forAll: channels.map(({ name, events }, index) => ({ from: 'worker', index, name, events })),
    async send(ref, notification, options = {}) {
      const channel = channelOf(ref, channels);
      const url = await addressOf(channel.url, env);
      const secret = channel.secret === null ? null : await resolveSecret(channel.secret, env);
      const links = linksFor(settings, channel, notification);
      const body = JSON.stringify(bodyOf(channel.form, notification, links));
      const headers = {
        'content-type': CONTENT_TYPES[channel.form],
        ...(secret === null ? {} : signature(channel, secret, notification.id, body)),
      };
      await post(channel, url, { headers, body, way }, deadlineMs, options);
    },
  };
}

const CONTENT_TYPES: Readonly<Record<NotifyForm, string>> = {
  slack: 'application/json',
  teams: 'application/json',
  cloudevents: 'application/cloudevents+json; charset=utf-8',
};

function bodyOf(form: NotifyForm, notification: Notification, links: Links): object {
  switch (form) {
    case 'slack':
      return slackBody(messageOf(notification, links));
    case 'teams':
      return teamsBody(messageOf(notification, links));
    case 'cloudevents':
      return cloudEventBody(notification, links);
    default:
      return form satisfies never;
  }
}

function channelOf(ref: ChannelRef, known: readonly NotifyChannel[]): NotifyChannel {
  const channel = ref.from === 'plan' ? ref.channel : known[ref.index];
  if (channel !== undefined) return channel;
  throw new PortError(`this worker has no ${ref.from === 'worker' ? ref.name : 'such channel'} any more`, {
    kind: 'permanent',
    code: 'NoChannel',
  });
}

function linksFor({ links, uiLink }: NotifierSettings, channel: NotifyChannel, told: Notification): Links {
  const ui = uiLink(told.workflowId, told.rolloutId);
  const { ask } = told;
  if (links === null || channel.linksFor === null || ask === null) return { approve: null, reject: null, ui };
  const by = channel.linksFor;
  const link = (action: LinkClaim['action']): string => {
    const token = links.signer.sign({
      v: 1,
      workflowId: told.workflowId,
      endpoint: told.endpoint,
      what: `${told.baseline || '?'} → ${told.green}`,
      ask: ask.id,
      action,
      by,
      expiresAtMs: Math.min(ask.untilMs ?? Infinity, told.atMs + LINK_LASTS_MS),
    });
    return `${links.publicUrl.replace(/\/$/, '')}/answer?token=${token}`;
  };
  return { approve: link('approve'), reject: link('reject'), ui };
}

/** https, or http on this machine: an address with a token in it does not go over a wire in clear. */
async function addressOf(reference: SecretReference, env: NodeJS.ProcessEnv): Promise<URL> {
  const text = await resolveSecret(reference, env);
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname))) return url;
  throw new PortError(
    `${referenceText(reference)} holds no address of a webhook; expected one that begins with https://`,
    { kind: 'permanent', code: 'NoAddress' },
  );
}

/** https://www.standardwebhooks.com: `whsec_` and base64, or any text, which is taken as it is. */
function signature(channel: NotifyChannel, secret: string, id: string, body: string): Record<string, string> {
  const at = new Date();
  try {
    const webhook = secret.startsWith('whsec_')
      ? new Webhook(secret)
      : new Webhook(secret, { format: 'raw' });
    return {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': webhook.sign(id, at, body),
    };
  } catch {
    // What the library says of it could hold a part of it.
    throw new PortError(
      `${channel.secret === null ? '' : referenceText(channel.secret)} holds no signing secret; expected whsec_ and base64, or any text`,
      { kind: 'permanent', code: 'BadSecret' },
    );
  }
}

type Way = (url: URL) => { readonly dispatcher?: Dispatcher };

/** By the proxy of the environment, as Azure is called; what is on this machine needs none, and its messages may go in clear. */
function wayTo(): Way {
  let proxied: Dispatcher | undefined;
  return (url) => {
    if (isLoopback(url.hostname)) return {};
    // At the first message: a proxy that cannot be read is this one's failure, and not the worker's.
    proxied ??= new EnvHttpProxyAgent();
    return { dispatcher: proxied };
  };
}

async function post(
  channel: NotifyChannel,
  url: URL,
  {
    headers,
    body,
    way,
  }: { readonly headers: Record<string, string>; readonly body: string; readonly way: Way },
  deadlineMs: number,
  { signal }: CallOptions,
): Promise<void> {
  const fails = (
    kind: 'transient' | 'permanent' | 'throttled',
    code: string,
    what: string,
    retryAfterMs?: number,
  ) =>
    new PortError(`the receiver of ${channel.name} ${what}`, {
      kind,
      code,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  const { status, retryAfter } = await withOwnSignal({ signal, withinMs: deadlineMs }, async (own) => {
    try {
      const answer = await request(url, { method: 'POST', headers, body, signal: own, ...way(url) });
      // What it says is not kept: it may repeat what it was sent.
      await answer.body.dump({ limit: 64 * 1024, signal: own });
      return { status: answer.statusCode, retryAfter: [answer.headers['retry-after']].flat()[0] };
    } catch (error) {
      signal?.throwIfAborted();
      if (own.aborted) throw fails('transient', 'NoAnswer', `gave no answer within ${deadlineMs / 1000} s`);
      const { code } = error as NodeJS.ErrnoException;
      throw fails('transient', 'NotReached', `was not reached${code === undefined ? '' : ` (${code})`}`);
    }
  });
  if (status >= 200 && status <= 299) return;
  if (status === 429) {
    const seconds = Number(retryAfter);
    throw fails(
      'throttled',
      'TooManyRequests',
      'asks to wait (429)',
      Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1000, 60_000) : undefined,
    );
  }
  const again = status >= 500 || status === 408;
  throw fails(again ? 'transient' : 'permanent', `Http${status}`, `answered ${status}`);
}
