import { setTimeout as sleep } from 'node:timers/promises';
import {
  ApiException,
  CoreV1Api,
  CustomObjectsApi,
  type KubeConfig,
  PatchStrategy,
  setHeaderOptions,
} from '@kubernetes/client-node';
import { apply, type Manifest } from '../../embedded/kubernetes/objects.js';
import { packageRoot } from '../../embedded/package-root.js';

interface InferenceService {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: { readonly predictor: { readonly minReplicas?: number } };
}

const KIND = { group: 'serving.kserve.io', version: 'v1beta1', plural: 'inferenceservices' };
const EVERY_MS = 300;

/**
 * As much of KServe's controller as a rollout meets, in Standard mode with `autoscalerClass: none`: of `NAME` it makes the
 * Deployment and the headless Service `NAME-predictor`, owned by it and with its labels and annotations, and tells by
 * `PredictorReady` whether the Deployment is available. The containers are this machine's.
 *
 * @see github.com/kserve/kserve v0.17.0: components/predictor.go (buildObjectMeta), reconcilers/deployment and
 *   reconcilers/service (createRawDefaultDeployment, createDefaultSvc), inference_service_status.go (PropagateRawStatus)
 */
export class KserveStandIn {
  readonly #config: KubeConfig;
  readonly #namespace: string;
  readonly #api: CustomObjectsApi;
  #stopped = false;
  readonly #running: Promise<void>;

  constructor(config: KubeConfig, namespace: string) {
    this.#config = config;
    this.#namespace = namespace;
    this.#api = config.makeApiClient(CustomObjectsApi);
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      // Comes round again, as any controller: an API server answers 429 while it begins to serve a new kind.
      await this.#reconcileAll().catch((thrown: unknown) => {
        if (!(thrown instanceof ApiException) || thrown.code !== 429) throw thrown;
      });
      await sleep(EVERY_MS);
    }
  }

  async #reconcileAll(): Promise<void> {
    const { items } = (await this.#api.listNamespacedCustomObject({
      ...KIND,
      namespace: this.#namespace,
    })) as { items: InferenceService[] };
    for (const one of items) if (one.metadata.deletionTimestamp === undefined) await this.#reconcile(one);
  }

  async #reconcile(one: InferenceService): Promise<void> {
    const name = `${one.metadata.name}-predictor`;
    await apply(this.#config, this.#objectsOf(one, name));
    const { items } = await this.#config
      .makeApiClient(CoreV1Api)
      .listNamespacedPod({ namespace: this.#namespace, labelSelector: `app=isvc.${name}` });
    const ready = items.some(({ status }) =>
      status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    );
    const telling = this.#api.patchNamespacedCustomObjectStatus(
      {
        ...KIND,
        namespace: this.#namespace,
        name: one.metadata.name,
        body: {
          status: {
            deploymentMode: 'Standard',
            conditions: [{ type: 'PredictorReady', status: ready ? 'True' : 'False' }],
          },
        },
      },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    );
    await telling.catch((thrown: unknown) => {
      // Deleted since it was listed.
      if (!(thrown instanceof ApiException) || thrown.code !== 404) throw thrown;
    });
  }

  #objectsOf({ metadata, spec }: InferenceService, name: string): Manifest[] {
    const pods = { ...metadata.labels, app: `isvc.${name}` };
    const own = {
      name,
      namespace: this.#namespace,
      labels: pods,
      annotations: metadata.annotations ?? {},
      ownerReferences: [
        {
          apiVersion: `${KIND.group}/${KIND.version}`,
          kind: 'InferenceService',
          name: metadata.name,
          uid: metadata.uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    };
    return [
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: own,
        spec: {
          replicas: spec.predictor.minReplicas ?? 1,
          selector: { matchLabels: { app: pods.app } },
          template: {
            metadata: { labels: pods },
            spec: {
              terminationGracePeriodSeconds: 5,
              containers: [
                {
                  name: 'kserve-container',
                  image: 'local/node:20',
                  args: [`${packageRoot()}/test/k8s/model.mjs`],
                  env: [
                    { name: 'NAME', value: metadata.labels?.['greenlight/deployment'] ?? name },
                    { name: 'PORT', value: '8080' },
                  ],
                  readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
                },
              ],
            },
          },
        },
      },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: own,
        spec: { clusterIP: 'None', selector: { app: pods.app }, ports: [{ port: 80, targetPort: 8080 }] },
      },
    ];
  }
}
