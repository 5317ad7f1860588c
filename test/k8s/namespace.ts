import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAllYaml } from '@kubernetes/client-node';
import { createTargets, type AdminTargetPorts } from '../../adapters/targets.js';
import type { Target } from '../../core/plan.js';
import type { Bed } from '../../embedded/kubernetes/bed.js';
import { apply, type Manifest } from '../../embedded/kubernetes/objects.js';
import { packageRoot } from '../../embedded/package-root.js';
import { until } from '../../embedded/processes.js';
import { Clients } from './clients.js';
import {
  deleteNamespace,
  makeNamespace,
  model,
  type ModelOptions,
  plainRoute,
  putRoute,
  theBed,
  untilReady,
} from './cluster.js';

/** In the manifests of `deploy/kubernetes`: whom the worker's rights are given to. */
const WORKER_ACCOUNT = 'greenlight-worker';

/** An endpoint by hand: route, Deployment and Service of blue, with the labels that Greenlight finds them by. */
export interface Door {
  readonly endpoint: string;
  readonly host: string;
}

/** What clients of a namespace's endpoints go through. */
export interface Front {
  readonly url: string;
  /** Of its gateway: where the worker may look at it. */
  readonly gatewayNamespace: string;
  /** Makes the route of an endpoint that one Service serves, by the host name of its {@link Door}. */
  openRoute(door: Door, service: string): Promise<void>;
}

export interface FrontPlace {
  readonly bed: Bed;
  /** For files; goes with it. */
  readonly folder: string;
  readonly namespace: string;
}

/** Where a {@link ModelNamespace} is. */
export interface Place extends FrontPlace {
  readonly front: Front;
  /** Exactly the rights of the manifests in `deploy/kubernetes`. */
  readonly kubeConfigFile: string;
}

/** Envoy Gateway, with HTTPRoutes. */
function envoyGateway({ bed, namespace }: FrontPlace): Front {
  return {
    url: bed.gatewayUrl,
    gatewayNamespace: bed.gateway.namespace,
    openRoute: ({ endpoint }, service) =>
      putRoute(bed.kubeConfig(), plainRoute(bed, namespace, endpoint, service)),
  };
}

/** Makes a namespace with a worker's account, and lets this process be that one: nobody here is an administrator. */
export async function makePlace(
  open: (place: FrontPlace) => Front | Promise<Front> = envoyGateway,
): Promise<Place> {
  const bed = await theBed();
  const folder = await mkdtemp(join(tmpdir(), 'greenlight-k8s-'));
  const namespace = await makeNamespace(bed.kubeConfig());
  const front = await open({ bed, folder, namespace });
  await apply(bed.kubeConfig(), await workerRights(namespace, front.gatewayNamespace));
  const kubeConfigFile = join(folder, 'worker.kubeconfig');
  await writeFile(kubeConfigFile, await bed.serviceAccountKubeConfig(namespace, WORKER_ACCOUNT), {
    mode: 0o600,
  });
  process.env['KUBECONFIG'] = kubeConfigFile;
  return { bed, folder, namespace, front, kubeConfigFile };
}

/** A namespace with endpoints, as a team has it, reached with a worker's rights. */
export class ModelNamespace {
  readonly bed: Bed;
  readonly folder: string;
  readonly namespace: string;
  readonly kubeConfigFile: string;
  readonly #front: Front;
  readonly #targets: (target: Target) => Promise<AdminTargetPorts>;
  #made = 0;

  constructor({ bed, folder, namespace, front, kubeConfigFile }: Place) {
    this.#front = front;
    this.bed = bed;
    this.folder = folder;
    this.namespace = namespace;
    this.kubeConfigFile = kubeConfigFile;
    this.#targets = createTargets({ hostState: join(folder, 'state', 'host') });
  }

  async stop(): Promise<void> {
    await deleteNamespace(this.bed.kubeConfig(), this.namespace);
    await rm(this.folder, { recursive: true, force: true });
  }

  get target(): Target {
    return { kind: 'kubernetes', namespace: this.namespace };
  }

  ports(): Promise<AdminTargetPorts> {
    return this.#targets(this.target);
  }

  /** An endpoint that blue serves and that Prometheus has counters of, as a team has it before Greenlight comes. */
  async openEndpoint(options: ModelOptions = {}, endpoint: string = `model-${++this.#made}`): Promise<Door> {
    const config = this.bed.kubeConfig();
    const service = `${endpoint}-blue`;
    const labels = { 'greenlight/endpoint': endpoint, 'greenlight/deployment': 'blue' };
    await apply(
      config,
      model(this.namespace, service, { ...options, labels, env: { NAME: 'blue', ...options.env } }),
    );
    await untilReady(config, this.namespace, service, options.replicas ?? 1);
    const door = { endpoint, host: `${endpoint}.${this.namespace}.test` };
    await this.#front.openRoute(door, service);
    await this.#untilCounted(door);
    return door;
  }

  /** Asks until blue answers, and until Prometheus says so: preflight refuses an endpoint that nothing is known of. */
  async #untilCounted(door: Door): Promise<void> {
    const clients = this.clients(door);
    const { metrics } = await this.ports();
    let last: unknown;
    const counted = await until(async () => {
      const { status } = await clients.ask();
      last = `the gateway answers ${status}`;
      if (status !== 200) return undefined;
      try {
        const { deployments } = await metrics.read(door.endpoint, ['blue']);
        last = deployments;
        return (deployments['blue']?.live?.requests ?? 0) > 0 ? true : undefined;
      } catch (error) {
        last = error;
        return undefined;
      }
    }, 30_000);
    await clients.stop();
    if (counted === undefined) throw new Error(`${door.endpoint} is not counted`, { cause: last });
  }

  clients(door: Door): Clients {
    return new Clients(this.#front.url, door.host);
  }
}

/** The manifests in `deploy/kubernetes`, for endpoints in this namespace behind a gateway in that one. */
async function workerRights(namespace: string, gatewayNamespace: string): Promise<Manifest[]> {
  const folder = join(packageRoot(), 'deploy', 'kubernetes');
  const files = (await readdir(folder)).filter((file) => /rbac\.yaml$/.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return texts
    .map((text) =>
      text
        .replaceAll('namespace: models', `namespace: ${namespace}`)
        .replaceAll('namespace: gateways', `namespace: ${gatewayNamespace}`),
    )
    .flatMap((text) => loadAllYaml(text) as Manifest[]);
}
