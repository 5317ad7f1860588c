import type { Autoscaling, CallOptions } from '../ports.js';
import { AUTOSCALERS, SCALED_OBJECTS, type KubeClient } from './client.js';
import { inferenceServiceNameOf, setReplicas } from './inference-service.js';
import { deploymentLabels, MADE_BY, MADE_BY_LABEL } from './names.js';
import { Autoscaler, ScaledObject } from './objects.js';
import type { Routers } from './routers.js';
import { viewOf } from './view.js';

/** The HorizontalPodAutoscaler of a Deployment, whoever made it. */
export async function autoscalerOf(
  client: KubeClient,
  deployment: string,
  options: CallOptions,
): Promise<Autoscaler | undefined> {
  const all = await client.list(Autoscaler, AUTOSCALERS, {
    what: `look for the autoscaler of ${deployment}`,
    ...options,
  });
  return all.find(({ spec: { scaleTargetRef: of } }) => of.kind === 'Deployment' && of.name === deployment);
}

/**
 * Deletes the autoscaler that Greenlight made for a deployment. Names alone do not tell whose it is: `eu-v2` of `fraud` and
 * `v2` of `fraud-eu` are both `fraud-eu-v2`.
 *
 * @param object - the name of its Deployment, which may be gone.
 */
export async function deleteOwnAutoscaler(
  client: KubeClient,
  endpoint: string,
  deployment: string,
  object: string,
  ask: CallOptions & { readonly what: string },
): Promise<void> {
  const scaler = await autoscalerOf(client, object, ask.signal === undefined ? {} : { signal: ask.signal });
  // What KServe makes bears the labels of its InferenceService.
  if (scaler === undefined || inferenceServiceNameOf(scaler) !== undefined) return;
  const wanted = { ...deploymentLabels(endpoint, deployment), [MADE_BY_LABEL]: MADE_BY };
  if (Object.entries(wanted).some(([key, value]) => scaler.metadata.labels[key] !== value)) return;
  await client.delete(AUTOSCALERS, scaler.metadata.name, ask);
}

/**
 * The ScaledObject that KEDA made an autoscaler of: it watches that, and writes every other number over.
 *
 * @see github.com/kedacore/keda controllers/keda (scaledobject_controller.go, hpa.go)
 */
async function scaledObjectOf(
  client: KubeClient,
  { metadata }: Autoscaler,
  options: CallOptions,
): Promise<ScaledObject | undefined> {
  const owner = metadata.ownerReferences.find(
    ({ kind, controller }) => kind === SCALED_OBJECTS.kind && controller === true,
  );
  if (owner === undefined) return undefined;
  const what = `read ScaledObject ${owner.name}`;
  return client.find(ScaledObject, SCALED_OBJECTS, owner.name, { what, ...options });
}

/** Fewest instances that autoscalers keep; how many there are is theirs to say. */
export function createAutoscaling(routers: Routers): Autoscaling {
  const { client } = routers;
  const find = async (endpoint: string, name: string, options: CallOptions) => {
    const deployment = (await viewOf(routers, endpoint, options)).deployments.get(name);
    const scaler =
      deployment === undefined ? undefined : await autoscalerOf(client, deployment.metadata.name, options);
    if (deployment === undefined || scaler === undefined) return undefined;
    const keda = await scaledObjectOf(client, scaler, options);
    const minimum = keda === undefined ? scaler.spec.minReplicas : keda.spec.minReplicaCount;
    return { deployment, scaler, keda, minimum };
  };
  return {
    read: async (endpoint, name, options = {}) => {
      const found = await find(endpoint, name, options);
      if (found === undefined) return null;
      const { deployment, scaler, minimum } = found;
      return { minimum, maximum: scaler.spec.maxReplicas, instances: deployment.spec.replicas };
    },
    setMinimum: async (endpoint, name, { from, to }, options = {}) => {
      const found = await find(endpoint, name, options);
      // Another number than the one that is to change is somebody else's: it stays.
      if (found?.minimum !== from) return;
      const { scaler, keda } = found;
      const kserve = inferenceServiceNameOf(keda ?? scaler);
      if (kserve !== undefined) {
        const what = `set minReplicas of InferenceService ${kserve} to ${to}`;
        return setReplicas(client, kserve, { min: to, from }, { what, ...options });
      }
      const { metadata } = keda ?? scaler;
      const [resource, field] =
        keda === undefined
          ? ([AUTOSCALERS, 'minReplicas'] as const)
          : ([SCALED_OBJECTS, 'minReplicaCount'] as const);
      await client.merge(
        resource,
        metadata.name,
        { metadata: { resourceVersion: metadata.resourceVersion }, spec: { [field]: to } },
        { what: `set ${field} of ${resource.kind} ${metadata.name} to ${to}`, ...options },
      );
    },
  };
}
