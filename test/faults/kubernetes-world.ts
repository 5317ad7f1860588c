import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppsV1Api, CoreV1Api, CustomObjectsApi } from '@kubernetes/client-node';
import type { Client } from '@temporalio/client';
import type { AdminTargetPorts } from '../../adapters/targets.js';
import { COMMAND_PROPERTY, type DeploymentSpec } from '../../core/deployment.js';
import type { Target } from '../../core/plan.js';
import { shareOf, type Traffic } from '../../core/traffic.js';
import { runningDaemon } from '../../embedded/daemons.js';
import { packageRoot } from '../../embedded/package-root.js';
import { startTemporal } from '../../embedded/temporal-server.js';
import { ensureTemporal } from '../../embedded/temporal.js';
import { KubernetesWorld } from '../k8s/world.js';
import type { Door, Victim, World } from './world.js';

const PROBE = {
  initialDelayMs: 0,
  periodMs: 1000,
  timeoutMs: 2000,
  successThreshold: 1,
  failureThreshold: 30,
};
const ROUTES = { group: 'gateway.networking.k8s.io', version: 'v1', plural: 'httproutes' } as const;

/** The product on the Kubernetes test bed: the worker has the rights of `deploy/kubernetes`, and nothing more. */
export class KubernetesFaultWorld implements World {
  readonly #world: KubernetesWorld;

  private constructor(world: KubernetesWorld) {
    this.#world = world;
  }

  static async start(): Promise<KubernetesFaultWorld> {
    return new KubernetesFaultWorld(await KubernetesWorld.start());
  }

  get target(): Target {
    return this.#world.target;
  }

  get client(): Client {
    return this.#world.client;
  }

  ports(): Promise<AdminTargetPorts> {
    return this.#world.ports();
  }

  stop(): Promise<void> {
    return this.#world.stop();
  }

