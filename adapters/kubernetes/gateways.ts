import type { EndpointCapabilities, Inability } from '../../core/capabilities.js';
import { PortError, type CallOptions } from '../ports.js';
import { unlessAborted } from '../unless-aborted.js';
import { GATEWAY_CLASSES, GATEWAYS, type KubeClient } from './client.js';
import { Gateway, GatewayClass, type ParentRef, type Route } from './objects.js';
import { sameParent } from './states.js';

/** What the gateways of a route can do, as their class says. */
export interface GatewayFeatures {
  readonly capabilities: EndpointCapabilities;
  /** Whether request headers can be set per backend. */
  readonly marksBackends: boolean;
  /** Whether its proxies get a backend's cluster with its first share, and lose it with the last (handover.ts). */
  readonly clustersComeAndGo: boolean;
}

/** A gateway takes on or loses features with an upgrade: rarely. */
const KEPT_MS = 60_000;

/** Names of features in a GatewayClass's `status.supportedFeatures`, as the Gateway API defines them. */
const MIRROR = 'HTTPRouteRequestMirror';
const PERCENT_MIRROR = 'HTTPRouteRequestPercentageMirror';
const MARK_BACKENDS = 'HTTPRouteBackendRequestHeaderModification';

/** The gateways in front of routes: what they can do, and where clients reach them. */
export class Gateways {
  readonly #client: KubeClient;
  readonly #known = new Map<
    string,
    { readonly untilMs: number; readonly features: Promise<GatewayFeatures> }
  >();

  constructor(client: KubeClient) {
    this.#client = client;
  }

  /** Of all the route's gateways together: what one of them cannot do, the route cannot. */
  features(route: Route, { signal }: CallOptions = {}): Promise<GatewayFeatures> {
    const { spec, status } = route;
    const said = status.parents.map(({ parentRef, controllerName }) => [parentRef, controllerName]);
    const key = JSON.stringify([spec.parentRefs, said]);
    const known = this.#known.get(key);
    if (known !== undefined && known.untilMs > Date.now()) return unlessAborted(known.features, signal);
    const features = this.#ask(route);
    this.#known.set(key, { untilMs: Date.now() + KEPT_MS, features });
    features.catch(() => this.#known.delete(key));
    return unlessAborted(features, signal);
  }

  /**
   * Where clients reach a route: address, port and host name.
   *
   * @throws {PortError} transient `NoGatewayAddress` while its gateway has no address.
   */
  async address(route: Route, options: CallOptions = {}): Promise<URL> {
    const [parent] = route.spec.parentRefs;
    const gateway = parent === undefined ? undefined : await this.#gateway(parent, options);
    const listener = gateway?.spec.listeners.find(
      ({ name, port, protocol }) =>
        /^HTTPS?$/.test(protocol) &&
        (parent?.sectionName ?? name) === name &&
        (parent?.port ?? port) === port,
    );
    const address = gateway?.status.addresses[0]?.value;
    if (gateway === undefined || listener === undefined || address === undefined) {
      throw new PortError(
        `The gateway of HTTPRoute ${route.metadata.name} has no ${address === undefined ? 'address' : 'HTTP listener'} to send requests to; ` +
          'wait until it has, or set GREENLIGHT_GATEWAY_URL to where this program reaches it',
        { kind: 'transient', code: 'NoGatewayAddress' },
      );
    }
    const host = address.includes(':') ? `[${address}]` : address;
    return new URL(`${listener.protocol.toLowerCase()}://${host}:${listener.port}`);
  }

  /** Without the signal of whoever asks first: others wait for the same answer. */
  async #ask(route: Route): Promise<GatewayFeatures> {
    const found: GatewayFeatures[] = [];
    for (const parent of route.spec.parentRefs) found.push(await this.#featuresOf(parent, route));
    const unable = found.find(({ capabilities: { mirror } }) => mirror.shares !== 'any') ?? found[0];
    return {
      capabilities: (unable ?? unknown('the route names no gateway', 'name one in spec.parentRefs'))
        .capabilities,
      marksBackends: found.length > 0 && found.every(({ marksBackends }) => marksBackends),
      clustersComeAndGo: found.some(({ clustersComeAndGo }) => clustersComeAndGo),
    };
  }

  async #featuresOf(parent: ParentRef, route: Route): Promise<GatewayFeatures> {
    try {
      const gateway = await this.#gateway(parent);
      if (gateway === undefined)
        return unknown(`there is no Gateway ${parent.name}`, 'create it, or name another');
      const { gatewayClassName } = gateway.spec;
      const what = `read what gateway class ${gatewayClassName} can do`;
      const found = await this.#client.find(GatewayClass, GATEWAY_CLASSES, gatewayClassName, {
        what,
        namespace: null,
      });
      return found === undefined
        ? unknown(`there is no GatewayClass ${gatewayClassName}`, 'install its controller')
        : featuresOf(found);
    } catch (thrown) {
      // A gateway that may not be looked at serves all the same; only what depends on it is refused.
      if (!(thrown instanceof PortError) || thrown.kind !== 'permanent') throw thrown;
      const known = knownBy(route, parent);
      if (known !== undefined) return known;
      const [because = '', ...instead] = thrown.message.split('; ');
      return unknown(`what the gateway can do cannot be read: ${because}`, instead.join('; '));
    }
  }

  #gateway({ name, namespace }: ParentRef, options: CallOptions = {}): Promise<Gateway | undefined> {
    return this.#client.find(Gateway, GATEWAYS, name, {
      what: `read gateway ${name}`,
      namespace: namespace ?? this.#client.namespace,
      ...options,
    });
  }
}

