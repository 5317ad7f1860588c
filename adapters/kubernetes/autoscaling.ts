import type { Autoscaling, CallOptions } from '../ports.js';
import { AUTOSCALERS, type KubeClient } from './client.js';
import { inferenceServiceNameOf, setReplicas } from './inference-service.js';
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
