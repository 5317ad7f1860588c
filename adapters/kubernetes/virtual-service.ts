import type { EndpointCapabilities } from '../../core/capabilities.js';
import type { Traffic } from '../../core/traffic.js';
import { refuseOutdated } from '../outdated.js';
import type { CallOptions, WriteOptions } from '../ports.js';
import { VIRTUAL_SERVICES, type KubeClient } from './client.js';
import { doorOf, type Door } from './invoke.js';
import { IstioGateways } from './istio-gateways.js';
import { VirtualService, type HttpRule } from './istio-objects.js';
import {
  isIstioPinned,
  istioStrangersOf,
  istioTraffic,
  liveHttpRules,
  withIstioPins,
  withIstioTraffic,
  withoutIstioDeployment,
  type IstioFrame,
} from './istio-rules.js';
import { isSignedForAll, signed } from './istio-served.js';
import { MADE_BY, MADE_BY_LABEL } from './names.js';
import { permanent } from './permanent.js';
import { refuseOwned, writeRules, type RuleList } from './route-writer.js';
import type { Backend, EndpointRoute, ListedRoute, RouteChange, Router, RouteSlots } from './router.js';
import type { RouteState } from './states.js';

/** Istio's VirtualServices as routers of endpoints. */
export class VirtualServices implements Router {
  readonly resource = VIRTUAL_SERVICES;
  readonly #client: KubeClient;
  readonly #gateways: IstioGateways;

  /** @param gatewayUrl - where its gateways are reached from here; undefined: nobody said. */
  constructor(client: KubeClient, gatewayUrl: string | undefined) {
    this.#client = client;
    this.#gateways = new IstioGateways(client, gatewayUrl);
  }

  async find(endpoint: string, options: CallOptions): Promise<EndpointRoute | undefined> {
    const what = `read the route of endpoint ${endpoint}`;
    const found = await this.#client.find(VirtualService, VIRTUAL_SERVICES, endpoint, { what, ...options });
    if (found === undefined) return undefined;
    this.#gateways.remember(found);
    return new VirtualServiceRoute(this.#client, this.#gateways, found);
  }

  async list(options: CallOptions): Promise<readonly ListedRoute[]> {
    const what = 'list the endpoints';
    const all = await this.#client.list(VirtualService, VIRTUAL_SERVICES, { what, ...options });
    return all.map(({ metadata: { name, labels } }) => ({ name, ours: labels[MADE_BY_LABEL] === MADE_BY }));
  }
}

/** Envoy splits, copies and matches headers; Istio adds no limit of its own. */
const CAPABILITIES: EndpointCapabilities = {
  mirror: { shares: 'any', most: 100 },
  liveWithMirror: true,
  pin: true,
};

class VirtualServiceRoute implements EndpointRoute {
  readonly resource = VIRTUAL_SERVICES;
  readonly #client: KubeClient;
  readonly #gateways: IstioGateways;
  readonly #found: VirtualService;

  constructor(client: KubeClient, gateways: IstioGateways, found: VirtualService) {
    this.#client = client;
    this.#gateways = gateways;
    this.#found = found;
  }

  get title(): string {
    return `VirtualService ${this.#found.metadata.name}`;
  }

  refuseOwned(): void {
    refuseOwned(VIRTUAL_SERVICES, this.#found);
  }

  state(options: CallOptions): Promise<RouteState> {
    return this.#gateways.stateOf(this.#found, options);
  }

  traffic(backends: readonly Backend[]): Traffic {
    return istioTraffic(this.#found.spec.http, this.#frame(backends));
  }

  strangers(backends: readonly Backend[]): readonly string[] | undefined {
    return istioStrangersOf(this.#found.spec.http, this.#frame(backends));
  }

  isPinned(backends: readonly Backend[], deployment: string): boolean {
    return isIstioPinned(this.#found.spec.http, this.#frame(backends), deployment);
  }

  capabilities(): Promise<EndpointCapabilities> {
    return Promise.resolve(CAPABILITIES);
  }

  slots(backends: readonly Backend[]): RouteSlots {
    return {
      router: 'VirtualService',
      namespace: this.#client.namespace,
      workloads: Object.fromEntries(
        backends.map(({ deployment, service, workload }) => [deployment, workload ?? service]),
      ),
    };
  }

  door(backends: readonly Backend[], gatewayUrl: string | undefined): Promise<Door> {
    if (gatewayUrl === undefined) {
      return Promise.reject(
        permanent(
          'NoGatewayAddress',
          `Istio does not say where the gateways of ${this.title} are reached; set GREENLIGHT_GATEWAY_URL to that address, for the worker and for the command line`,
        ),
      );
    }
    const { metadata, spec } = this.#found;
    const [live] = liveHttpRules(spec.http, this.#frame(backends));
    const uri = live === undefined ? undefined : spec.http[live]?.match?.find((match) => match.uri)?.uri;
    return Promise.resolve(
      doorOf(new URL(gatewayUrl), {
        hosts: spec.hosts,
        annotations: metadata.annotations,
        path: uri?.exact ?? uri?.prefix,
      }),
    );
  }

  async write(
    change: RouteChange,
    backends: () => Promise<readonly Backend[]>,
    options: WriteOptions,
  ): Promise<void> {
    const list: RuleList<VirtualService, HttpRule> = {
      resource: VIRTUAL_SERVICES,
      schema: VirtualService,
      field: 'http',
      of: ({ spec }) => spec.http,
      state: (found, call) => this.#gateways.stateOf(found, call),
      refuse: () => undefined,
    };
    const { name } = this.#found.metadata;
    await writeRules(
      this.#client,
      list,
      name,
      async ({ spec: { http } }) => {
        const frame = this.#frame(await backends());
        refuseOutdated(this.title, istioTraffic(http, frame), options);
        const rules = changed(http, frame, change);
        const isSame = JSON.stringify(rules) === JSON.stringify(http) && !isSignedForAll(http);
        return isSame ? http : signed(rules, `${this.#client.namespace}/${name}`);
      },
      options,
    );
  }

  #frame(backends: readonly Backend[]): IstioFrame {
    return { namespace: this.#client.namespace, backends };
  }
}

function changed(rules: readonly HttpRule[], frame: IstioFrame, change: RouteChange): readonly HttpRule[] {
  switch (change.to) {
    case 'traffic':
      return withIstioTraffic(rules, frame, change.traffic);
    case 'deployments':
      return withIstioPins(rules, frame);
    case 'without':
      return withoutIstioDeployment(rules, frame, change.deployment);
  }
}
