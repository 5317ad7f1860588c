import type { EndpointCapabilities } from '../../core/capabilities.js';
import type { Traffic } from '../../core/traffic.js';
import type { CallOptions, WriteOptions } from '../ports.js';
import type { Resource } from './client.js';
import type { Door } from './invoke.js';
import type { Slots } from './slots.js';
import type { RouteState } from './states.js';

/** The Service in front of a deployment. */
export interface Backend {
  readonly deployment: string;
  readonly service: string;
  readonly port: number;
  /** How long one request may take; left out: the gateway's own limit. */
  readonly timeoutMs?: number;
  /** The Deployment behind it, where there is one. */
  readonly workload?: string;
}

/** What a route is to become; nothing else of it changes. */
export type RouteChange =
  /** These shares and this mirror, where live traffic goes. */
  | { readonly to: 'traffic'; readonly traffic: Traffic }
  /** Every deployment known to it: none gets traffic by that, and each is reached by its header. */
  | { readonly to: 'deployments' }
  /** One deployment taken out of it. */
  | { readonly to: 'without'; readonly deployment: string };

/** One kind of object that routes requests to Services. */
export interface Router {
  readonly resource: Resource;
  /** @returns undefined where there is no such object. @throws {PortError} `NotServed` where the API is not installed. */
  find(endpoint: string, options: CallOptions): Promise<EndpointRoute | undefined>;
  /** Every object of that kind in the namespace. */
  list(options: CallOptions): Promise<readonly ListedRoute[]>;
}

export interface ListedRoute {
  readonly name: string;
  /** Made by Greenlight as an endpoint. */
  readonly ours: boolean;
}

/** The object that routes an endpoint's requests, as it was read. */
export interface EndpointRoute {
  readonly resource: Resource;
  /** Kind and name, for people: `HTTPRoute diabetes`. */
  readonly title: string;
  /** @throws {PortError} permanent `OwnedByController` where a controller would write over every change. */
  refuseOwned(): void;
  /** Whether what serves it has taken it as it stands, as far as that can be told. */
  state(options: CallOptions): Promise<RouteState>;
  traffic(backends: readonly Backend[]): Traffic;
  /** Who gets its live traffic where no rule is, or may become, a deployment's; undefined: one is, or may. */
  strangers(backends: readonly Backend[]): readonly string[] | undefined;
  /** Why a change of its shares is not over, though they show; undefined, or left out: it is. */
  unfinished?(backends: readonly Backend[]): string | undefined;
  /** Whether the header reaches a deployment on every way that live traffic takes. */
  isPinned(backends: readonly Backend[], deployment: string): boolean;
  capabilities(options: CallOptions): Promise<EndpointCapabilities>;
  slots(backends: readonly Backend[]): RouteSlots;
  /** @param gatewayUrl - where its gateway is reached from here; undefined: where the gateway itself says. */
  door(backends: readonly Backend[], gatewayUrl: string | undefined, options: CallOptions): Promise<Door>;
  /**
   * Changes the object as it is at that time, and returns when it is taken.
   *
   * @param backends - the endpoint's Services, asked anew for each attempt.
   * @throws {PortError} permanent `FieldManagerConflict`, where someone else has taken the rules over.
   */
  write(
    change: RouteChange,
    backends: () => Promise<readonly Backend[]>,
    options: WriteOptions,
  ): Promise<void>;
}

/** What proxies name the statistics of an endpoint's deployments by: their places in a route, or their workloads. */
export type RouteSlots =
  | {
      readonly router: 'HTTPRoute';
      readonly namespace: string;
      readonly route: string;
      readonly deployments: Readonly<Record<string, Slots>>;
    }
  | {
      readonly router: 'VirtualService';
      readonly namespace: string;
      readonly workloads: Readonly<Record<string, string>>;
    };
