import type { CallOptions } from '../ports.js';
import { DEPLOYMENTS, SERVICES, type KubeClient } from './client.js';
import { DEPLOYMENT_LABEL, ENDPOINT_LABEL, objectName, TIMEOUT_ANNOTATION } from './names.js';
import { inferenceServiceNameOf } from './inference-service.js';
import { KubeDeployment, Named, Service, type Metadata } from './objects.js';
import { permanent } from './permanent.js';
import type { Backend, EndpointRoute } from './router.js';
import type { Routers } from './routers.js';

/** The objects of one endpoint as they are now. */
export interface View {
  readonly route: EndpointRoute;
  /** By the name of the deployment. */
  readonly deployments: ReadonlyMap<string, KubeDeployment>;
  readonly services: ReadonlyMap<string, Service>;
  readonly backends: readonly Backend[];
}

/**
 * Reads an endpoint's route, and the Deployments and Services that bear its labels.
 *
 * @throws {PortError} permanent `ResourceNotFound` without a route of that name; `NoNamespace`; `LabelledTwice` where two
 *   objects claim to be the same deployment.
 */
export async function viewOf(routers: Routers, endpoint: string, options: CallOptions): Promise<View> {
  const { client } = routers;
  const labels = `${ENDPOINT_LABEL}=${endpoint},${DEPLOYMENT_LABEL}`;
  const what = (kind: string): string => `read the ${kind} of endpoint ${endpoint}`;
  const [route, deployments, services] = await Promise.all([
    routers.find(endpoint, options),
    client.list(KubeDeployment, DEPLOYMENTS, { what: what('deployments'), labels, ...options }),
    client.list(Service, SERVICES, { what: what('services'), labels, ...options }),
  ]);
  const byName = {
    deployments: named(deployments, 'Deployments', endpoint),
    services: named(services, 'Services', endpoint),
  };
  return {
    route,
    ...byName,
    backends: [...byName.services].map(([name, service]) =>
      backendOf(name, service, byName.deployments.get(name)),
    ),
  };
}

/**
 * The backends with a deployment whose Service is gone: the route may name that still, as Greenlight names it. A Service
 * of that name that merely lacks the labels is somebody's, and so are the rules that lead to it.
 */
export async function backendsWithGone(
  client: KubeClient,
  { services, backends }: View,
  endpoint: string,
  deployment: string,
  options: CallOptions,
): Promise<readonly Backend[]> {
  if (services.has(deployment)) return backends;
  const service = objectName(endpoint, deployment);
  const ask = { what: `look whether Service ${service} is gone`, ...options };
  if ((await client.find(Named, SERVICES, service, ask)) !== undefined) return backends;
  return [...backends, { deployment, service, port: 0 }];
}

function backendOf(
  deployment: string,
  { metadata, spec }: Service,
  workload: KubeDeployment | undefined,
): Backend {
  const port = spec.ports.find(({ name }) => name === 'http') ?? spec.ports[0];
  if (port === undefined) {
    throw permanent(
      'NoPort',
      `Service ${metadata.name} of deployment ${deployment} has no port; give it the one that takes requests`,
    );
  }
  const timeoutMs = Number(metadata.annotations[TIMEOUT_ANNOTATION] ?? NaN);
  return {
    deployment,
    service: metadata.name,
    port: port.port,
    ...(Number.isInteger(timeoutMs) ? { timeoutMs } : {}),
    ...(workload === undefined ? {} : { workload: workload.metadata.name }),
  };
}

type Labelled = { readonly metadata: Metadata };

function named<T extends Labelled>(
  objects: readonly T[],
  kind: string,
  endpoint: string,
): ReadonlyMap<string, T> {
  const found = new Map<string, T>();
  for (const object of objects) {
    const name = object.metadata.labels[DEPLOYMENT_LABEL] ?? '';
    const other = found.get(name);
    if (other !== undefined) {
      // KServe's own Service beside the one that was made for the route.
      if (inferenceServiceNameOf(object) !== inferenceServiceNameOf(other)) {
        found.set(name, inferenceServiceNameOf(object) === undefined ? object : other);
        continue;
      }
      throw permanent(
        'LabelledTwice',
        `The ${kind} ${other.metadata.name} and ${object.metadata.name} both bear the labels of deployment ${name} of endpoint ${endpoint}; take them (${ENDPOINT_LABEL}, ${DEPLOYMENT_LABEL}) off one of them`,
      );
    }
    found.set(name, object);
  }
  return found;
}
