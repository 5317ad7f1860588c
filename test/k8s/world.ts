import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAllYaml } from '@kubernetes/client-node';
import { Client, Connection } from '@temporalio/client';
import { createTargets, type AdminTargetPorts } from '../../adapters/targets.js';
import type { Target } from '../../core/plan.js';
import { workflowId } from '../../core/plan.js';
import { MessageName, type RolloutStatus } from '../../core/messages.js';
import { greenlight, type CommandResult } from '../../demo/command.js';
import { temporalSettings } from '../../embedded/connection.js';
import { runningDaemon } from '../../embedded/daemons.js';
import type { Bed } from '../../embedded/kubernetes/bed.js';
import { apply, type Manifest } from '../../embedded/kubernetes/objects.js';
import { packageRoot } from '../../embedded/package-root.js';
import { until } from '../../embedded/processes.js';
import { registerSearchAttributes } from '../../embedded/search-attributes.js';
import { startTemporal, stopTemporal } from '../../embedded/temporal-server.js';
import { ensureTemporal } from '../../embedded/temporal.js';
import { startWorker, stopWorker } from '../../embedded/worker.js';
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
export const WORKER_ACCOUNT = 'greenlight-worker';
const LONGEST_ROLLOUT_MS = 150_000;

/** An endpoint by hand: route, Deployment and Service of blue, with the labels that Greenlight finds them by. */
export interface Door {
  readonly endpoint: string;
  readonly host: string;
}

export interface Submitted {
  readonly result: CommandResult;
  /** What the command said while it worked. */
  readonly said: readonly string[];
}

/**
 * The whole product on the test bed: a Temporal server of its own, and a worker process that has exactly the rights of
 * the manifests in `deploy/kubernetes`, in a namespace of its own.
 */
export class KubernetesWorld {
  readonly bed: Bed;
  readonly folder: string;
  readonly namespace: string;
  readonly client: Client;
  readonly #targets: (target: Target) => Promise<AdminTargetPorts>;
  #made = 0;

  private constructor(bed: Bed, folder: string, namespace: string, client: Client) {
    this.bed = bed;
    this.folder = folder;
    this.namespace = namespace;
    this.client = client;
    this.#targets = createTargets({ hostState: join(this.state, 'host') });
  }

  static async start(): Promise<KubernetesWorld> {
    const bed = await theBed();
    const folder = await mkdtemp(join(tmpdir(), 'greenlight-k8s-'));
    const namespace = await makeNamespace(bed.kubeConfig());
    await apply(bed.kubeConfig(), await workerRights(namespace, bed.gateway.namespace));
    const kubeConfigFile = join(folder, 'worker.kubeconfig');
    await writeFile(kubeConfigFile, await bed.serviceAccountKubeConfig(namespace, WORKER_ACCOUNT), {
      mode: 0o600,
    });
    // Of this process, of its worker and of its commands: none of them is an administrator.
    process.env['KUBECONFIG'] = kubeConfigFile;
    const state = join(folder, 'state');
    const server = await startTemporal(state, await ensureTemporal(() => undefined));
    const connection = await Connection.connect({ address: server.address });
    await registerSearchAttributes(connection, server.namespace);
    const world = new KubernetesWorld(
      bed,
      folder,
      namespace,
      new Client({ connection, namespace: server.namespace }),
    );
    await world.startWorker();
    return world;
  }

  async stop(): Promise<void> {
    await stopWorker(this.state);
    await this.client.connection.close();
    await stopTemporal(this.state);
    await deleteNamespace(this.bed.kubeConfig(), this.namespace);
    await rm(this.folder, { recursive: true, force: true });
  }

  get state(): string {
    return join(this.folder, 'state');
  }

  get target(): Target {
    return { kind: 'kubernetes', namespace: this.namespace };
  }

  ports(): Promise<AdminTargetPorts> {
    return this.#targets(this.target);
  }

  async startWorker(): Promise<void> {
    await startWorker(this.state, await temporalSettings(this.state));
  }

  /** SIGKILL; `startWorker` brings the next one. */
  async killWorker(): Promise<void> {
    const worker = await runningDaemon(this.state, 'worker');
    if (worker !== undefined) process.kill(worker.pid, 'SIGKILL');
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
    await putRoute(config, plainRoute(this.bed, this.namespace, endpoint, service));
    const door = { endpoint, host: `${endpoint}.${this.namespace}.test` };
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
    return new Clients(this.bed.gatewayUrl, door.host);
  }

  /**
   * A spec that brings green, in a folder of its own.
   *
   * @param env - of green's container.
   * @returns its path.
   */
  async writeSpec(
    { endpoint }: Door,
    steps: readonly unknown[],
    env: Readonly<Record<string, string>> = {},
    deployment: object = {},
  ): Promise<string> {
    const folder = join(this.folder, endpoint);
    await mkdir(folder, { recursive: true });
    // JSON is YAML.
    const write = (file: string, content: object) =>
      writeFile(join(folder, file), JSON.stringify(content, null, 2));
    await write('request.json', { data: [[1]] });
    await write('green.yml', {
      name: 'green',
      endpoint_name: endpoint,
      type: 'kubernetes',
      environment: { image: 'local/node:20' },
      environment_variables: { NAME: 'green', ...env },
      instance_count: 1,
      readiness_probe: {
        initial_delay: 1,
        period: 1,
        timeout: 2,
        success_threshold: 1,
        failure_threshold: 30,
      },
      properties: {
        'greenlight.command': JSON.stringify(['node', join(packageRoot(), 'test', 'k8s', 'model.mjs')]),
      },
      ...deployment,
    });
    await write('rollout.yml', {
      version: 1,
      endpoint,
      target: { kubernetes: { namespace: this.namespace } },
      deployment: './green.yml',
      watching: { interval: '1s', 'warm-up': '1s', blip: '3s' },
      gates: {
        errors: { metric: 'error-rate', 'worse-by': '10pp' },
        slow: { metric: 'latency', quantile: 'p95', 'at-most': '2s' },
      },
      steps,
    });
    return join(folder, 'rollout.yml');
  }

  /** `greenlight submit SPEC --wait`, as a user does. */
  async submit(spec: string): Promise<Submitted> {
    return this.command(['submit', spec, '--wait', '--by', 'ada']);
  }

  async command(args: readonly string[]): Promise<Submitted> {
    const said: string[] = [];
    const signal = AbortSignal.timeout(LONGEST_ROLLOUT_MS);
    const result = await greenlight(args, {
      state: this.state,
      signal,
      onLine: (line) => said.push(line),
    }).catch((error: unknown) => {
      throw new Error(`greenlight ${args.join(' ')} did not end in time. It said:\n${said.join('\n')}`, {
        cause: error,
      });
    });
    return { result, said };
  }

  /** The status of the endpoint's rollout, once it is as wanted. */
  async untilStatus(
    { endpoint }: Door,
    wanted: (status: RolloutStatus) => boolean,
    limitMs = 60_000,
  ): Promise<RolloutStatus> {
    const handle = this.client.workflow.getHandle(workflowId(this.target, endpoint));
    let last: RolloutStatus | undefined;
    const status = await until(async () => {
      last = await handle.query<RolloutStatus>(MessageName.status).catch(() => undefined);
      return last !== undefined && wanted(last) ? last : undefined;
    }, limitMs);
    if (status === undefined) throw new Error(`it did not come to that; it is ${JSON.stringify(last)}`);
    return status;
  }
}

/** The manifests in `deploy/kubernetes`, for endpoints in this namespace behind the bed's gateway. */
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
