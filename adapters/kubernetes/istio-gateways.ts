import type { CallOptions } from '../ports.js';
import { unlessAborted } from '../unless-aborted.js';
import { isForbidden } from './errors.js';
import { ISTIO_GATEWAYS, type KubeClient } from './client.js';
import { IstioGateway, type VirtualService } from './istio-objects.js';
import { MESH, ServedRules } from './istio-served.js';
import type { RouteState } from './states.js';

/** A gateway is looked at again after that. */
const KEPT_MS = 10_000;

/**
 * Whether a VirtualService is served, as far as that can be told.
 *
 * Istio acknowledges nothing: its only status is the messages of its analysis, and only where that is switched on
 * (`PILOT_ENABLE_ANALYSIS`), some ten seconds late. So what can be looked at is: each gateway that the VirtualService
 * names is there, and has a server for one of its hosts; and the gateway itself is asked by which rules it serves.
 */
export class IstioGateways {
  readonly #client: KubeClient;
  readonly #served: ServedRules;
  readonly #known = new Map<
    string,
    { readonly untilMs: number; readonly found: Promise<IstioGateway | null | undefined> }
  >();

  /** @param gatewayUrl - where they are reached from here. */
  constructor(client: KubeClient, gatewayUrl: string | undefined) {
    this.#client = client;
    this.#served = new ServedRules(gatewayUrl);
  }

  /** To be called with what is found, before it is written. */
  remember(found: VirtualService): void {
    this.#served.remember(found);
  }

  async stateOf(found: VirtualService, options: CallOptions): Promise<RouteState> {
    if (found.metadata.deletionTimestamp !== undefined) return { state: 'deleting' };
    const error = await this.#faultOf(found, options);
    const served = await this.#served.stateOf(found, options);
    if (error === undefined) return served;
    return { state: 'failed', error, ...(served.error === undefined ? {} : { pending: served.error }) };
  }

  async #faultOf(found: VirtualService, options: CallOptions): Promise<string | undefined> {
    const { metadata, spec, status } = found;
    const title = `VirtualService ${metadata.name}`;
    const current = (status.observedGeneration ?? -1) >= (metadata.generation ?? 0);
    const wrong = status.validationMessages.filter(({ level }) => level === 'ERROR' || level === 3);
    if (current && wrong.length > 0) {
      const codes = wrong.map(({ type }) => [type?.code, type?.name].filter(Boolean).join(' '));
      return `Istio's analysis finds fault with ${title}: ${codes.join(', ')}; \`istioctl analyze\` says more`;
    }
    for (const named of spec.gateways) {
      // The old form, with the gateway's own domain, says no namespace that could be looked at.
      if (named === MESH || named.includes('.')) continue;
      const [namespace, name] = placeOf(named, this.#client.namespace);
      const gateway = await this.#gateway(namespace, name, options);
      if (gateway === null) continue;
      if (gateway === undefined) {
        return `${title} names the gateway ${named}, and namespace ${namespace} has no Gateway ${name} of networking.istio.io; create it, or name the one that is there`;
      }
      const served = gateway.spec.servers.flatMap(({ hosts }) => hosts);
      if (
        spec.hosts.some((host) => served.some((one) => serves(one, host, namespace, this.#client.namespace)))
      )
        continue;
      return `gateway ${named} has no server for the hosts of ${title} (${spec.hosts.join(', ')}); it serves ${served.join(', ') || 'none'}. Add one of them to the other`;
    }
    return undefined;
  }

  /** @returns null where it may not be looked at: it may be there. */
  #gateway(
    namespace: string,
    name: string,
    { signal }: CallOptions,
  ): Promise<IstioGateway | null | undefined> {
    const key = `${namespace}/${name}`;
    const known = this.#known.get(key);
    if (known !== undefined && known.untilMs > Date.now()) return unlessAborted(known.found, signal);
    // Without the signal of whoever asks first: others wait for the same answer.
    const found = this.#client
      .find(IstioGateway, ISTIO_GATEWAYS, name, { what: `read gateway ${key}`, namespace })
      .catch((thrown: unknown) => {
        if (isForbidden(thrown)) return null;
        throw thrown;
      });
    this.#known.set(key, { untilMs: Date.now() + KEPT_MS, found });
    // Only what is there is worth remembering: what is missing may come at any moment.
    found.then(
      (gateway) => gateway === undefined && this.#known.delete(key),
      () => this.#known.delete(key),
    );
    return unlessAborted(found, signal);
  }
}

function placeOf(named: string, own: string): readonly [namespace: string, name: string] {
  const [first = '', second] = named.split('/');
  return second === undefined ? [own, first] : [first, second];
}

/** @param served - a server's host: `HOST` or `NAMESPACE/HOST`, where `*` stands for any, and `.` for the gateway's own. */
function serves(served: string, host: string, gatewayNamespace: string, namespace: string): boolean {
  const [space, name] = served.includes('/') ? (served.split('/') as [string, string]) : ['*', served];
  const wanted = space === '.' ? gatewayNamespace : space;
  return (wanted === '*' || wanted === namespace) && (covers(name, host) || covers(host, name));
}

function covers(pattern: string, host: string): boolean {
  return pattern === '*' || pattern === host || (pattern.startsWith('*.') && host.endsWith(pattern.slice(1)));
}
