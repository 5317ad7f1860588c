import { randomBytes } from 'node:crypto';
import { CoreV1Api, CustomObjectsApi, type KubeConfig } from '@kubernetes/client-node';
import { Bed } from '../../embedded/kubernetes/bed.js';
import { get } from '../../embedded/kubernetes/http.js';
import { apply, type Manifest } from '../../embedded/kubernetes/objects.js';
import { packageRoot } from '../../embedded/package-root.js';
import { until } from '../../embedded/processes.js';

/** The bed that these tests run in. */
export async function theBed(): Promise<Bed> {
  const bed = await Bed.current();
  if (bed === undefined) throw new Error('these tests need the test bed: run `npm run test:k8s`');
  return bed;
}

/** A namespace of its own for a test. */
export async function makeNamespace(config: KubeConfig): Promise<string> {
  const name = `models-${randomBytes(3).toString('hex')}`;
  await config.makeApiClient(CoreV1Api).createNamespace({ body: { metadata: { name } } });
  return name;
}

export async function deleteNamespace(config: KubeConfig, name: string): Promise<void> {
  await config.makeApiClient(CoreV1Api).deleteNamespace({ name });
}

export interface ModelOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly image?: string;
  readonly replicas?: number;
  /** Of the Deployment and the Service. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** A Deployment and a Service in front of it, as a team would write them by hand. */
export function model(namespace: string, name: string, options: ModelOptions = {}): Manifest[] {
  const pods = { app: name };
  const labels = { ...pods, ...options.labels };
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace, labels },
      spec: {
        replicas: options.replicas ?? 1,
        selector: { matchLabels: pods },
        template: {
          metadata: { labels: pods },
          spec: {
            terminationGracePeriodSeconds: 5,
            containers: [
              {
                name: 'model',
                image: options.image ?? 'local/node:20',
                args: [`${packageRoot()}/test/k8s/model.mjs`],
                env: Object.entries({ NAME: name, ...options.env }).map(([key, value]) => ({
                  name: key,
                  value,
                })),
                ports: [{ name: 'http', containerPort: 5001 }],
                readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 1 },
              },
            ],
          },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace, labels },
      spec: { selector: pods, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
    },
  ];
}

/** Waits until as many pods of an app are ready. */
export async function untilReady(
  config: KubeConfig,
  namespace: string,
  app: string,
  count = 1,
): Promise<void> {
  const api = config.makeApiClient(CoreV1Api);
  let seen: unknown;
  const done = await until(async () => {
    const { items } = await api.listNamespacedPod({ namespace, labelSelector: `app=${app}` });
    seen = items.map(({ status }) => status);
    const ready = items.filter(({ status }) =>
      status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    );
    return ready.length === count ? true : undefined;
  }, 60_000);
  if (done === undefined) throw new Error(`${app} did not get ready: ${JSON.stringify(seen)}`);
}

/** A route to one version, with a filter that gives it counters of its own from the beginning. */
export function plainRoute(bed: Bed, namespace: string, name: string, service: string): Manifest {
  return httpRoute(bed, namespace, name, [{ backendRefs: [backendOf(service)] }]);
}

function httpRoute(bed: Bed, namespace: string, name: string, rules: readonly object[]): Manifest {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name, namespace },
    spec: { parentRefs: [bed.gateway], hostnames: [`${name}.${namespace}.test`], rules },
  };
}

function backendOf(service: string) {
  return {
    name: service,
    port: 80,
    // A filter gives each backend a cluster, and counters, of its own.
    filters: [
      {
        type: 'RequestHeaderModifier',
        requestHeaderModifier: { set: [{ name: 'x-served-by', value: service }] },
      },
    ],
  };
}

/** The rules of a route: shares by the services' names, one pinning rule for each, and a mirror. */
export function route(
  bed: Bed,
  namespace: string,
  name: string,
  shares: Readonly<Record<string, number>>,
  mirror?: { readonly to: string; readonly percent: number },
): Manifest {
  return httpRoute(bed, namespace, name, [
    {
      backendRefs: Object.entries(shares).map(([service, weight]) => ({ ...backendOf(service), weight })),
      ...(mirror && {
        filters: [
          {
            type: 'RequestMirror',
            requestMirror: { backendRef: { name: mirror.to, port: 80 }, percent: mirror.percent },
          },
        ],
      }),
    },
    ...Object.keys(shares).map((service) => ({
      matches: [{ headers: [{ name: 'azureml-model-deployment', value: service }] }],
      backendRefs: [backendOf(service)],
    })),
  ]);
}

/** Writes a route, and waits until the gateway has taken this version of it. */
export async function putRoute(config: KubeConfig, wanted: Manifest): Promise<void> {
  await apply(config, [wanted]);
  const api = config.makeApiClient(CustomObjectsApi);
  const { name = '', namespace = '' } = wanted.metadata ?? {};
  let seen: unknown;
  const done = await until(
    async () => {
      const is = (await api.getNamespacedCustomObject({
        group: 'gateway.networking.k8s.io',
        version: 'v1',
        plural: 'httproutes',
        namespace,
        name,
      })) as RouteStatus;
      const conditions = is.status?.parents?.flatMap((parent) => parent.conditions) ?? [];
      seen = conditions;
      const current = conditions.filter(
        ({ status, observedGeneration }) =>
          status === 'True' && observedGeneration === is.metadata.generation,
      );
      return ['Accepted', 'ResolvedRefs'].every((type) => current.some((one) => one.type === type))
        ? true
        : undefined;
    },
    15_000,
    20,
  );
  if (done === undefined) throw new Error(`the gateway did not take ${name}: ${JSON.stringify(seen)}`);
}

interface RouteStatus {
  readonly metadata: { readonly generation: number };
  readonly status?: {
    readonly parents?: {
      readonly conditions: {
        readonly type: string;
        readonly status: string;
        readonly observedGeneration: number;
      }[];
    }[];
  };
}

/** How many requests each pod of an app answered, by its own count. */
export async function servedBy(config: KubeConfig, namespace: string, app: string): Promise<number> {
  const { items } = await config
    .makeApiClient(CoreV1Api)
    .listNamespacedPod({ namespace, labelSelector: `app=${app}` });
  const counts = await Promise.all(
    items.map(async ({ status }) => {
      const text = await get(`http://${status?.podIP}:5001/count`);
      return text === undefined ? 0 : (JSON.parse(text) as { served: number }).served;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
