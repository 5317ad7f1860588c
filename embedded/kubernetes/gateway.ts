import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CoreV1Api, CustomObjectsApi, type KubeConfig } from '@kubernetes/client-node';
import { ensureDaemon } from '../daemons.js';
import { ENVOY_VERSION } from '../envoy.js';
import { EmbeddedError } from '../errors.js';
import { packageRoot } from '../package-root.js';
import { until } from '../processes.js';
import { run, whyNot } from '../run.js';
import { get } from './http.js';
import { apply, type Manifest, readManifests } from './objects.js';
import type { KubernetesTools } from './tools.js';

export const GATEWAY_NAMESPACE = 'envoy-gateway-system';
/** Every namespace may attach routes to it. */
export const GATEWAY_NAME = 'bed';
const GATEWAY_CLASS = 'bed';
const GATEWAY_PORT = 8888;
export const GATEWAY_URL = `http://127.0.0.1:${GATEWAY_PORT}`;
const ENVOY_ADMIN = '127.0.0.1:19901';
export const ENVOY_ADMIN_URL = `http://${ENVOY_ADMIN}`;
const READY_WITHIN_MS = 120_000;
const NAME = 'envoy-gateway';

/** Where Envoy Gateway reads its own keys; see enter.sh. */
const CERTIFICATES = '/certs';

/** Gateway API and Envoy Gateway in front of the cluster, with one gateway on `GATEWAY_URL`. */
export class GatewayPlane {
  readonly #folder: string;
  readonly #tools: KubernetesTools;

  constructor(folder: string, tools: KubernetesTools) {
    this.#folder = join(folder, 'gateway');
    this.#tools = tools;
  }

