import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { ensureDaemon, stopDaemon } from '../daemons.js';
import { ensureEnvoy } from '../envoy.js';
import { progressToStderr } from '../progress.js';
import { NODE_ADDRESS } from './control-plane.js';
import { latencyBounds } from './gateway.js';
import { ensureGoTool, goBuild, type GoTool, hasGoTool } from './go-tools.js';
import { get } from './http.js';
import { apply } from './objects.js';

/** Clients of the VirtualServices that name {@link ISTIO_GATEWAY} go there. */
export const ISTIO_GATEWAY_URL = 'http://127.0.0.1:8889';
/** The Gateway of networking.istio.io that takes every host. */
export const ISTIO_GATEWAY = { namespace: 'istio-system', name: 'bed' } as const;
export const ISTIO_ENVOY_ADMIN_URL = 'http://127.0.0.1:19902';
const ISTIOD_HTTP = '127.0.0.1:15080';
const ISTIOD_GRPC = '127.0.0.1:15010';
const ISTIOD = 'istiod';
const PROXY = 'istio-proxy';
const READY_WITHIN_MS = 60_000;

/** Istio's tags are no versions to Go: `modules/istio/go.mod` pins a commit of 1.31, of this day. */
const VERSION = '1.31-20260827';
const PILOT: GoTool = {
  name: 'istio',
  version: VERSION,
  programs: { 'pilot-discovery': ['version'] },
  minutes: 25,
  build: (folder, signal) =>
    goBuild(
      'istio',
      `${folder}/`,
      ['istio.io/istio/pilot/cmd/pilot-discovery'],
      `-X istio.io/istio/pkg/version.buildVersion=${VERSION}`,
      signal,
    ),
};

/** Whether istiod is in the cache: only then do tests use it that need not have it. */
export const hasIstiod = () => hasGoTool(PILOT);

/**
 * The path of istiod, from the cache or built now with Go.
 *
 * @throws {EmbeddedError} when it cannot be built.
 */
export async function ensureIstiod(): Promise<string> {
  return join(await ensureGoTool(PILOT, progressToStderr), 'pilot-discovery');
}

/** Where a bed's Istio runs. */
interface IstioPlace {
  /** For its files. */
  readonly folder: string;
  readonly config: KubeConfig;
  readonly kubeConfigFile: string;
}

/**
 * Starts istiod and an Envoy that it configures as its ingress gateway; what runs is left alone.
 *
 * Istio's resource definitions have to be there. istiod serves plain gRPC here and makes no keys: nothing but this
 * Envoy asks it. Envoy is the stock one, so istiod is told to leave out the filters that only Istio's own has.
 *
 * @throws {EmbeddedError} when one of them does not get ready.
 */
export async function startIstio({ folder, config, kubeConfigFile }: IstioPlace): Promise<void> {
  await mkdir(folder, { recursive: true });
  await apply(config, gatewayObjects());
  await startIstiod(folder, kubeConfigFile);
  const bootstrap = join(folder, 'bootstrap.json');
  await writeFile(bootstrap, JSON.stringify(envoyBootstrap(), null, 2));
  await ensureDaemon(
    folder,
    {
      name: PROXY,
      command: await ensureEnvoy(),
      args: ['-c', bootstrap, '--use-dynamic-base-id', '--concurrency', '2', '-l', 'warn'],
    },
    () => get(`${ISTIO_ENVOY_ADMIN_URL}/ready`),
    READY_WITHIN_MS,
  );
}

export async function stopIstio(folder: string): Promise<void> {
  for (const name of [PROXY, ISTIOD]) await stopDaemon(folder, name, 5_000);
}

async function startIstiod(folder: string, kubeConfigFile: string): Promise<void> {
  const mesh = join(folder, 'mesh.json');
  await writeFile(
    mesh,
    JSON.stringify({ defaultConfig: { discoveryAddress: ISTIOD_GRPC }, enableAutoMtls: false }),
  );
  await ensureDaemon(
    folder,
    {
      name: ISTIOD,
      command: await ensureIstiod(),
      args: [
        ...['discovery', '--kubeconfig', kubeConfigFile, '--meshConfig', mesh],
        ...['--httpAddr', ISTIOD_HTTP, '--grpcAddr', ISTIOD_GRPC, '--monitoringAddr', '127.0.0.1:15014'],
        ...['--httpsAddr', '', '--secureGRPCAddr', '', '--ctrlz_port', '0'],
      ],
      env: {
        ...process.env,
        POD_NAME: ISTIOD,
        POD_NAMESPACE: ISTIO_GATEWAY.namespace,
        ENABLE_CA_SERVER: 'false',
        PILOT_CERT_PROVIDER: 'none',
        // No pod of this cluster reaches istiod: it can neither look at objects before they are stored, nor add sidecars.
        VALIDATION_WEBHOOK_CONFIG_NAME: '',
        INJECTION_WEBHOOK_CONFIG_NAME: '',
        // Gateways of the Gateway API are Envoy Gateway's here.
        PILOT_ENABLE_GATEWAY_API: 'false',
        PILOT_ENABLE_ALPN_FILTER: 'false',
        PILOT_ENABLE_METADATA_EXCHANGE: 'false',
        // Says in the status of a VirtualService what is wrong with it.
        PILOT_ENABLE_ANALYSIS: 'true',
      },
    },
    () => get(`http://${ISTIOD_HTTP}/ready`),
    READY_WITHIN_MS,
  );
}

const SELECTOR = { istio: 'ingressgateway' };

function gatewayObjects() {
  const { name, namespace } = ISTIO_GATEWAY;
  const number = Number(new URL(ISTIO_GATEWAY_URL).port);
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'Gateway',
      metadata: { name, namespace },
      spec: {
        selector: SELECTOR,
        servers: [{ port: { number, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }],
      },
    },
  ];
}

/** As Istio's agent writes it for a gateway, as far as a stock Envoy knows it. */
function envoyBootstrap(): object {
  const { namespace } = ISTIO_GATEWAY;
  const ads = { ads: {}, resource_api_version: 'V3' };
  return {
    node: {
      id: `router~${NODE_ADDRESS}~${PROXY}.${namespace}~${namespace}.svc.cluster.local`,
      cluster: `${PROXY}.${namespace}`,
      metadata: {
        NAMESPACE: namespace,
        LABELS: SELECTOR,
        ISTIO_VERSION: VERSION.replace('-', '.'),
        CLUSTER_ID: 'Kubernetes',
      },
    },
    admin: { address: address(new URL(ISTIO_ENVOY_ADMIN_URL).host) },
    dynamic_resources: {
      lds_config: ads,
      cds_config: ads,
      ads_config: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds-grpc' } }],
      },
    },
    static_resources: {
      clusters: [
        {
          name: 'xds-grpc',
          type: 'STATIC',
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: {
            cluster_name: 'xds-grpc',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(ISTIOD_GRPC) } }] }],
          },
        },
      ],
    },
    // Prometheus sees histograms as of the last flush.
    stats_flush_interval: '1s',
    stats_config: {
      use_all_default_tags: false,
      // Two of Istio's own: its names of clusters have dots in them, and end with `;`.
      stats_tags: [
        { tag_name: 'cluster_name', regex: '^cluster(\\.(.+);)' },
        { tag_name: 'response_code', regex: '_rq(_(\\d{3}))$' },
      ],
      histogram_bucket_settings: [{ match: { suffix: 'upstream_rq_time' }, buckets: latencyBounds() }],
    },
  };
}

function address(hostAndPort: string): object {
  const [host = '', port] = hostAndPort.split(':');
  return { socket_address: { address: host, port_value: Number(port) } };
}
