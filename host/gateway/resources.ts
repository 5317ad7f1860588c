import { copiesCluster, MIRRORED_FILTER, MIRRORED_ON } from './copies.js';
import { behindCopies, behindFaults, clusterName, serviceName, type TrafficKind } from './names.js';
import { ERRORS_FILTER, TIMEOUTS_FILTER } from './front-end.js';
import type { GatewayDeployment, GatewayEndpoint, GatewayModel } from './model.js';

/** Any JSON; Envoy checks it. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

const TYPE = 'type.googleapis.com/';
export const ROUTE_CONFIG_NAME = 'endpoints';

/** The one route table: per endpoint first requests that name a deployment, then live traffic. */
export function routeConfig(model: GatewayModel): JsonObject {
  return {
    '@type': `${TYPE}envoy.config.route.v3.RouteConfiguration`,
    name: ROUTE_CONFIG_NAME,
    // The model server refuses it when it is long; Azure has another name for it.
    request_headers_to_remove: ['x-ms-request-id'],
    virtual_hosts: [
      {
        name: 'endpoints',
        domains: ['*'],
        routes: [...model.endpoints.flatMap(endpointRoutes), nowhere()],
      },
    ],
  };
}

function endpointRoutes(endpoint: GatewayEndpoint): Json[] {
  const prefix = `/${endpoint.workspace}/${endpoint.name}/`;
  const auth = credentials(endpoint);
  const pinned = endpoint.deployments
    .filter((deployment) => deployment.routable)
    .map((deployment) => ({
      match: {
        prefix,
        headers: [{ name: PIN_HEADER, string_match: { exact: deployment.name, ignore_case: true } }],
      },
      route: {
        ...forward([deployment]),
        weighted_clusters: { clusters: [weighted(endpoint, deployment, 'direct', 100)] },
      },
      typed_per_filter_config: auth,
    }));
  return [
    ...pinned,
    {
      match: { prefix, headers: [{ name: PIN_HEADER, present_match: true }] },
      direct_response: notFound(`endpoint ${endpoint.name} has no ready deployment of that name`),
      typed_per_filter_config: auth,
    },
    {
      match: { prefix },
      ...liveAction(endpoint),
      typed_per_filter_config: {
        ...auth,
        ...(mirrorsOf(endpoint).length > 0 && { [MIRRORED_FILTER]: MIRRORED_ON }),
      },
    },
  ];
}

const PIN_HEADER = 'azureml-model-deployment';

function liveAction(endpoint: GatewayEndpoint): JsonObject {
  const live = endpoint.deployments.filter((deployment) => (endpoint.traffic[deployment.name] ?? 0) > 0);
  if (live.length === 0) {
    return { direct_response: notFound(`endpoint ${endpoint.name} has no deployment with live traffic`) };
  }
  const mirrors = mirrorsOf(endpoint);
  return {
    route: {
      ...forward(live),
      weighted_clusters: {
        clusters: live.map((d) => weighted(endpoint, d, 'live', endpoint.traffic[d.name] ?? 0, differ(live))),
      },
      ...(mirrors.length > 0 && {
        request_mirror_policies: mirrors.map((deployment) => ({
          cluster: clusterName(endpoint.workspace, endpoint.name, deployment.name, 'mirror'),
          runtime_fraction: {
            default_value: { numerator: endpoint.mirror[deployment.name] ?? 0, denominator: 'HUNDRED' },
          },
          trace_sampled: false,
          disable_shadow_host_suffix_append: true,
        })),
      }),
    },
  };
}

function mirrorsOf({ deployments, mirror }: GatewayEndpoint): readonly GatewayDeployment[] {
  return deployments.filter(({ name }) => (mirror[name] ?? 0) > 0);
}

/** Whether deployments have different timeouts, so that one for the whole route does not do. */
function differ(deployments: readonly GatewayDeployment[]): boolean {
  return new Set(deployments.map(({ requestTimeoutMs }) => requestTimeoutMs)).size > 1;
}

function forward(deployments: readonly GatewayDeployment[]): JsonObject {
  const longestMs = Math.max(...deployments.map(({ requestTimeoutMs }) => requestTimeoutMs));
  return {
    prefix_rewrite: '/',
    // Where they differ, every deployment's own timeout comes by header.
    timeout: `${longestMs / 1000}s`,
    retry_policy: {
      // Only what no model has seen: a request that ran may have had effects, and would be counted twice.
      retry_on: 'connect-failure,refused-stream',
      num_retries: 3,
      retry_host_predicate: [
        {
          name: 'envoy.retry_host_predicates.previous_hosts',
          typed_config: {
            '@type': `${TYPE}envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate`,
          },
        },
      ],
      // The dead one of two instances has the fewest requests, so it is picked three times out of four.
      host_selection_retry_max_attempts: 32,
      retry_back_off: { base_interval: '0.005s', max_interval: '0.05s' },
    },
  };
}

function weighted(
  endpoint: GatewayEndpoint,
  deployment: GatewayDeployment,
  kind: TrafficKind,
  weight: number,
  ownTimeout = false,
): JsonObject {
  return {
    name: clusterName(endpoint.workspace, endpoint.name, deployment.name, kind),
    weight,
    response_headers_to_add: [header(PIN_HEADER, deployment.name)],
    typed_per_filter_config: {
      [ERRORS_FILTER]: luaContext({ kind: endpoint.kind }),
      ...(ownTimeout && {
        [TIMEOUTS_FILTER]: luaContext({ timeoutMs: String(deployment.requestTimeoutMs) }),
      }),
    },
  };
}

