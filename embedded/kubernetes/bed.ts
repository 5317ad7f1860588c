import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { CoreV1Api, type KubeConfig } from '@kubernetes/client-node';
import { z } from 'zod';
import { runningDaemon, stopDaemon } from '../daemons.js';
import { EmbeddedError } from '../errors.js';
import { readJson, writeJson } from '../files.js';
import { processIdentity, until } from '../processes.js';
import { type Progress, progressToStderr } from '../progress.js';
import { ControlPlane } from './control-plane.js';
import { GATEWAY_NAME, GATEWAY_NAMESPACE, GATEWAY_URL, GatewayPlane } from './gateway.js';
import { startIstio, stopIstio } from './istio.js';
import { INSIDE } from './namespaces.js';
import { NodeStandIn } from './node/node.js';
import { apply, readManifests } from './objects.js';
import { PROMETHEUS_URL, startPrometheus } from './prometheus.js';
import { ensureKubernetesTools, type KubernetesTools } from './tools.js';

/** What of the bed can be killed and started again. */
const PARTS = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'envoy-gateway',
  'envoy',
  'prometheus',
  // Where it was started: see startIstio.
  'istiod',
] as const;
export type Part = (typeof PARTS)[number];

/**
 * A Kubernetes cluster on this machine, for tests: a real control plane, Envoy Gateway with a real Envoy, Prometheus, and
 * a stand-in for the node that runs pods as processes. Everything listens on fixed ports of the namespaces that it runs
 * in (see `runInNamespaces`), and ends with them.
 */
export class Bed {
  readonly folder: string;
  /** Where clients of routes go. */
  readonly gatewayUrl = GATEWAY_URL;
  readonly prometheusUrl = PROMETHEUS_URL;
  /** What a route names as its parent. */
  readonly gateway = { name: GATEWAY_NAME, namespace: GATEWAY_NAMESPACE };
  readonly #tools: KubernetesTools;
  readonly #controlPlane: ControlPlane;
  readonly #gateway: GatewayPlane;

  private constructor(folder: string, tools: KubernetesTools) {
    this.folder = folder;
    this.#tools = tools;
    this.#controlPlane = new ControlPlane(folder, tools);
    this.#gateway = new GatewayPlane(folder, tools);
  }

  /**
   * Brings a new bed up.
   *
   * @param folder - an empty one.
   * @throws {EmbeddedError} outside of `runInNamespaces`, or naming the part that does not come up.
   */
  static async start(folder: string, progress: Progress = progressToStderr): Promise<Bed> {
    if (process.env[INSIDE] === undefined) {
      throw new EmbeddedError(
        'The Kubernetes test bed was started among the programs of this machine, with which its fixed ports would collide.\n' +
          'Wanted: namespaces of its own. Run `npm run k8s-bed -- COMMAND`.',
      );
    }
    const tools = await ensureKubernetesTools(progress);
    const bed = new Bed(folder, tools);
    await bed.#controlPlane.start();
    await Promise.all([
      bed.#gateway.install(bed.kubeConfig(), bed.kubeConfigFile),
      startPrometheus(folder, tools.prometheus),
    ]);
    await writeJson(noteFile(folder), tools);
    return bed;
  }

  /** The bed that this process was started in, by its environment; undefined when there is none. */
  static async current(): Promise<Bed | undefined> {
    const folder = process.env[BED_FOLDER];
    const tools = folder === undefined ? undefined : await readJson(noteFile(folder), NotedTools);
    return folder === undefined || tools === undefined ? undefined : new Bed(folder, tools);
  }

  /** An administrator's. */
  get kubeConfigFile(): string {
    return this.#controlPlane.kubeConfigFile;
  }

  kubeConfig(): KubeConfig {
    return this.#controlPlane.kubeConfig();
  }

  /** The text of a kubeconfig with a service account's rights, and a token for a day. */
  async serviceAccountKubeConfig(namespace: string, name: string): Promise<string> {
    const { status } = await this.kubeConfig()
      .makeApiClient(CoreV1Api)
      .createNamespacedServiceAccountToken({
        name,
        namespace,
        body: { spec: { audiences: ['https://kubernetes.default.svc'], expirationSeconds: 24 * 3600 } },
      });
    return this.#controlPlane.kubeConfigFor(name, status?.token ?? '', namespace);
  }

