import { performance } from 'node:perf_hooks';
import { request } from 'undici';
import { PortError, type CallOptions, type InvokeResult } from '../ports.js';
import { oneLine } from '../one-line.js';
import { PATH_ANNOTATION, PIN_HEADER } from './names.js';
import type { Route, Rule } from './objects.js';

/** Where requests to a deployment go. */
export interface Door {
  readonly url: URL;
  /** Host name that the route is for, where that is another than the address. */
  readonly host: string | undefined;
}

const DEADLINE_MS = 190_000;
/** Where Azure ML's inference server takes requests. */
const SCORING_PATH = '/score';

/** @param gateway - address of the gateway, without a path. */
export function doorOf(gateway: URL, route: Route, live: Rule | undefined): Door {
  const [hostname] = route.spec.hostnames;
  return {
    url: new URL(scoringPath(route, live), gateway),
    host: hostname === undefined || hostname.startsWith('*') ? undefined : hostname,
  };
}

function scoringPath({ metadata }: Route, live: Rule | undefined): string {
  const given = metadata.annotations[PATH_ANNOTATION];
  if (given !== undefined) return given;
  const path = live?.matches?.find((match) => match.path !== undefined)?.path;
  const value = path?.value ?? '/';
  return value === '/' || path?.type === 'RegularExpression' ? SCORING_PATH : value;
}

/** Sends one request to one deployment, past the shares. Every answer is a result, whatever its status. */
export async function invoke(
  { url, host }: Door,
  endpoint: string,
  deployment: string,
  body: string,
  { signal }: CallOptions,
): Promise<InvokeResult> {
  const timeout = AbortSignal.timeout(DEADLINE_MS);
  const start = performance.now();
  try {
    const answer = await request(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        [PIN_HEADER]: deployment,
        ...(host === undefined ? {} : { host }),
      },
      body,
      headersTimeout: DEADLINE_MS,
      bodyTimeout: DEADLINE_MS,
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, body: text, durationMs: performance.now() - start };
  } catch (thrown) {
    signal?.throwIfAborted();
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new PortError(
      `The gateway at ${url.host} did not answer a request to deployment ${deployment} of endpoint ${endpoint}: ${oneLine(why)}; check that it can be reached from here, or set GREENLIGHT_GATEWAY_URL`,
      { kind: 'transient', code: 'GatewayNotReached' },
      { cause: thrown },
    );
  }
}
