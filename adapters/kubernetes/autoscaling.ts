import type { Autoscaling, CallOptions } from '../ports.js';
import { AUTOSCALERS, type KubeClient } from './client.js';
import { inferenceServiceNameOf, setReplicas } from './inference-service.js';
import { deploymentLabels, MADE_BY, MADE_BY_LABEL } from './names.js';
import { Autoscaler } from './objects.js';
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

/** Fewest instances that autoscalers keep; how many there are is theirs to say. */
export function createAutoscaling(routers: Routers): Autoscaling {
  const { client } = routers;
  const find = async (endpoint: string, name: string, options: CallOptions) => {
    const deployment = (await viewOf(routers, endpoint, options)).deployments.get(name);
    const scaler =
      deployment === undefined ? undefined : await autoscalerOf(client, deployment.metadata.name, options);
    return deployment === undefined || scaler === undefined ? undefined : { deployment, scaler };
  };
  return {
    read: async (endpoint, name, options = {}) => {
      const found = await find(endpoint, name, options);
      if (found === undefined) return null;
      const { minReplicas, maxReplicas } = found.scaler.spec;
      return { minimum: minReplicas, maximum: maxReplicas, instances: found.deployment.spec.replicas };
    },
    setMinimum: async (endpoint, name, { from, to }, options = {}) => {
      const found = await find(endpoint, name, options);
      // Another number than the one that is to change is somebody else's: it stays.
      if (found?.scaler.spec.minReplicas !== from) return;
      const { name: scaler, resourceVersion } = found.scaler.metadata;
      const kserve = inferenceServiceNameOf(found.scaler);
      if (kserve !== undefined) {
        const what = `set minReplicas of InferenceService ${kserve} to ${to}`;
        return setReplicas(client, kserve, { min: to, from }, { what, ...options });
      }
      await client.merge(
        AUTOSCALERS,
        scaler,
        { metadata: { resourceVersion }, spec: { minReplicas: to } },
        { what: `set minReplicas of autoscaler ${scaler} to ${to}`, ...options },
      );
    },
  };
}
