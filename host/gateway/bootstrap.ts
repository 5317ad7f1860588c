import {
  CLIENT_ID_FILTER,
  CLIENT_ID_LUA,
  ERRORS_FILTER,
  ERRORS_LUA,
  TIMEOUTS_FILTER,
  TIMEOUTS_LUA,
} from './front-end.js';
import { copiesListener, internalListeners, liveLog, mirroredFilter } from './copies.js';
import { envoyBucketBounds } from './ladder.js';
import { ROUTE_CONFIG_NAME, type JsonObject } from './resources.js';

const TYPE = 'type.googleapis.com/';

/** Largest request body that a client may send, bytes. */
const MAX_BODY_BYTES = 100 * 1024 * 1024;

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
  /** Where requests that are mirrored, and their copies, are written down. */
  readonly pairsLogPath: string;
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
    bootstrap_extensions: [internalListeners()],
    dynamic_resources: {
      cds_config: { resource_api_version: 'V3', path_config_source: { path: options.clustersPath } },
      lds_config: { resource_api_version: 'V3', path_config_source: { path: options.listenersPath } },
    },
    static_resources: {
      listeners: [
        listener('gateway', options.gatewayPort, options),
        listener('gateway-tls', options.gatewayTlsPort, options, tls(options)),
        copiesListener(options.pairsLogPath),
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
              access_log: [liveLog(options.pairsLogPath)],
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
    unless(lua(ERRORS_FILTER, ERRORS_LUA), {
      input: matchInput('HttpResponseHeaderMatchInput', ':status'),
      value_match: { exact: '200' },
    }),
    unless(lua(CLIENT_ID_FILTER, CLIENT_ID_LUA), {
      input: matchInput('HttpRequestHeaderMatchInput', 'x-ms-client-request-id'),
      // No header is no match, so this is the same as its being there.
      value_match: { safe_regex: { google_re2: {}, regex: '.*' } },
      not: true,
    }),
    // Only routes that name it have it.
    { ...lua(TIMEOUTS_FILTER, TIMEOUTS_LUA), disabled: true },
    // Behind all that may refuse a request: only what is copied is marked.
    mirroredFilter(),
    filter('envoy.filters.http.router', 'envoy.extensions.filters.http.router.v3.Router', {}),
  ];
}

function lua(name: string, script: string): JsonObject {
  return filter(name, 'envoy.extensions.filters.http.lua.v3.Lua', {
    default_source_code: { inline_string: script },
  });
}

function matchInput(kind: string, header: string): JsonObject {
  return {
    name: 'header',
    typed_config: { '@type': `${TYPE}envoy.type.matcher.v3.${kind}`, header_name: header },
  };
}

/** A filter that is skipped where a header matches, or, with `not`, where it does not. */
function unless(
  { name, typed_config: config }: JsonObject,
  {
    not,
    ...predicate
  }: { readonly input: JsonObject; readonly value_match: JsonObject; readonly not?: boolean },
): JsonObject {
  const single = { single_predicate: predicate };
  const skip = `${TYPE}envoy.extensions.filters.common.matcher.action.v3.SkipFilter`;
  return filter(String(name), 'envoy.extensions.common.matching.v3.ExtensionWithMatcher', {
    extension_config: { name: 'envoy.filters.http.lua', typed_config: config ?? null },
    xds_matcher: {
      matcher_list: {
        matchers: [
          {
            predicate: not === true ? { not_matcher: single } : single,
            on_match: { action: { name: 'skip', typed_config: { '@type': skip } } },
          },
        ],
      },
    },
  });
}

function filter(name: string, type: string, config: JsonObject): JsonObject {
  return { name, typed_config: { '@type': `${TYPE}${type}`, ...config } };
}