  deployment(endpoint: string, name: string, bad = false): DeploymentSpec {
    return modelDeployment(name, { ...this.#environment(endpoint, name), ...(bad ? { BAD: 'yes' } : {}) });
  }

  async breakDeployment(endpoint: string, name: string): Promise<void> {
    await writeFile(this.#breakFile(endpoint, name), '');
  }

  async createEndpoint(name: string): Promise<Door> {
    const { host } = await this.#world.openEndpoint({ env: this.#environment(name, 'blue') }, name);
    return { scoringUri: `${this.#world.bed.gatewayUrl}/score`, host, key: 'none' };
  }

  /** As the administrator: a worker may not delete routes. */
  async deleteEndpoint(name: string): Promise<void> {
    const config = this.#world.bed.kubeConfig();
    const { namespace } = this.#world;
    await config.makeApiClient(CustomObjectsApi).deleteNamespacedCustomObject({ ...ROUTES, namespace, name });
    const labelSelector = `greenlight/endpoint=${name}`;
    const core = config.makeApiClient(CoreV1Api);
    const services = await core.listNamespacedService({ namespace, labelSelector });
    for (const { metadata } of services.items)
      await core.deleteNamespacedService({ namespace, name: metadata?.name ?? '' });
    await config.makeApiClient(AppsV1Api).deleteCollectionNamespacedDeployment({ namespace, labelSelector });
  }

  /** Envoy has a keeper, as a proxy in a cluster has its Deployment; the node looks after pods. */
  async mend(victim: Victim): Promise<void> {
    switch (victim) {
      case 'worker':
        return this.#world.startWorker();
      case 'temporal':
        await startTemporal(this.#world.state, await ensureTemporal(() => undefined));
        return;
      case 'etcd':
      case 'kube-apiserver':
      case 'kube-controller-manager':
      case 'envoy-gateway':
      case 'prometheus':
        return this.#world.bed.mend(victim);
      default:
        return;
    }
  }

  /** By the route's generation, which counts its changes, and by the Deployments that its controller has told of. */
  async operations(endpoint: string): Promise<readonly string[]> {
    const config = this.#world.bed.kubeConfig();
    const { namespace } = this.#world;
    const route = (await config
      .makeApiClient(CustomObjectsApi)
      .getNamespacedCustomObject({ ...ROUTES, namespace, name: endpoint })) as {
      metadata: { generation: number };
    };
    const { items } = await config
      .makeApiClient(CoreV1Api)
      .listNamespacedEvent({ namespace, fieldSelector: 'involvedObject.kind=Deployment' });
    const left = await config.makeApiClient(AppsV1Api).listNamespacedDeployment({ namespace });
    return [
      ...Array<string>(route.metadata.generation).fill('endpoint-put'),
      ...['blue', 'green'].flatMap((name) => {
        const object = `${endpoint}-${name}`;
        const told = items.filter(({ involvedObject }) => involvedObject.name === object);
        const made = new Set(told.map(({ involvedObject }) => involvedObject.uid)).size;
        const there = left.items.filter(({ metadata }) => metadata?.name === object).length;
        return [
          ...Array<string>(made).fill(`deployment-put ${name}`),
          ...Array<string>(Math.max(0, made - there)).fill(`deployment-delete ${name}`),
        ];
      }),
    ];
  }

  /**
   * One made the route, one each puts green into it and takes a deployment out of it again. A change of shares is one
   * more for every deployment that gets its first, or loses its last (adapters/kubernetes/handover.ts).
   */
  writesOf(way: readonly Traffic[]): number {
    const steps = way.slice(1).map(({ live: to }, i) => {
      const from = way[i]?.live ?? {};
      const names = [...new Set([...Object.keys(from), ...Object.keys(to)])];
      const begins = names.some((name) => shareOf(from, name) === 0 && shareOf(to, name) > 0);
      const ends = names.some((name) => shareOf(from, name) > 0 && shareOf(to, name) === 0);
      return 1 + Number(begins) + Number(ends);
    });
    return steps.reduce((sum, writes) => sum + writes, 3);
  }

  async aim(victim: Victim, endpoint: string): Promise<readonly number[]> {
    switch (victim) {
      case 'worker':
      case 'temporal': {
        const daemon = await runningDaemon(this.#world.state, victim);
        return daemon === undefined ? [] : [daemon.pid];
      }
      case 'green':
      case 'blue':
        return this.#podPids(`${endpoint}-${victim}-`);
      case 'host':
        return [];
      default: {
        const pid = await this.#world.bed.pidOf(victim);
        return pid === undefined ? [] : [pid];
      }
    }
  }

  async #podPids(prefix: string): Promise<readonly number[]> {
    const { items } = await this.#world.bed
      .kubeConfig()
      .makeApiClient(CoreV1Api)
      .listNamespacedPod({ namespace: this.#world.namespace });
    const pods = items.filter(({ metadata }) => metadata?.name?.startsWith(prefix));
    const pids = await Promise.all(pods.map(({ metadata }) => this.#world.bed.podPids(metadata?.uid ?? '')));
    return pids.flat();
  }

  #environment(endpoint: string, name: string): Readonly<Record<string, string>> {
    return { NAME: name, BREAK_FILE: this.#breakFile(endpoint, name) };
  }

  #breakFile(endpoint: string, name: string): string {
    return join(this.#world.folder, `break-${endpoint}-${name}`);
  }
}

/** The small model as a pod of the test bed. */
export function modelDeployment(
  name: string,
  environmentVariables: Readonly<Record<string, string>>,
): DeploymentSpec {
  return {
    name,
    kind: 'kubernetes',
    tags: {},
    properties: {
      [COMMAND_PROPERTY]: JSON.stringify([process.execPath, join(packageRoot(), 'test', 'k8s', 'model.mjs')]),
    },
    environment: { kind: 'inline', image: 'local/node:20' },
    environmentVariables,
    instanceCount: 1,
    appInsightsEnabled: false,
    requestSettings: { maxConcurrentRequestsPerInstance: 40, requestTimeoutMs: 5000, maxQueueWaitMs: 500 },
    livenessProbe: { ...PROBE, periodMs: 5000 },
    readinessProbe: PROBE,
    scale: { kind: 'default' },
  };
}