  /** Lets the cluster know Istio's and KServe's objects. Of their controllers, only istiod can run: see {@link startIstio}. */
  async installDefinitions(): Promise<void> {
    await apply(this.kubeConfig(), await readManifests(this.#tools.moreDefinitions));
  }

  /** Starts Istio's control plane and its gateway (see istio.ts): for those who want it, since it takes memory. */
  async startIstio(): Promise<void> {
    await this.installDefinitions();
    await startIstio({
      folder: this.#istioFolder,
      config: this.kubeConfig(),
      kubeConfigFile: this.kubeConfigFile,
    });
  }

  async stopIstio(): Promise<void> {
    await stopIstio(this.#istioFolder);
  }

  /** Runs pods from now on, in this process. @param entrypoint - see NodeOptions. */
  async startNode(entrypoint: (image: string) => readonly string[] | undefined): Promise<NodeStandIn> {
    const node = new NodeStandIn({
      config: this.kubeConfig(),
      folder: join(this.folder, PODS),
      entrypoint,
    });
    await node.start();
    return node;
  }

  /** The process of a part; undefined while there is none. */
  async pidOf(part: Part): Promise<number | undefined> {
    if (part === 'envoy') return this.#envoyPid();
    return (await runningDaemon(this.#folderOf(part), part))?.pid;
  }

  /** Processes of a pod's containers. @param uid - of the pod. */
  async podPids(uid: string): Promise<readonly number[]> {
    const folder = join(this.folder, PODS, uid);
    const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const found = await Promise.all(
      // Each container begins in its pod's folder; see node/container.ts.
      names.map((name) =>
        readlink(`/proc/${name}/cwd`).then(
          (cwd) => cwd === folder,
          () => false,
        ),
      ),
    );
    return names.filter((_, i) => found[i]).map(Number);
  }

  /** SIGKILL, and waits until it is gone. Envoy's keeper starts it again; the others stay away until `mend`. */
  async kill(part: Part): Promise<void> {
    const pid = await this.pidOf(part);
    if (pid === undefined) throw new EmbeddedError(`${part} does not run: there is nothing to kill.`);
    const identity = await processIdentity(pid);
    process.kill(pid, 'SIGKILL');
    await until(async () => ((await processIdentity(pid)) === identity ? undefined : true), 10_000, 20);
  }

  /** Starts again what was killed, and returns when it is ready. */
  async mend(part: Part): Promise<void> {
    switch (part) {
      case 'envoy':
        return;
      case 'envoy-gateway':
        return this.#gateway.start(this.kubeConfigFile);
      case 'istiod':
        return this.startIstio();
      case 'prometheus':
        return startPrometheus(this.folder, this.#tools.prometheus);
      case 'etcd':
      case 'kube-apiserver':
      case 'kube-controller-manager':
        return this.#controlPlane.startPart(part);
    }
  }

  /** Ends every part. */
  async stop(): Promise<void> {
    await this.stopIstio();
    await stopDaemon(this.#folderOf('envoy-gateway'), 'envoy-gateway');
    const keeper = await this.#keeperPid();
    const envoy = await this.#envoyPid();
    for (const pid of [keeper, envoy]) if (pid !== undefined) process.kill(pid, 'SIGKILL');
    for (const part of ['prometheus', 'kube-controller-manager', 'kube-apiserver', 'etcd'] as const) {
      await stopDaemon(this.#folderOf(part), part, 5_000);
    }
  }

  #folderOf(part: Part): string {
    if (part === 'envoy-gateway' || part === 'envoy') return this.#gateway.folder;
    if (part === 'istiod') return this.#istioFolder;
    return part === 'prometheus' ? join(this.folder, 'prometheus') : this.folder;
  }

  get #istioFolder(): string {
    return join(this.folder, 'istio');
  }

  async #keeperPid(): Promise<number | undefined> {
    const text = await readFile(join(this.#gateway.folder, 'envoy-keeper.pid'), 'utf8').catch(() => '');
    return text === '' ? undefined : Number(text);
  }

  async #envoyPid(): Promise<number | undefined> {
    const keeper = await this.#keeperPid();
    const children = await readFile(`/proc/${keeper}/task/${keeper}/children`, 'utf8').catch(() => '');
    const [pid] = children.trim().split(' ');
    return pid ? Number(pid) : undefined;
  }
}

/** In the environment of what runs in a bed: the bed's folder. */
export const BED_FOLDER = 'GREENLIGHT_BED_FOLDER';

const NotedTools = z.object({
  etcd: z.string(),
  apiserver: z.string(),
  controllerManager: z.string(),
  envoyGateway: z.string(),
  resourceDefinitions: z.string(),
  moreDefinitions: z.string(),
  envoy: z.string(),
  prometheus: z.string(),
});

/** Folder in the bed's, with one for each pod, by its uid. */
const PODS = 'pods';

function noteFile(folder: string): string {
  return join(folder, 'bed.json');
}
