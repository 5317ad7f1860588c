import type { GatewayFaults, GatewayModel } from './model.js';
import { behindFaults } from './names.js';
import type { Json, JsonObject } from './resources.js';

const TYPE = 'type.googleapis.com/';
const FILTER = 'envoy.filters.http.fault';
const FAULT = `${TYPE}envoy.extensions.filters.http.fault.v3.HTTPFault`;

/**
 * For each deployment with faults a listener of its own, which delays and refuses requests before they reach its
 * instances.
 *
 * The clusters that count requests send to it instead of to the instances. So an added latency is in their timings, and
 * an error among their statuses, as if the model server had been slow or had failed.
 */
export function faultListeners(model: GatewayModel, routesPath: (name: string) => string): JsonObject[] {
  return withFaults(model).map(({ name, faults }) => listener(name, faults, routesPath(name)));
}

/** The route tables of these listeners, by name: what changes, changes here, because a changed listener drops connections. */
export function faultRoutes(model: GatewayModel): ReadonlyMap<string, JsonObject> {
  return new Map(withFaults(model).map(({ name, faults }) => [name, routes(name, faults)]));
}

function withFaults(
  model: GatewayModel,
): readonly { readonly name: string; readonly faults: GatewayFaults }[] {
  return model.endpoints.flatMap((endpoint) =>
    endpoint.deployments.flatMap(({ name, faults }) =>
      faults ? [{ name: behindFaults(endpoint.workspace, endpoint.name, name), faults }] : [],
    ),
  );
}

function listener(name: string, faults: GatewayFaults, routesPath: string): JsonObject {
  return {
    '@type': `${TYPE}envoy.config.listener.v3.Listener`,
    name,
    address: { socket_address: { address: '127.0.0.1', port_value: faults.port } },
    enable_reuse_port: false,
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              '@type': `${TYPE}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
              stat_prefix: 'faults',
              // It must leave no trace of its own on requests and answers.
              generate_request_id: false,
              skip_xff_append: true,
              server_header_transformation: 'PASS_THROUGH',
              stream_idle_timeout: '0s',
              rds: {
                route_config_name: name,
                config_source: { resource_api_version: 'V3', path_config_source: { path: routesPath } },
              },
              http_filters: [
                { name: FILTER, typed_config: { '@type': FAULT } },
                {
                  name: 'envoy.filters.http.router',
                  typed_config: {
                    '@type': `${TYPE}envoy.extensions.filters.http.router.v3.Router`,
                    suppress_envoy_headers: true,
                  },
                },
              ],
            },
          },
        ],
      },
    ],
  };
}

function routes(name: string, faults: GatewayFaults): JsonObject {
  return {
    '@type': `${TYPE}envoy.config.route.v3.RouteConfiguration`,
    name,
    virtual_hosts: [
      {
        name,
        domains: ['*'],
        routes: [
          {
            match: { prefix: '/' },
            route: { cluster: name, timeout: '0s' },
            typed_per_filter_config: { [FILTER]: { '@type': FAULT, ...fault(faults) } },
          },
        ],
      },
    ],
  };
}

function fault(faults: GatewayFaults): { readonly [key: string]: Json } {
  return {
    ...(faults.delayMs > 0 && {
      delay: { fixed_delay: `${faults.delayMs / 1000}s`, percentage: { numerator: 100 } },
    }),
    ...(faults.errorPercent > 0 && {
      abort: {
        http_status: faults.errorStatus,
        percentage: { numerator: Math.round(faults.errorPercent * 100), denominator: 'TEN_THOUSAND' },
      },
    }),
  };
}
