import { setTimeout as sleep } from 'node:timers/promises';
import type { EndpointCapabilities } from '../../core/capabilities.js';
import type { Traffic } from '../../core/traffic.js';
import { refuseOutdated } from '../outdated.js';
import type { CallOptions, WriteOptions } from '../ports.js';
import { ROUTES, type KubeClient } from './client.js';
import { Gateways } from './gateways.js';
import { handedOver, PROXIES_TAKE_MS, withFirstWeights, withLastWeights } from './handover.js';
import { doorOf, type Door } from './invoke.js';
import { MADE_BY, MADE_BY_LABEL } from './names.js';
import { Route, type Rule } from './objects.js';
import { permanent } from './permanent.js';
import { callOf, refuseOwned, writeRules, type RuleList } from './route-writer.js';
import type { Backend, EndpointRoute, ListedRoute, RouteChange, Router, RouteSlots } from './router.js';
import {
  isPinned,
  liveRules,
  MOST_BACKENDS,
  MOST_RULES,
  strangersOf,
  trafficOf,
  withDeployments,
  withoutDeployment,
  withTraffic,
  type Frame,
} from './rules.js';
import { slotsOf } from './slots.js';
import { routeState, type RouteState } from './states.js';

/** HTTPRoutes of the Gateway API as routers of endpoints. */
export class HttpRoutes implements Router {
  readonly resource = ROUTES;
  readonly #client: KubeClient;
  readonly #gateways: Gateways;

  constructor(client: KubeClient) {
    this.#client = client;
    this.#gateways = new Gateways(client);
  }

  async find(endpoint: string, options: CallOptions): Promise<EndpointRoute | undefined> {
    const what = `read the route of endpoint ${endpoint}`;
    const route = await this.#client.find(Route, ROUTES, endpoint, { what, ...options });
    return route === undefined ? undefined : new HttpRoute(this.#client, this.#gateways, route);
  }

  async list(options: CallOptions): Promise<readonly ListedRoute[]> {
    const routes = await this.#client.list(Route, ROUTES, { what: 'list the endpoints', ...options });
    return routes.map(({ metadata: { name, labels } }) => ({
      name,
      ours: labels[MADE_BY_LABEL] === MADE_BY,
    }));
  }
}

const RULES: RuleList<Route, Rule> = {
  resource: ROUTES,
  schema: Route,
  field: 'rules',
  of: ({ spec }) => spec.rules,
  state: (route) => Promise.resolve(routeState(route)),
  refuse(name, rules) {
    const most = Math.max(0, ...rules.map(({ backendRefs = [] }) => backendRefs.length));
    if (rules.length <= MOST_RULES && most <= MOST_BACKENDS) return;
    throw permanent(
      'TooManyRules',
      `HTTPRoute ${name} would have ${rules.length} rules and up to ${most} backends in one; the Gateway API takes ${MOST_RULES} and ${MOST_BACKENDS}. Take deployments or rules out, or move rules to a route of their own`,
    );
  },
};

class HttpRoute implements EndpointRoute {
  readonly resource = ROUTES;
  readonly #client: KubeClient;
  readonly #gateways: Gateways;
  readonly #route: Route;

  constructor(client: KubeClient, gateways: Gateways, route: Route) {
    this.#client = client;
    this.#gateways = gateways;
    this.#route = route;
  }

  get title(): string {
    return `HTTPRoute ${this.#name}`;
  }

  get #name(): string {
    return this.#route.metadata.name;
  }

