import { performance } from 'node:perf_hooks';
import type { AccessToken } from '@azure/core-auth';
import { Agent, EnvHttpProxyAgent, fetch as undiciFetch, type Dispatcher } from 'undici';
import { oneLine } from '../../core/one-line.js';
import { withOwnSignal } from '../own-signal.js';
import { PortError, type InvokeResult } from '../ports.js';
import { unlessAborted } from '../unless-aborted.js';
import { noAnswerInTime, notReached } from './errors.js';
import type { Queries } from './queries.js';
import type { AuthMode } from './resources.js';

/** As much of `fetch` as scoring needs. */
export type ScoringFetch = (
  url: string,
  init: {
    readonly method: 'POST';
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    readonly redirect: 'manual';
    readonly signal: AbortSignal;
  },
) => Promise<{ readonly status: number; text(): Promise<string> }>;

export interface ScoringSettings {
  readonly queries: Queries;
  /** A token of the worker's own identity. */
  readonly tokenFor: (scope: string) => Promise<AccessToken>;
  /** What such a token is asked for where an endpoint wants one of Entra's. */
  readonly scope: string;
  readonly ca: string | undefined;
  readonly fetch: ScoringFetch | undefined;
}

/** How to call one endpoint. */
interface Door {
  readonly uri: string;
  /** Key or token. Stays in this process, and out of every message. */
  readonly secret: string;
  /** Milliseconds since the epoch from when on the secret is to be fetched anew. */
  readonly freshUntilMs: number;
}

/** A managed endpoint ends a request after 180 s at most: whoever has no answer by now gets none. */
const DEADLINE_MS = 190_000;

/** Calls deployments through their endpoint, with its own key or token. */
export class Scoring {
  readonly #settings: ScoringSettings;
  readonly #fetch: ScoringFetch;
  readonly #doors = new Map<string, Promise<Door>>();

  constructor(settings: ScoringSettings) {
    this.#settings = settings;
    this.#fetch = settings.fetch ?? fetchTrusting(settings.ca);
  }

  /** Every answer is a result, whatever its status; only no answer is an error. */
  async invoke(
    endpoint: string,
    deployment: string,
    body: string,
    signal: AbortSignal | undefined,
  ): Promise<InvokeResult> {
    const door = await this.#door(endpoint, signal);
    const result = await this.#post(endpoint, door, deployment, body, signal);
    if (result.status !== 401) return result;
    // The key may have been regenerated since it was fetched.
    this.#doors.delete(endpoint);
    return this.#post(endpoint, await this.#door(endpoint, signal), deployment, body, signal);
  }

  async #post(
    endpoint: string,
    door: Door,
    deployment: string,
    body: string,
    signal: AbortSignal | undefined,
  ): Promise<InvokeResult> {
    const what = `invoke deployment ${deployment} of endpoint ${endpoint}`;
    const host = new URL(door.uri).host;
    const start = performance.now();
    return withOwnSignal({ signal, withinMs: DEADLINE_MS }, async (own) => {
      try {
        const response = await this.#fetch(door.uri, {
          method: 'POST',
          headers: {
            Authorization: `Bearer ${door.secret}`,
            'Content-Type': 'application/json',
            'azureml-model-deployment': deployment.toLowerCase(),
          },
          body,
          redirect: 'manual',
          signal: own,
        });
        const text = withoutSecret(await response.text(), door.secret);
        return { status: response.status, body: text, durationMs: performance.now() - start };
      } catch (thrown) {
        // Its address may have changed: ask again next time.
        this.#doors.delete(endpoint);
        signal?.throwIfAborted();
        if (own.aborted) throw noAnswerInTime(what, host, DEADLINE_MS);
        throw notReached(what, host, thrown);
      }
    });
  }

  /** One fetch for all callers that come at once; a failed one is not remembered. */
  async #door(endpoint: string, signal: AbortSignal | undefined): Promise<Door> {
    const known = this.#doors.get(endpoint);
    if (known !== undefined) {
      const door = await unlessAborted(known, signal);
      if (Date.now() < door.freshUntilMs) return door;
    }
    // Without the signal: whoever gives up must not take the others' key along.
    const opening = this.#open(endpoint);
    this.#doors.set(endpoint, opening);
    opening.catch(() => {
      if (this.#doors.get(endpoint) === opening) this.#doors.delete(endpoint);
    });
    return unlessAborted(opening, signal);
  }

  async #open(endpoint: string): Promise<Door> {
    const { properties } = await this.#settings.queries.endpoint(endpoint, undefined);
    if (!properties.scoringUri) {
      throw new PortError(
        `Endpoint ${endpoint} has no scoring address (state ${properties.provisioningState}); ` +
          'wait until it is Succeeded',
        { kind: 'transient', code: 'NoScoringUri' },
      );
    }
    if (!/^https?:/i.test(properties.scoringUri) || !URL.canParse(properties.scoringUri)) {
      throw new PortError(
        `Endpoint ${endpoint} has the scoring address "${oneLine(properties.scoringUri)}", which is no web address`,
        { kind: 'permanent', code: 'UnexpectedAnswer' },
      );
    }
    return { uri: properties.scoringUri, ...(await this.#secret(endpoint, properties.authMode)) };
  }

  async #secret(endpoint: string, mode: AuthMode): Promise<Pick<Door, 'secret' | 'freshUntilMs'>> {
    const { queries, tokenFor, scope } = this.#settings;
    switch (mode) {
      case 'Key':
        return { secret: (await queries.keys(endpoint, undefined)).primaryKey, freshUntilMs: Infinity };
      case 'AMLToken': {
        const token = await queries.token(endpoint, undefined);
        return { secret: token.accessToken, freshUntilMs: token.refreshAfterTimeUtc * 1000 };
      }
      case 'AADToken': {
        const token = await tokenFor(scope);
        // A minute early: a token must live until the request has arrived.
        return { secret: token.token, freshUntilMs: token.expiresOnTimestamp - 60_000 };
      }
      default:
        return mode satisfies never;
    }
  }
}

/** What answers may repeat what it was called with, and a smoke test that fails quotes the answer. */
function withoutSecret(text: string, secret: string): string {
  return secret === '' ? text : text.replaceAll(secret, '[redacted]');
}

/** A service with a certificate of its own is on this machine, or beside it; Azure may lie behind a proxy, as its ARM does. */
function fetchTrusting(ca: string | undefined): ScoringFetch {
  let dispatcher: Dispatcher | undefined;
  return (url, init) => {
    // At the first call: an environment with a proxy that cannot be read must not keep a rollback from its traffic.
    dispatcher ??= ca === undefined ? new EnvHttpProxyAgent() : new Agent({ connect: { ca } });
    return undiciFetch(url, { ...init, dispatcher });
  };
}
