import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CoreV1Api,
  type Informer,
  type KubeConfig,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  type V1Pod,
} from '@kubernetes/client-node';
import { NODE_ADDRESS } from '../control-plane.js';
import { type KubeletApi, startKubeletApi } from './kubelet-api.js';
import { RunningPod } from './pod.js';
import { CAPACITY, whyUnschedulable } from './scheduling.js';
import { unschedulableStatus } from './status.js';

const NODE = 'bed';
const DEFAULT_GRACE_S = 30;
const WATCH_AGAIN_AFTER_MS = 200;
const SCHEDULE_AGAIN_EVERY_MS = 1_000;

export interface NodeOptions {
  readonly config: KubeConfig;
  /** For logs and working folders of pods. */
  readonly folder: string;
  /** See PodSurroundings. */
  readonly entrypoint: (image: string) => readonly string[] | undefined;
}

/**
 * Plays the scheduler and the one node of a cluster: takes every pod that fits, runs its containers as processes of this
 * machine, probes them, and says what becomes of them. Also answers for `kubectl logs`.
 */
export class NodeStandIn {
  readonly #options: NodeOptions;
  readonly #api: CoreV1Api;
  readonly #pods = new Map<string, RunningPod>();
  readonly #unschedulable = new Map<string, V1Pod>();
  #informer: (Informer<V1Pod> & { list(): readonly V1Pod[] }) | undefined;
  #kubelet: KubeletApi | undefined;
  #retry: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: NodeOptions) {
    this.#options = options;
    this.#api = options.config.makeApiClient(CoreV1Api);
  }

  async start(): Promise<void> {
    await mkdir(this.#options.folder, { recursive: true });
    this.#kubelet = await startKubeletApi((namespace, pod) => this.#find(namespace, pod));
    await this.#register(this.#kubelet.port);
    const informer = makeInformer<V1Pod>(this.#options.config, '/api/v1/pods', () =>
      this.#api.listPodForAllNamespaces(),
    );
    this.#informer = informer;
    informer.on('add', (pod) => this.#see(pod));
    informer.on('update', (pod) => this.#see(pod));
    informer.on('delete', (pod) => this.#forget(pod));
    // The API server was away, or ended the watch: list again.
    informer.on('error', () => void this.#watchAgain());
    await informer.start();
    this.#retry = setInterval(() => this.#scheduleAgain(), SCHEDULE_AGAIN_EVERY_MS);
  }

  /** Ends all pods at once, without a word to the API server's watchers. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#retry);
    await this.#informer?.stop();
    await Promise.all([...this.#pods.values()].map((pod) => pod.end(0)));
    await this.#kubelet?.close();
  }

  /** The pods that carry these labels. */
  pods(labels: Readonly<Record<string, string>>): readonly RunningPod[] {
    return [...this.#pods.values()].filter(({ pod }) =>
      Object.entries(labels).every(([key, value]) => pod.metadata?.labels?.[key] === value),
    );
  }

  async #register(port: number): Promise<void> {
    const node = { metadata: { name: NODE, labels: { 'kubernetes.io/hostname': NODE } } };
    await this.#api.createNode({ body: node }).catch((error: { code?: number }) => {
      if (error.code !== 409) throw error;
    });
    const now = new Date();
    await this.#api.patchNodeStatus(
      {
        name: NODE,
        body: {
          status: {
            addresses: [{ type: 'InternalIP', address: NODE_ADDRESS }],
            daemonEndpoints: { kubeletEndpoint: { Port: port } },
            capacity: CAPACITY,
            allocatable: CAPACITY,
            conditions: [
              {
                type: 'Ready',
                status: 'True',
                reason: 'KubeletReady',
                message: 'a stand-in that runs pods as processes',
                lastHeartbeatTime: now,
                lastTransitionTime: now,
              },
            ],
          },
        },
      },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    );
  }

  async #watchAgain(): Promise<void> {
    while (!this.#stopped) {
      await sleep(WATCH_AGAIN_AFTER_MS);
      try {
        await this.#informer?.start();
        return;
      } catch {
        // Not there yet.
      }
    }
  }

  #see(pod: V1Pod): void {
    const uid = pod.metadata?.uid ?? '';
    const deleting = pod.metadata?.deletionTimestamp !== undefined;
    const running = this.#pods.get(uid);
    if (running !== undefined) {
      if (deleting) this.#end(uid, running, pod);
      return;
    }
    if (deleting && pod.spec?.nodeName === undefined) {
      this.#unschedulable.delete(uid);
      return;
    }
    const mine = pod.spec?.nodeName === NODE;
    if (!mine && pod.spec?.nodeName !== undefined) return;
    if (mine || this.#schedule(pod)) {
      this.#unschedulable.delete(uid);
      const taken = new RunningPod(pod, {
        config: this.#options.config,
        node: { name: NODE, address: NODE_ADDRESS },
        folder: this.#options.folder,
        entrypoint: this.#options.entrypoint,
      });
      this.#pods.set(uid, taken);
      if (!mine) void this.#bind(pod).then(() => taken.start());
      else taken.start();
      if (deleting) this.#end(uid, taken, pod);
    }
  }

  #end(uid: string, running: RunningPod, pod: V1Pod): void {
    const graceS =
      pod.metadata?.deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? DEFAULT_GRACE_S;
    void running.end(graceS * 1000).then(() => this.#pods.delete(uid));
  }

  /** Deleted by force: there is nothing to be graceful for. */
  #forget(pod: V1Pod): void {
    const uid = pod.metadata?.uid ?? '';
    this.#unschedulable.delete(uid);
    const running = this.#pods.get(uid);
    if (running !== undefined) void running.end(0).then(() => this.#pods.delete(uid));
  }

  #schedule(pod: V1Pod): boolean {
    const why = whyUnschedulable(
      pod,
      [...this.#pods.values()].map((running) => running.pod),
    );
    if (why === undefined) return true;
    const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
    if (!this.#unschedulable.has(uid)) {
      this.#unschedulable.set(uid, pod);
      this.#api
        .patchNamespacedPodStatus(
          { name, namespace, body: { status: unschedulableStatus(why) } },
          setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
        )
        .catch(() => this.#unschedulable.delete(uid));
    }
    return false;
  }

  #scheduleAgain(): void {
    for (const pod of this.#unschedulable.values()) this.#see(pod);
  }

  async #bind(pod: V1Pod): Promise<void> {
    const { name = '', namespace = '' } = pod.metadata ?? {};
    await this.#api
      .createNamespacedPodBinding({
        name,
        namespace,
        body: { metadata: { name }, target: { apiVersion: 'v1', kind: 'Node', name: NODE } },
      })
      // The client reads the answer as a Binding, and it is a Status; or it was bound by an attempt before.
      .catch(() => undefined);
  }

  #find(namespace: string, name: string): RunningPod | undefined {
    return [...this.#pods.values()].find(
      ({ pod }) => pod.metadata?.namespace === namespace && pod.metadata.name === name,
    );
  }
}
