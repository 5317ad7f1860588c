import { fillIn } from '../../core/promql.js';
import type { TrafficKind } from '../../core/metrics.js';

/** The counters of one deployment and kind of traffic, as PromQL selectors without a range. */
export interface ArmQueries {
  /** Every request with an outcome. There from the start where possible: an arm is there while this has series. */
  readonly requests: string;
  /** Those of them that were the model's or its serving's fault. */
  readonly errors: string;
  /** A classic histogram, `…_bucket` with `le`; left out where there is none. */
  readonly buckets?: { readonly query: string; readonly unit: 'ms' | 's' };
  /** Requests that ended without a timing because they took too long: slower than any edge. */
  readonly beyond?: string;
  /** A gauge of requests that are not answered yet; its series end with their last request. Left out where there is none. */
  readonly active?: string;
}

/** How a proxy counts the requests of an endpoint's deployments. */
export interface TrafficQueries {
  readonly histograms: boolean;
  /** Whether mirrored requests can be told from live ones, or a deployment's are all of one kind. */
  readonly mirrored: boolean;
  /** undefined: nothing of that kind is routed to the deployment. */
  of(
    arm: { readonly endpoint: string; readonly deployment: string; readonly kind: TrafficKind },
    signal?: AbortSignal,
  ): Promise<ArmQueries | undefined>;
}

/** 5xx, timeouts, refused and failed ones; other 4xx are the caller's own. */
const FAILED = '5..|408|424|429';

/** How an endpoint is routed, and so where its proxies count: by places in an HTTPRoute, or by workloads. */
export type RouteSlots =
  | HttpRouteSlots
  | {
      readonly router: 'VirtualService';
      readonly namespace: string;
      /** By deployment: what its pods report as `destination_workload`. */
      readonly workloads: Readonly<Record<string, string>>;
    };

/** Where an HTTPRoute sends a deployment's requests: indexes into its rules, their backends and their filters. */
interface HttpRouteSlots {
  readonly router: 'HTTPRoute';
  readonly namespace: string;
  readonly route: string;
  readonly deployments: Readonly<
    Record<
      string,
      {
        readonly live: readonly {
          readonly rule: number;
          readonly backend: number;
          readonly alone?: boolean;
        }[];
        readonly direct: readonly {
          readonly rule: number;
          readonly backend: number;
          readonly alone?: boolean;
        }[];
        readonly mirror: readonly { readonly rule: number; readonly filter: number }[];
      }
    >
  >;
}

/**
 * The proxies that usually stand behind an endpoint's route: Envoy Gateway's behind an HTTPRoute, the sidecars of its pods
 * behind a VirtualService.
 *
 * @param options.slots - how the endpoint is routed now.
 */
export function routedQueries(options: {
  readonly slots: (endpoint: string, signal?: AbortSignal) => Promise<RouteSlots>;
}): TrafficQueries {
  return {
    histograms: true,
    mirrored: true,
    async of(arm, signal) {
      const slots = await options.slots(arm.endpoint, signal);
      if (slots.router === 'HTTPRoute') return envoyGatewayClusters(slots, arm);
      const { namespace, workloads } = slots;
      const workload = workloads[arm.deployment];
      if (workload === undefined) return undefined;
      return istioQueries({ namespace, match: `destination_workload="${workload}"` }).of(arm, signal);
    },
  };
}

/** Envoy Gateway: one Envoy cluster for each backend of a rule (that takes a filter on every backendRef) and each mirror. */
function envoyGatewayClusters(
  { namespace, route, deployments }: HttpRouteSlots,
  { deployment, kind }: { readonly deployment: string; readonly kind: TrafficKind },
): ArmQueries | undefined {
  const slots = deployments[deployment];
  if (slots === undefined) return undefined;
  const at = (rule: number, rest: string) => `httproute/${namespace}/${route}/rule/${rule}${rest}`;
  const clusters =
    kind === 'mirror'
      ? slots.mirror.map(({ rule, filter }) => at(rule, `-mirror-${filter}`))
      : slots[kind].flatMap(({ rule, backend, alone }) => [
          at(rule, `/backend/${backend}`),
          // The only backend of a rule, as others write it, has the cluster of the rule itself.
          ...(alone === true ? [at(rule, '')] : []),
        ]);
  return clusters.length === 0 ? undefined : clusterQueries(clusters);
}