  /** Once for a cluster: the resource definitions, the keys, the gateway. */
  async install(config: KubeConfig, kubeConfigFile: string): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    await apply(config, [
      ...(await readManifests(this.#tools.resourceDefinitions)),
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: GATEWAY_NAMESPACE } },
    ]);
    await this.#makeKeys(config, kubeConfigFile);
    await this.#placeEnvoy();
    await writeFile(join(this.#folder, 'config.yaml'), JSON.stringify(this.#settings(), null, 2));
    await apply(config, gatewayObjects());
    await this.start(kubeConfigFile);
    await untilProgrammed(config);
  }

  /** Starts Envoy Gateway when it does not run; the proxy has a keeper of its own. */
  async start(kubeConfigFile: string): Promise<void> {
    await ensureDaemon(
      this.#folder,
      {
        name: NAME,
        command: this.#tools.envoyGateway,
        args: ['server', '--config-path', join(this.#folder, 'config.yaml')],
        env: {
          ...this.#environment(kubeConfigFile),
          BED_ENVOY: this.#tools.envoy,
          BED_ENVOY_KEEPER: join(this.#folder, 'envoy-keeper.pid'),
          BED_ENVOY_ADMIN: ENVOY_ADMIN,
        },
      },
      () => get('http://127.0.0.1:8081/readyz'),
      READY_WITHIN_MS,
    );
  }

  /** The folder of the note and the log of Envoy Gateway's process. */
  get folder(): string {
    return this.#folder;
  }

  #environment(kubeConfigFile: string): NodeJS.ProcessEnv {
    return { ...process.env, KUBECONFIG: kubeConfigFile, ENVOY_GATEWAY_NAMESPACE: GATEWAY_NAMESPACE };
  }

  async #makeKeys(config: KubeConfig, kubeConfigFile: string): Promise<void> {
    const made = await run(this.#tools.envoyGateway, ['certgen', '--disable-topology-injector'], {
      timeoutMs: 60_000,
      env: this.#environment(kubeConfigFile),
    });
    if (made.code !== 0) throw new EmbeddedError(`Envoy Gateway made no keys: ${whyNot(made)}`);
    const api = config.makeApiClient(CoreV1Api);
    for (const name of ['envoy-gateway', 'envoy']) {
      const { data } = await api.readNamespacedSecret({ name, namespace: GATEWAY_NAMESPACE });
      const folder = join(this.#folder, 'config', 'certs', name);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      for (const [file, text] of Object.entries(data ?? {})) {
        await writeFile(join(folder, file), Buffer.from(text, 'base64'), { mode: 0o600 });
        if (name === 'envoy-gateway') await copyFile(join(folder, file), join(CERTIFICATES, file));
      }
    }
  }

  async #placeEnvoy(): Promise<void> {
    const folder = join(this.#folder, 'data', 'envoy-versions', ENVOY_VERSION, 'bin');
    await mkdir(folder, { recursive: true });
    const script = join(packageRoot(), 'embedded', 'kubernetes', 'envoy.sh');
    await copyFile(script, join(folder, 'envoy'));
    await chmod(join(folder, 'envoy'), 0o755);
  }

  #settings(): object {
    return {
      apiVersion: 'gateway.envoyproxy.io/v1alpha1',
      kind: 'EnvoyGateway',
      gateway: { controllerName: CONTROLLER },
      logging: { level: { default: 'warn' } },
      provider: {
        type: 'Custom',
        custom: {
          resource: { type: 'Kubernetes', kubernetes: { leaderElection: { disable: true } } },
          infrastructure: {
            type: 'Host',
            host: {
              configHome: join(this.#folder, 'config'),
              dataHome: join(this.#folder, 'data'),
              stateHome: join(this.#folder, 'state'),
              runtimeDir: join(this.#folder, 'runtime'),
            },
          },
        },
      },
    };
  }
}

const CONTROLLER = 'gateway.envoyproxy.io/gatewayclass-controller';

/**
 * Bounds of the latency histograms, milliseconds: 1 ms to 100 s, each about sqrt(1.1) times the one before, since gates
 * compare in steps of 5 %, and Envoy's own stand much farther apart. Two significant digits: Envoy keeps no more.
 */
export function latencyBounds(): number[] {
  const bounds = new Set<number>();
  for (let bound = 1; bound < 100_000; bound *= Math.sqrt(1.1)) {
    bounds.add(bound < 10 ? Math.round(bound) : Number(bound.toPrecision(2)));
  }
  return [...bounds, 100_000];
}

function gatewayObjects(): Manifest[] {
  const namespace = GATEWAY_NAMESPACE;
  const [address = '', port] = ENVOY_ADMIN.split(':');
  return [
    {
      apiVersion: 'gateway.envoyproxy.io/v1alpha1',
      kind: 'EnvoyProxy',
      metadata: { name: 'bed', namespace },
      spec: {
        provider: { type: 'Host', host: { envoyVersion: ENVOY_VERSION } },
        concurrency: 2,
        bootstrap: {
          type: 'Merge',
          value: JSON.stringify({
            admin: { address: { socket_address: { address, port_value: Number(port) } } },
            // Prometheus sees histograms as of the last flush.
            stats_flush_interval: '1s',
            stats_config: {
              histogram_bucket_settings: [
                { match: { suffix: 'upstream_rq_time' }, buckets: latencyBounds() },
              ],
            },
          }),
        },
      },
    },
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'GatewayClass',
      metadata: { name: GATEWAY_CLASS },
      spec: {
        controllerName: CONTROLLER,
        parametersRef: { group: 'gateway.envoyproxy.io', kind: 'EnvoyProxy', name: 'bed', namespace },
      },
    },
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'Gateway',
      metadata: { name: GATEWAY_NAME, namespace },
      spec: {
        gatewayClassName: GATEWAY_CLASS,
        listeners: [
          {
            name: 'http',
            protocol: 'HTTP',
            port: GATEWAY_PORT,
            allowedRoutes: { namespaces: { from: 'All' } },
          },
        ],
      },
    },
  ];
}

/** Waits until Envoy listens. */
async function untilProgrammed(config: KubeConfig): Promise<void> {
  const api = config.makeApiClient(CustomObjectsApi);
  let seen: unknown;
  const done = await until(async () => {
    const gateway = (await api.getNamespacedCustomObject({
      group: 'gateway.networking.k8s.io',
      version: 'v1',
      namespace: GATEWAY_NAMESPACE,
      plural: 'gateways',
      name: GATEWAY_NAME,
    })) as { status?: { conditions?: { type: string; status: string }[] } };
    seen = gateway.status?.conditions;
    const accepted = gateway.status?.conditions?.some(
      (one) => one.type === 'Accepted' && one.status === 'True',
    );
    return accepted === true ? true : undefined;
  }, READY_WITHIN_MS);
  const ready = done && (await until(() => get(`${ENVOY_ADMIN_URL}/ready`), READY_WITHIN_MS));
  if (ready === undefined) {
    throw new EmbeddedError(
      `The test bed's gateway was not served within ${READY_WITHIN_MS / 1000} s; its conditions: ${JSON.stringify(seen)}`,
    );
  }
}
