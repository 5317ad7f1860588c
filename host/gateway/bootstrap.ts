import { AZURE_FRONT_END_LUA } from './front-end.js';
import { envoyBucketBounds } from './ladder.js';
import { ROUTE_CONFIG_NAME, type JsonObject } from './resources.js';

const TYPE = 'type.googleapis.com/';

/** Largest request body that a client may send, bytes. */
export const MAX_BODY_BYTES = 100 * 1024 * 1024;

export interface BootstrapOptions {
  readonly gatewayPort: number;
  /** The same gateway behind TLS. */
  readonly gatewayTlsPort: number;
  readonly certPath: string;
  readonly keyPath: string;
  readonly adminPort: number;
  readonly clustersPath: string;
  readonly routesPath: string;
  readonly listenersPath: string;
}

/** What Envoy starts with; all that changes later is read from the files it names. */
export function bootstrap(options: BootstrapOptions): JsonObject {
  return {
    node: { id: 'greenlight-host', cluster: 'greenlight-host' },
    admin: { address: loopback(options.adminPort) },
    // The gates look every second or so; Envoy's default of 5 s would make that five looks at the same picture.
    stats_flush_interval: '1s',
    stats_config: {
      histogram_bucket_settings: [
        { match: { suffix: 'upstream_rq_time' }, buckets: [...envoyBucketBounds()] },
      ],
    },
    dynamic_resources: {
      cds_config: { resource_api_version: 'V3', path_config_source: { path: options.clustersPath } },
      lds_config: { resource_api_version: 'V3', path_config_source: { path: options.listenersPath } },
    },
    static_resources: {
      listeners: [
        listener('gateway', options.gatewayPort, options),
        listener('gateway-tls', options.gatewayTlsPort, options, tls(options)),
      ],
    },
  };
}

function loopback(port: number): JsonObject {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}

function tls(options: BootstrapOptions): JsonObject {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': `${TYPE}envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext`,
      common_tls_context: {
        alpn_protocols: ['h2', 'http/1.1'],
        tls_certificates: [
          { certificate_chain: { filename: options.certPath }, private_key: { filename: options.keyPath } },
        ],
      },
    },
  };
}

function listener(
  name: string,
  port: number,
  options: BootstrapOptions,
  transportSocket?: JsonObject,
): JsonObject {
  return {
    name,
    address: loopback(port),
    // With it a second Envoy on the same port would take half of the connections, and nobody would notice.
    enable_reuse_port: false,
    filter_chains: [
      {
        ...(transportSocket && { transport_socket: transportSocket }),
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              '@type': `${TYPE}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
              stat_prefix: name,
              codec_type: 'AUTO',
              // Makes a client an outside one: Envoy then writes x-request-id itself and drops x-envoy-* headers.
              use_remote_address: true,
              always_set_request_id_in_response: true,
              normalize_path: true,
              merge_slashes: true,
              path_with_escaped_slashes_action: 'REJECT_REQUEST',
              strip_any_host_port: false,
              stream_idle_timeout: '310s',
              rds: {
                route_config_name: ROUTE_CONFIG_NAME,
                config_source: {
                  resource_api_version: 'V3',
                  path_config_source: { path: options.routesPath },
                },
              },
              http_filters: httpFilters(),
            },
          },
        ],
      },
    ],
  };
}

function httpFilters(): JsonObject[] {
  return [
    filter('envoy.filters.http.api_key_auth', 'envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth', {}),
    // Whole bodies only: a slow sender must not hold one of the few workers of a model server.
    filter('envoy.filters.http.buffer', 'envoy.extensions.filters.http.buffer.v3.Buffer', {
      max_request_bytes: MAX_BODY_BYTES,
    }),
    filter('envoy.filters.http.lua', 'envoy.extensions.filters.http.lua.v3.Lua', {
      default_source_code: { inline_string: AZURE_FRONT_END_LUA },
    }),
    filter('envoy.filters.http.router', 'envoy.extensions.filters.http.router.v3.Router', {}),
  ];
}

function filter(name: string, type: string, config: JsonObject): JsonObject {
  return { name, typed_config: { '@type': `${TYPE}${type}`, ...config } };
}