/**
 * A plain Envoy with a cluster for each deployment and kind of traffic.
 *
 * @param options.cluster - name of the cluster, with `$endpoint`, `$deployment` and `$kind` (`live`, `mirror`, `direct`).
 */
export function envoyQueries(options: { readonly cluster: string }): TrafficQueries {
  return {
    histograms: true,
    mirrored: true,
    of: (arm) => Promise.resolve(clusterQueries([fillIn(options.cluster, { ...arm })])),
  };
}

function clusterQueries(clusters: readonly string[]): ArmQueries {
  const names = clusters.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
  const of = (metric: string, more = '') =>
    `envoy_cluster_${metric}{envoy_cluster_name=~${JSON.stringify(names)}${more}}`;
  return {
    // Unlike the counters of single statuses, there from the cluster's first moment.
    requests: of('upstream_rq_completed'),
    errors: of('upstream_rq', `,envoy_response_code=~"${FAILED}"`),
    buckets: { query: of('upstream_rq_time_bucket'), unit: 'ms' },
    beyond: of('upstream_rq_timeout'),
    // A cluster that a new configuration leaves out keeps its statistics while a request of it is under way.
    active: of('upstream_rq_active'),
  };
}

/**
 * Istio's standard metrics.
 *
 * Both kinds of traffic are read from the same counters: in a rollout a deployment gets only one kind at a time, and
 * the destination's sidecar counts mirrored requests like any other.
 *
 * @param options.reporter - who counts. Default `destination`, which sees mirrored requests too, and does not see a
 *   connection that failed; `source` sees those and no mirror.
 * @param options.match - labels that pick a deployment, with `$endpoint` and `$deployment`. Default: canonical service
 *   and version of its pods, in the namespace.
 */
export function istioQueries(options: {
  readonly namespace: string;
  readonly reporter?: string;
  readonly match?: string;
}): TrafficQueries {
  const { namespace, reporter = 'destination' } = options;
  const match =
    options.match ?? 'destination_canonical_service="$endpoint",destination_version="$deployment"';
  return {
    histograms: true,
    mirrored: reporter !== 'source',
    of({ endpoint, deployment, kind }) {
      if (kind === 'direct' || (kind === 'mirror' && reporter === 'source'))
        return Promise.resolve(undefined);
      const labels = [
        `reporter="${reporter}"`,
        `destination_workload_namespace="${namespace}"`,
        fillIn(match, { endpoint, deployment }),
      ].join(',');
      return Promise.resolve({
        // 0: the client went away before there was an answer.
        requests: `istio_requests_total{${labels},response_code!="0"}`,
        errors: `istio_requests_total{${labels},response_code=~"${FAILED}"}`,
        buckets: {
          query: `istio_request_duration_milliseconds_bucket{${labels},response_code!="0"}`,
          unit: 'ms',
        },
      });
    },
  };
}

/** Queries of the user's own for any other proxy, with `$endpoint`, `$deployment` and, where it tells them apart, `$kind`. */
export function ownQueries(queries: ArmQueries & { readonly mirrored: boolean }): TrafficQueries {
  const { requests, errors, buckets, beyond, active, mirrored } = queries;
  return {
    histograms: buckets !== undefined,
    mirrored,
    of(arm) {
      if (arm.kind === 'mirror' && !mirrored) return Promise.resolve(undefined);
      const filled = (query: string) => fillIn(query, { ...arm });
      return Promise.resolve({
        requests: filled(requests),
        errors: filled(errors),
        ...(buckets && { buckets: { ...buckets, query: filled(buckets.query) } }),
        ...(beyond === undefined ? {} : { beyond: filled(beyond) }),
        ...(active === undefined ? {} : { active: filled(active) }),
      });
    },
  };
}
