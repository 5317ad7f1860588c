import type { JsonObject } from './resources.js';

const TYPE = 'type.googleapis.com/';
const HCM = `${TYPE}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`;

/** Names the cluster that a copy really goes to, on the header that its way through the listener is chosen by. */
const COPY_HEADER = 'x-greenlight-copy';
const LISTENER = 'copies';
const METADATA = 'greenlight';

/** Marks requests that may be copied, for the access log; off but on routes that mirror. */
export const MIRRORED_FILTER = 'greenlight.mirrored';

/**
 * Why copies take a way of their own: Envoy throws their answers away, and logs nothing of them. So they go through a
 * listener inside Envoy (no port, same thread), which logs each copy when it begins and when it ends. A copy that hangs
 * is therefore known to be one, and nobody has to guess from an answer whether a request was copied.
 *
 * Lines: `DownstreamStart ID 0 CLUSTER` and `DownstreamEnd ID STATUS -` of copies, `L ID STATUS CLUSTER` of live
 * requests on routes that mirror. Status 0: there was no answer (a copy that ran out of time, a client that left).
 */
const COPY_LINE = `%ACCESS_LOG_TYPE% %REQ(X-REQUEST-ID)% %RESPONSE_CODE% %REQ(${COPY_HEADER.toUpperCase()})%\n`;
const LIVE_LINE = 'L %REQ(X-REQUEST-ID)% %RESPONSE_CODE% %UPSTREAM_CLUSTER%\n';

function fileLog(path: string, line: string): JsonObject {
  return {
    name: 'envoy.access_loggers.file',
    typed_config: {
      '@type': `${TYPE}envoy.extensions.access_loggers.file.v3.FileAccessLog`,
      path,
      log_format: { text_format_source: { inline_string: line } },
    },
  };
}

/** Log of the live halves: what a gateway listener writes down. Requests that nothing mirrors cost it one look-up. */
export function liveLog(path: string): JsonObject {
  return {
    ...fileLog(path, LIVE_LINE),
    filter: {
      metadata_filter: {
        matcher: { filter: METADATA, path: [{ key: 'mirrored' }], value: { bool_match: true } },
        match_if_key_not_found: false,
      },
    },
  };
}

/** The filter behind {@link MIRRORED_FILTER}, as a gateway listener has it. */
export function mirroredFilter(): JsonObject {
  return {
    name: MIRRORED_FILTER,
    disabled: true,
    typed_config: {
      '@type': `${TYPE}envoy.extensions.filters.http.set_metadata.v3.Config`,
      metadata: [{ metadata_namespace: METADATA, value: { mirrored: true } }],
    },
  };
}

/** What a route that mirrors says to switch it on: a filter's settings may be empty there, but not missing. */
export const MIRRORED_ON: JsonObject = {
  '@type': `${TYPE}envoy.config.route.v3.FilterConfig`,
  config: {},
};

/** The bootstrap extension that listeners inside Envoy need. */
export function internalListeners(): JsonObject {
  return {
    name: 'envoy.bootstrap.internal_listener',
    typed_config: {
      '@type': `${TYPE}envoy.extensions.bootstrap.internal_listener.v3.InternalListener`,
    },
  };
}

/** The one listener that all copies go through. It leaves no trace of its own on requests. */
export function copiesListener(logPath: string): JsonObject {
  return {
    name: LISTENER,
    internal_listener: {},
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              '@type': HCM,
              stat_prefix: LISTENER,
              generate_request_id: false,
              skip_xff_append: true,
              server_header_transformation: 'PASS_THROUGH',
              stream_idle_timeout: '0s',
              access_log: [fileLog(logPath, COPY_LINE)],
              access_log_options: { flush_access_log_on_new_request: true },
              route_config: {
                name: LISTENER,
                request_headers_to_remove: [COPY_HEADER],
                virtual_hosts: [
                  {
                    name: LISTENER,
                    domains: ['*'],
                    // The time that a copy may take is that of the mirroring route, which ends it.
                    routes: [
                      { match: { prefix: '/' }, route: { cluster_header: COPY_HEADER, timeout: '0s' } },
                    ],
                  },
                ],
              },
              http_filters: [
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

/**
 * The cluster that counts copies: it sends them to the listener, and on to `to`.
 *
 * It has no limits and no probes of its own: a copy that is one too many must be refused behind the listener, where it is
 * known to have been sent.
 */
export function copiesCluster(name: string, to: string): JsonObject {
  const most = 1_000_000;
  return {
    '@type': `${TYPE}envoy.config.cluster.v3.Cluster`,
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: name,
      endpoints: [
        {
          lb_endpoints: [
            { endpoint: { address: { envoy_internal_address: { server_listener_name: LISTENER } } } },
          ],
        },
      ],
    },
    circuit_breakers: {
      thresholds: [{ max_requests: most, max_pending_requests: most, max_connections: most }],
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': `${TYPE}envoy.extensions.upstreams.http.v3.HttpProtocolOptions`,
        explicit_http_config: { http_protocol_options: {} },
        http_filters: [
          {
            name: 'envoy.filters.http.header_mutation',
            typed_config: {
              '@type': `${TYPE}envoy.extensions.filters.http.header_mutation.v3.HeaderMutation`,
              mutations: {
                request_mutations: [
                  {
                    append: {
                      header: { key: COPY_HEADER, value: to },
                      append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
                    },
                  },
                ],
              },
            },
          },
          {
            name: 'envoy.filters.http.upstream_codec',
            typed_config: { '@type': `${TYPE}envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec` },
          },
        ],
      },
    },
  };
}