  refuseOwned(): void {
    refuseOwned(ROUTES, this.#route);
  }

  state(): Promise<RouteState> {
    return Promise.resolve(routeState(this.#route));
  }

  traffic(backends: readonly Backend[]): Traffic {
    return trafficOf(this.#rules, this.#frame(backends));
  }

  strangers(backends: readonly Backend[]): readonly string[] | undefined {
    return strangersOf(this.#rules, this.#frame(backends));
  }

  unfinished(backends: readonly Backend[]): string | undefined {
    const [name] = handedOver(this.#rules, this.#frame(backends));
    return name === undefined
      ? undefined
      : `${this.title} still gives ${name} the millionth that a change of shares begins and ends with`;
  }

  isPinned(backends: readonly Backend[], deployment: string): boolean {
    return isPinned(this.#rules, this.#frame(backends), deployment);
  }

  slots(backends: readonly Backend[]): RouteSlots {
    return {
      router: 'HTTPRoute',
      namespace: this.#client.namespace,
      route: this.#name,
      deployments: slotsOf(this.#rules, this.#frame(backends)),
    };
  }

  async capabilities(options: CallOptions): Promise<EndpointCapabilities> {
    return (await this.#gateways.features(this.#route, options)).capabilities;
  }

  async door(
    backends: readonly Backend[],
    gatewayUrl: string | undefined,
    options: CallOptions,
  ): Promise<Door> {
    const gateway =
      gatewayUrl === undefined ? await this.#gateways.address(this.#route, options) : new URL(gatewayUrl);
    const [live] = liveRules(this.#rules, this.#frame(backends));
    const match = live === undefined ? undefined : this.#rules[live]?.matches?.find(({ path }) => path);
    const { metadata, spec } = this.#route;
    return doorOf(gateway, {
      hosts: spec.hostnames,
      annotations: metadata.annotations,
      path: match?.path?.type === 'RegularExpression' ? undefined : match?.path?.value,
    });
  }

  async write(
    change: RouteChange,
    backends: () => Promise<readonly Backend[]>,
    options: WriteOptions,
  ): Promise<void> {
    if (change.to === 'traffic') await this.#handOver(change.traffic, backends, options);
    await this.#apply((rules, frame) => changed(rules, frame, change), backends, options);
  }

  /** A backend's first and last share take two writes, where its clusters come and go with them. */
  async #handOver(
    traffic: Traffic,
    backends: () => Promise<readonly Backend[]>,
    options: WriteOptions,
  ): Promise<void> {
    const call = callOf(options);
    const { clustersComeAndGo } = await this.#gateways.features(this.#route, call);
    if (!clustersComeAndGo) return;
    for (const step of [withFirstWeights, withLastWeights]) {
      // Asked of what was read before, so that most writes stay one.
      if (step(this.#rules, this.#frame(await backends()), traffic) === this.#rules) continue;
      await this.#apply((rules, frame) => step(rules, frame, traffic), backends, options);
      await sleep(PROXIES_TAKE_MS[options.goesBack === true ? 'back' : 'forward'], undefined, call);
    }
  }

  async #apply(
    change: (rules: readonly Rule[], frame: Frame) => readonly Rule[],
    backends: () => Promise<readonly Backend[]>,
    options: WriteOptions,
  ): Promise<void> {
    await writeRules(
      this.#client,
      RULES,
      this.#name,
      async (route) => {
        const [known, { marksBackends }] = await Promise.all([
          backends(),
          this.#gateways.features(route, callOf(options)),
        ]);
        const frame = this.#frame(known, marksBackends);
        refuseOutdated(this.title, trafficOf(route.spec.rules, frame), options);
        return change(route.spec.rules, frame);
      },
      options,
    );
  }

  get #rules(): readonly Rule[] {
    return this.#route.spec.rules;
  }

  #frame(backends: readonly Backend[], markBackends = true): Frame {
    return { namespace: this.#client.namespace, backends, markBackends };
  }
}

function changed(rules: readonly Rule[], frame: Frame, change: RouteChange): readonly Rule[] {
  switch (change.to) {
    case 'traffic':
      return withTraffic(rules, frame, change.traffic);
    case 'deployments':
      return withDeployments(rules, frame);
    case 'without':
      return withoutDeployment(rules, frame, change.deployment);
  }
}