function luaContext(context: Readonly<Record<string, string>>): JsonObject {
  return { '@type': `${TYPE}envoy.extensions.filters.http.lua.v3.LuaPerRoute`, filter_context: context };
}

function header(key: string, value: string): JsonObject {
  return { header: { key, value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' };
}

function credentials(endpoint: GatewayEndpoint): JsonObject {
  return {
    'envoy.filters.http.api_key_auth': {
      '@type': `${TYPE}envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuthPerRoute`,
      credentials: [...new Set(endpoint.credentials)].map((key, index) => ({
        key,
        client: `client-${index}`,
      })),
      key_sources: [{ header: 'authorization' }],
      // Azure's front end does not hand the caller's key to the model either.
      forwarding: { hide_credentials: true },
    },
  };
}

function nowhere(): JsonObject {
  return {
    match: { prefix: '/' },
    direct_response: notFound('there is no such endpoint; ask the endpoint for its scoringUri'),
    typed_per_filter_config: {
      'envoy.filters.http.api_key_auth': {
        '@type': `${TYPE}envoy.config.route.v3.FilterConfig`,
        disabled: true,
      },
    },
  };
}

function notFound(message: string): JsonObject {
  return { status: 404, body: { inline_string: `${message}\n` } };
}

/** A cluster per deployment and kind of traffic, all pointing at the same instances, so that their statistics come apart. */
export function clusters(model: GatewayModel, edsPath: (service: string) => string): JsonObject[] {
  return model.endpoints.flatMap((endpoint) =>
    endpoint.deployments.flatMap((deployment) => {
      const { workspace, name } = endpoint;
      const service = serviceName(workspace, name, deployment.name);
      const inner = behindFaults(workspace, name, deployment.name);
      const copies = behindCopies(workspace, name, deployment.name);
      const named = (kind: TrafficKind) => clusterName(workspace, name, deployment.name, kind);
      return [
        cluster(named('live'), service, deployment, edsPath),
        cluster(named('direct'), service, deployment, edsPath),
        copiesCluster(named('mirror'), copies),
        cluster(copies, service, deployment, edsPath),
        ...(deployment.faults ? [cluster(inner, inner, deployment, edsPath)] : []),
      ];
    }),
  );
}

function cluster(
  name: string,
  service: string,
  deployment: GatewayDeployment,
  edsPath: (service: string) => string,
): JsonObject {
  return {
    '@type': `${TYPE}envoy.config.cluster.v3.Cluster`,
    name,
    type: 'EDS',
    eds_cluster_config: {
      service_name: service,
      eds_config: { resource_api_version: 'V3', path_config_source: { path: edsPath(service) } },
    },
    connect_timeout: '1s',
    lb_policy: 'LEAST_REQUEST',
    // gunicorn closes after every answer. A connection to it that idles was opened for a request that then got no place:
    // it would give it a thread and wait for data, for seconds. Other servers keep connections, usually for 5 s; shorter
    // here, so that none is closed from there while a request is on its way.
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': `${TYPE}envoy.extensions.upstreams.http.v3.HttpProtocolOptions`,
        common_http_protocol_options: { idle_timeout: deployment.keepsConnections ? '1s' : '0.02s' },
        explicit_http_config: { http_protocol_options: {} },
      },
    },
    circuit_breakers: {
      thresholds: [
        {
          max_requests: deployment.maxRequests,
          max_pending_requests: deployment.maxRequests,
          max_connections: 4096,
          max_retries: 256,
        },
      ],
    },
    // Envoy finds a dead instance by itself, also while the host is down. By connecting only: a model server with one
    // worker answers HTTP probes late when it is merely busy.
    health_checks: [
      {
        timeout: '1s',
        interval: '1s',
        no_traffic_interval: '1s',
        unhealthy_threshold: 1,
        healthy_threshold: 1,
        reuse_connection: false,
        tcp_health_check: {},
      },
    ],
    // The host takes an instance out of the list on purpose; a health check that still passes must not keep it in.
    ignore_health_on_host_removal: true,
  };
}

/** The instances of every deployment, by service name. */
export function loadAssignments(model: GatewayModel): ReadonlyMap<string, JsonObject> {
  return new Map(
    model.endpoints.flatMap((endpoint) =>
      endpoint.deployments.flatMap((deployment) => {
        const service = serviceName(endpoint.workspace, endpoint.name, deployment.name);
        const { ports, faults } = deployment;
        if (!faults) return [[service, loadAssignment(service, ports)] as const];
        const inner = behindFaults(endpoint.workspace, endpoint.name, deployment.name);
        return [
          [inner, loadAssignment(inner, ports)] as const,
          [service, loadAssignment(service, faults.inUse ? [faults.port] : ports)] as const,
        ];
      }),
    ),
  );
}

function loadAssignment(service: string, ports: readonly number[]): JsonObject {
  return {
    '@type': `${TYPE}envoy.config.endpoint.v3.ClusterLoadAssignment`,
    cluster_name: service,
    endpoints: [
      {
        lb_endpoints: [...ports]
          .sort((a, b) => a - b)
          .map((port) => ({
            endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } },
          })),
      },
    ],
  };
}

/** One file of resources, as Envoy reads it. */
export function discoveryResponse(version: string, resources: readonly JsonObject[]): JsonObject {
  return { version_info: version, resources };
}
