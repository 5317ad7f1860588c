import { createHash } from 'node:crypto';
import { request } from 'undici';
import { withOwnSignal } from '../own-signal.js';
import type { CallOptions } from '../ports.js';
import { hostOf } from './invoke.js';
import type { HttpRule, VirtualService } from './istio-objects.js';
import { sorted } from './istio-rules.js';
import { NOBODY, PIN_HEADER } from './names.js';
import type { RouteState } from './states.js';

/** Of the rule that says which rules these are. */
const NAME = 'greenlight-rules';
/** Its answer begins with that. */
const SIGNED = 'greenlight: rules ';
/** Not a gateway: the sidecars of the mesh. */
export const MESH = 'mesh';
const ASK_WITHIN_MS = 2_000;
/** Somebody else's answers, by a policy or for another gateway's hosts: they say nothing of these rules. */
const SAYS_NOTHING = new Set([401, 403, 404]);

/**
 * Rules with one in front that says which they are.
 *
 * Istio acknowledges nothing, and while istiod is away its proxies go on as before: a deployment that was deleted then
 * would still be sent its share. So a rule for a header that no deployment has is answered by the proxy itself with a
 * digest of the others, and who asks a gateway that (see {@link ServedRules}) learns by which rules it serves.
 *
 * @param place - `NAMESPACE/NAME` of their VirtualService: Istio merges those of one host, and each is asked for its own.
 */
export function signed(rules: readonly HttpRule[], place: string): readonly HttpRule[] {
  const others = rules.filter(({ name }) => name !== NAME);
  const digest = createHash('sha256')
    .update(JSON.stringify(sorted(others)))
    .digest('hex')
    .slice(0, 16);
  return [
    {
      name: NAME,
      match: [{ headers: { [PIN_HEADER]: { exact: `${NOBODY} ${place}` } } }],
      directResponse: { status: 200, body: { string: `${SIGNED}${digest}` } },
    },
    ...others,
  ];
}

/** Whether gateways serve by the rules of a VirtualService as they stand. */
export class ServedRules {
  readonly #gatewayUrl: string | undefined;
  /** Whose rules the gateway has told of, by host and name: from then on, no other answer will do, and none at all neither. */
  readonly #told = new Set<string>();
  /** What rules said to `-`, by the name of their VirtualService, before they were written anew with a name of their own. */
  readonly #before = new Map<string, Set<string>>();

  /** @param gatewayUrl - where they are reached from here; undefined: nobody said. */
  constructor(gatewayUrl: string | undefined) {
    this.#gatewayUrl = gatewayUrl;
  }

  /** Remembers rules that say to `-` which they are: a gateway that still does so serves by them. */
  remember({ metadata: { name }, spec }: VirtualService): void {
    const { who, says } = signatureOf(spec.http);
    if (who !== NOBODY || says === undefined) return;
    this.#before.set(name, (this.#before.get(name) ?? new Set()).add(says));
  }

  /**
   * What cannot be told counts as served: rules that Greenlight never wrote, sidecars, a gateway that has never answered
   * from here, or asks who wants to know.
   */
  async stateOf({ metadata, spec }: VirtualService, options: CallOptions): Promise<RouteState> {
    const { who, says } = signatureOf(spec.http);
    const host = hostOf(spec.hosts);
    const behindGateway = spec.gateways.some((gateway) => gateway !== MESH);
    if (
      who === undefined ||
      says === undefined ||
      this.#gatewayUrl === undefined ||
      host === undefined ||
      !behindGateway
    ) {
      return { state: 'ready' };
    }
    const url = new URL(this.#gatewayUrl);
    const asked = `${host} ${who}`;
    const answer = await ask(url, { host, [PIN_HEADER]: who }, options);
    if (answer?.text.startsWith(SIGNED)) this.#told.add(asked);
    if (answer?.text === says) return { state: 'ready' };
    const saysNothing =
      answer === undefined ||
      (answer.status >= 300 && answer.status < 400) ||
      SAYS_NOTHING.has(answer.status);
    if (saysNothing && !this.#told.has(asked)) {
      const before = answer === undefined ? undefined : this.#before.get(metadata.name);
      const text = before && (await ask(url, { host, [PIN_HEADER]: NOBODY }, options))?.text;
      // By their own words alone: another VirtualService of the host may answer to `-` for good.
      if (text === undefined || text === says || !before?.has(text)) return { state: 'ready' };
    }
    return {
      state: 'updating',
      error:
        answer === undefined
          ? `the gateway at ${url.host} does not answer any more, so nobody knows whether it serves by the rules of VirtualService ${metadata.name} as they stand; check that it runs`
          : `the gateway at ${url.host} does not serve by the rules of VirtualService ${metadata.name} as they stand; check that istiod runs and that the gateway is connected to it (\`istioctl proxy-status\`)`,
    };
  }
}

/** @returns undefined for no answer. */
async function ask(url: URL, headers: Readonly<Record<string, string>>, { signal }: CallOptions) {
  try {
    return await withOwnSignal({ signal, withinMs: ASK_WITHIN_MS }, async (own) => {
      const { statusCode: status, body } = await request(url, { headers, signal: own });
      return { status, text: await body.text() };
    });
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}

/** Whether rules say which they are to `-`, as before each had a name: those of one host are told apart by their names alone. */
export function isSignedForAll(rules: readonly HttpRule[]): boolean {
  return signatureOf(rules).who === NOBODY;
}

/** What the rules say of themselves, and to whom; undefined where they do not. */
function signatureOf(rules: readonly HttpRule[]) {
  const rule = rules.find(({ name }) => name === NAME);
  return {
    who: rule?.match?.[0]?.headers?.[PIN_HEADER]?.exact,
    says: rule?.directResponse?.body?.string,
  };
}
