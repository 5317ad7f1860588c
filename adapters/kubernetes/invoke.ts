import { performance } from 'node:perf_hooks';
import { request } from 'undici';
import { oneLine } from '../../core/one-line.js';
import { withOwnSignal } from '../own-signal.js';
import { PortError, type CallOptions, type InvokeResult } from '../ports.js';
import { PATH_ANNOTATION, PIN_HEADER } from './names.js';

/** Where requests to a deployment go. */
export interface Door {
  readonly url: URL;
  /** Host name that the route is for, where that is another than the address. */
  readonly host: string | undefined;
}

const DEADLINE_MS = 190_000;
/** Where Azure ML's inference server takes requests. */
const SCORING_PATH = '/score';

/**
 * @param gateway - address of the gateway, without a path.
 * @param route.path - that live traffic goes to, where its rule names one.
 */
export function doorOf(
  gateway: URL,
  route: {
    readonly hosts: readonly string[];
    readonly annotations: Readonly<Record<string, string>>;
    readonly path: string | undefined;
  },
): Door {
  const path = route.path === undefined || route.path === '/' ? SCORING_PATH : route.path;
  return {
    url: new URL(route.annotations[PATH_ANNOTATION] ?? path, gateway),
    host: hostOf(route.hosts),
  };
}

/** The host name that a route is asked by; undefined where any will do. */
export function hostOf([host]: readonly string[]): string | undefined {
  return host === undefined || host.startsWith('*') ? undefined : host;
}

/** Sends one request to one deployment, past the shares. Every answer is a result, whatever its status. */
export async function invoke(
  { url, host }: Door,
  endpoint: string,
  deployment: string,
  body: string,
  { signal }: CallOptions,
): Promise<InvokeResult> {
  const start = performance.now();
  return withOwnSignal({ signal, withinMs: DEADLINE_MS }, async (own) => {
    try {
      const answer = await request(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          [PIN_HEADER]: deployment,
          ...(host === undefined ? {} : { host }),
        },
        body,
        signal: own,
      });
      const text = await answer.body.text();
      return { status: answer.statusCode, body: text, durationMs: performance.now() - start };
    } catch (thrown) {
      signal?.throwIfAborted();
      const why = own.aborted
        ? `nothing came within ${DEADLINE_MS / 1000} s`
        : thrown instanceof Error
          ? thrown.message
          : String(thrown);
      throw new PortError(
        `The gateway at ${url.host} did not answer a request to deployment ${deployment} of endpoint ${endpoint}: ${oneLine(why)}; check that it can be reached from here, or set GREENLIGHT_GATEWAY_URL`,
        { kind: 'transient', code: 'GatewayNotReached' },
        { cause: thrown },
      );
    }
  });
}
