import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CoreV1Api,
  type KubeConfig,
  PatchStrategy,
  setHeaderOptions,
  type V1Pod,
  type V1PodStatus,
} from '@kubernetes/client-node';
import { messageOf } from '../../errors.js';
import { until } from '../../processes.js';
import { Container } from './container.js';
import { environmentOf } from './environment.js';
import { makePodNetwork, type PodNetwork } from './network.js';
import { type ContainerView, podStatus } from './status.js';

export interface PodSurroundings {
  readonly config: KubeConfig;
  /** Name and address of the node. */
  readonly node: { readonly name: string; readonly address: string };
  readonly folder: string;
  /** The program of an image for a container that names none; undefined = there is no such image. */
  readonly entrypoint: (image: string) => readonly string[] | undefined;
}

const STATUS_RETRY_MS = 200;

/** One pod of this node: its network, its containers, and its status, from its start to its end. */
export class RunningPod {
  readonly pod: V1Pod;
  readonly #around: PodSurroundings;
  readonly #api: CoreV1Api;
  readonly #folder: string;
  #network: PodNetwork | undefined;
  #containers: Container[] = [];
  /** Of containers that cannot be started, why. */
  #waiting: ContainerView[] = [];
  #said: V1PodStatus | undefined;
  #telling: Promise<void> = Promise.resolve();
  #untold = false;
  #starting: Promise<void> | undefined;
  #ending: Promise<void> | undefined;

  constructor(pod: V1Pod, around: PodSurroundings) {
    this.pod = pod;
    this.#around = around;
    this.#api = around.config.makeApiClient(CoreV1Api);
    this.#folder = join(around.folder, pod.metadata?.uid ?? 'pod');
  }

  start(): void {
    this.#starting ??= this.#start().catch((error: unknown) =>
      this.#cannot('CreateContainerConfigError', messageOf(error)),
    );
  }

  /** Ends its containers within the grace period and takes it out of the cluster; safe to repeat. */
  end(graceMs: number): Promise<void> {
    this.#ending ??= this.#end(graceMs);
    return this.#ending;
  }

  /** SIGKILL for all its containers, which are then started again. */
  kill(): void {
    for (const container of this.#containers) container.kill();
  }

  /** @returns undefined when it has no such container. */
  async log(container: string): Promise<string | undefined> {
    if (!this.pod.spec?.containers.some(({ name }) => name === container)) return undefined;
    return readFile(this.#logFile(container), 'utf8').catch(() => '');
  }

  async #start(): Promise<void> {
    const spec = this.pod.spec;
    const refused = spec?.initContainers?.length
      ? 'init containers'
      : spec?.volumes?.length
        ? `volumes (${spec.volumes.map(({ name }) => name).join(', ')})`
        : undefined;
    if (refused !== undefined) {
      return this.#cannot(
        'CreateContainerConfigError',
        `this node has no ${refused}: it runs pods as processes`,
      );
    }
    const missing = spec?.containers.find(
      ({ image }) => this.#around.entrypoint(image ?? '') === undefined,
    )?.image;
    if (missing !== undefined) {
      return this.#cannot('ImagePullBackOff', `Back-off pulling image "${missing}": not found`);
    }
    await mkdir(this.#folder, { recursive: true });
    const network = await makePodNetwork();
    this.#network = network;
    const { node } = this.#around;
    for (const container of spec?.containers ?? []) {
      const env = await environmentOf(this.#api, this.pod, container, network.address, node.address);
      this.#containers.push(
        new Container({
          container,
          env,
          entrypoint: this.#around.entrypoint(container.image ?? '') ?? [],
          folder: this.#folder,
          logFile: this.#logFile(container.name),
          address: network.address,
          enter: network.enter,
          onChange: () => this.#tell(),
        }),
      );
    }
    if (this.#ending !== undefined) return;
    for (const container of this.#containers) void container.run();
  }

  async #end(graceMs: number): Promise<void> {
    await this.#starting;
    await Promise.all(this.#containers.map((container) => container.end(graceMs)));
    await this.#telling;
    await this.#network?.remove();
    await rm(this.#folder, { recursive: true, force: true });
    const { name = '', namespace = '', uid = '' } = this.pod.metadata ?? {};
    // The API server may be away for a while: a pod that nobody takes out would stay for ever.
    await until(
      () =>
        this.#api
          .deleteNamespacedPod({ name, namespace, body: { gracePeriodSeconds: 0, preconditions: { uid } } })
          .then(() => true)
          .catch((error: { code?: number }) => (error.code === 404 || error.code === 409 ? true : undefined)),
      60_000,
      STATUS_RETRY_MS,
    );
  }

  #logFile(container: string): string {
    return join(this.#folder, `${container}.log`);
  }

  #cannot(reason: string, message: string): void {
    this.#waiting = (this.pod.spec?.containers ?? []).map(({ name, image }) => ({
      name,
      image: image ?? '',
      ready: false,
      started: false,
      restartCount: 0,
      state: { waiting: { reason, message } },
    }));
    this.#tell();
  }

  /** Tells the API server, one call at a time; what changes meanwhile goes with the next. */
  #tell(): void {
    if (this.#untold) return;
    this.#untold = true;
    this.#telling = this.#telling.then(async () => {
      await until(
        async () => {
          this.#untold = false;
          return this.#patchStatus();
        },
        60_000,
        STATUS_RETRY_MS,
      );
    });
  }

  async #patchStatus(): Promise<true | undefined> {
    const { name = '', namespace = '' } = this.pod.metadata ?? {};
    const views = this.#containers.map((container) => ({
      name: container.container.name,
      image: container.container.image ?? '',
      ready: container.ready,
      started: container.started,
      restartCount: container.restarts,
      state: container.state,
      lastState: container.lastState,
    }));
    const { node } = this.#around;
    const address = this.#network?.address ?? null;
    const status = podStatus(
      this.pod,
      views.length > 0 ? views : this.#waiting,
      address,
      node.address,
      this.#said,
    );
    try {
      await this.#api.patchNamespacedPodStatus(
        { name, namespace, body: { status } },
        setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
      );
      this.#said = status;
      return true;
    } catch (error) {
      // Taken out of the cluster in between.
      return (error as { code?: number }).code === 404 ? true : undefined;
    }
  }
}