/** Istio tells its proxies of every Service's cluster, whether routes lead to it or not. */
const ISTIO = 'istio.io/gateway-controller';

/**
 * What controllers do whose classes say nothing: the list is optional, and Envoy Gateway 1.9 leaves it out.
 * Percent mirrors: Envoy Gateway since 1.2, Istio since 1.25. Both set headers per backend.
 */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  'gateway.envoyproxy.io/gatewayclass-controller': [MIRROR, PERCENT_MIRROR, MARK_BACKENDS],
  [ISTIO]: [MIRROR, PERCENT_MIRROR, MARK_BACKENDS],
};

function featuresOf({ metadata, spec, status }: GatewayClass): GatewayFeatures {
  const { name } = metadata;
  const said = status.supportedFeatures?.map((feature) =>
    typeof feature === 'string' ? feature : feature.name,
  );
  const list = said === undefined || said.length === 0 ? KNOWN[spec.controllerName] : said;
  if (list === undefined) {
    return unknown(
      `GatewayClass ${name} (${spec.controllerName}) does not say what it can do`,
      'use a gateway that lists its status.supportedFeatures, or leave the mirror step out',
    );
  }
  return featuresIn(list, `GatewayClass ${name}`, spec.controllerName);
}

/** By the controller's name in the route's status, which needs no right beyond the route's. */
function knownBy({ metadata, status }: Route, parent: ParentRef): GatewayFeatures | undefined {
  for (const { parentRef, controllerName } of status.parents) {
    const list = KNOWN[controllerName];
    if (list !== undefined && sameParent(parentRef, parent, metadata))
      return featuresIn(list, `Gateway ${parent.name}`, controllerName);
  }
  return undefined;
}

function featuresIn(list: readonly string[], whose: string, controllerName: string): GatewayFeatures {
  const has = new Set(list);
  const who = `${whose} (${controllerName}) supports`;
  const mirror: EndpointCapabilities['mirror'] = has.has(PERCENT_MIRROR)
    ? { shares: 'any', most: 100 }
    : has.has(MIRROR)
      ? {
          shares: 'all',
          because: `${who} mirroring of all requests only, not of a share (${PERCENT_MIRROR})`,
          instead: 'mirror 100%, or leave the mirror step out and begin the ramp with a small share',
        }
      : {
          shares: 'none',
          because: `${who} no mirroring (${MIRROR})`,
          instead: 'leave the mirror step out, and begin the ramp with a small share',
        };
  // Matching by header is core: every gateway does it.
  return {
    capabilities: { mirror, liveWithMirror: true, pin: true },
    marksBackends: has.has(MARK_BACKENDS),
    clustersComeAndGo: controllerName !== ISTIO,
  };
}

function unknown(because: string, instead: string): GatewayFeatures {
  const no: Inability = { because, instead };
  return {
    capabilities: { mirror: { shares: 'none', ...no }, liveWithMirror: false, pin: true },
    marksBackends: false,
    clustersComeAndGo: true,
  };
}
