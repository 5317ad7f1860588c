import { z } from 'zod';
import type { DeploymentManifest } from '../../core/deployment.js';
import type { DeploymentState } from '../../core/endpoint.js';
import { oneLine } from '../../core/one-line.js';
import { PortError, type CallOptions } from '../ports.js';
import { INFERENCE_SERVICES, type KubeClient, type Manifest } from './client.js';
import { isForbidden, NOT_SERVED } from './errors.js';
import { DEPLOYMENT_LABEL, ENDPOINT_LABEL } from './names.js';
import { Condition, Metadata } from './objects.js';
import { permanent } from './permanent.js';
import { idOf, tagsOf } from './states.js';

/**
 * KServe's InferenceServices as deployments.
 *
 * In Standard mode KServe makes of `NAME` the Deployment, the Service and, unless told otherwise, the autoscaler
 * `NAME-predictor`, and gives them and the pods the labels of the InferenceService: so the Deployment is found, judged and
 * read like any other. What KServe would write over is written into the InferenceService instead.
 *
 * @see github.com/kserve/kserve v0.17.0, pkg/controller/v1beta1/inferenceservice (components/predictor.go, reconcilers/)
 */
export const InferenceService = z.looseObject({
  metadata: Metadata,
  spec: z.looseObject({
    predictor: z.looseObject({
      minReplicas: z.number().prefault(1),
      maxReplicas: z.number().prefault(0),
    }),
  }),
  status: z
    .looseObject({
      conditions: z.array(Condition).prefault([]),
      deploymentMode: z.string().optional(),
      modelStatus: z
        .looseObject({
          transitionStatus: z.string().optional(),
          lastFailureInfo: z
            .looseObject({ reason: z.string().optional(), message: z.string().optional() })
            .optional(),
        })
        .prefault({}),
    })
    .prefault({}),
});
export type InferenceService = z.output<typeof InferenceService>;

const MODE_ANNOTATION = 'serving.kserve.io/deploymentMode';
/** Both names that KServe has for it; only the older one is known to every version. */
const STANDARD_MODE = 'RawDeployment';

/** @param metadata - the object's whole; its labels reach the pods. */
export function inferenceServiceOf(
  { spec, annotations }: DeploymentManifest,
  metadata: Manifest['metadata'] & { readonly annotations: Readonly<Record<string, string>> },
): Manifest {
  return {
    apiVersion: INFERENCE_SERVICES.apiVersion,
    kind: INFERENCE_SERVICES.kind,
    metadata: {
      ...metadata,
      // Never the cluster's default: in Knative mode there would be no Deployment.
      annotations: {
        ...metadata.annotations,
        [MODE_ANNOTATION]: annotations[MODE_ANNOTATION] ?? STANDARD_MODE,
      },
    },
    spec,
  };
}

/** The InferenceService that made a Deployment, or an autoscaler; undefined where none did. */
export function inferenceServiceNameOf({
  metadata,
}: {
  readonly metadata: z.output<typeof Metadata>;
}): string | undefined {
  return metadata.ownerReferences.find(
    ({ kind, controller }) => kind === INFERENCE_SERVICES.kind && controller === true,
  )?.name;
}

export function findInferenceService(
  client: KubeClient,
  name: string,
  options: CallOptions,
): Promise<InferenceService | undefined> {
  return client.find(InferenceService, INFERENCE_SERVICES, name, {
    what: `read InferenceService ${name}`,
    ...options,
  });
}

/** An InferenceService that KServe has made nothing of yet; undefined where there is none of that deployment. */
export async function awaitedState(
  client: KubeClient,
  object: string,
  of: { readonly endpoint: string; readonly deployment: string },
  options: CallOptions,
): Promise<DeploymentState | undefined> {
  const found = await findInferenceService(client, object, options).catch((thrown: unknown) => {
    // A namespace without KServe, or without the right to look, has deployments of other kinds only.
    if (isForbidden(thrown) || (thrown instanceof PortError && thrown.code === NOT_SERVED)) return undefined;
    throw thrown;
  });
  const { labels = {}, annotations = {}, deletionTimestamp } = found?.metadata ?? {};
  if (
    found === undefined ||
    labels[ENDPOINT_LABEL] !== of.endpoint ||
    labels[DEPLOYMENT_LABEL] !== of.deployment
  )
    return undefined;
  const trouble = troubleOf(found);
  return {
    name: of.deployment,
    ...idOf(found.metadata),
    state: deletionTimestamp !== undefined ? 'deleting' : trouble === undefined ? 'creating' : 'failed',
    instances: { wanted: found.spec.predictor.minReplicas, ready: 0 },
    restarts: 0,
    tags: tagsOf(annotations),
    error: trouble ?? waitingFor(found),
  };
}

/** A deployment as its Deployment shows it, with what KServe says of it. */
export function stateByKserve(shown: DeploymentState, found: InferenceService): DeploymentState {
  // KServe may make the Deployment anew.
  const state = { ...shown, ...idOf(found.metadata) };
  if (found.metadata.deletionTimestamp !== undefined) return { ...state, state: 'deleting' };
  if (state.state !== 'ready' && state.state !== 'creating') return state;
  const trouble = troubleOf(found);
  if (trouble !== undefined) return { ...state, state: 'failed', error: trouble };
  // The whole's condition waits for KServe's own ingress, by which no request of the endpoint comes.
  const ready = found.status.conditions.some(({ type, status }) => type === PREDICTOR && status === 'True');
  return ready ? state : { ...state, state: 'creating', error: state.error ?? waitingFor(found) };
}

/** A Deployment that Knative made is one revision of something else, which no route of ours can be told to leave. */
export function withoutRevisions(
  state: DeploymentState,
  { metadata }: { readonly metadata: z.output<typeof Metadata> },
): DeploymentState {
  const owner = metadata.ownerReferences.find(({ controller }) => controller === true);
  if (owner?.kind !== 'Revision') return state;
  return {
    ...state,
    state: 'failed',
    error: `Deployment ${metadata.name} belongs to the Knative revision ${owner.name}, which Knative scales and replaces by itself; expected a Deployment of its own, or an InferenceService in Standard mode`,
  };
}

const PREDICTOR = 'PredictorReady';

/** What KServe has given up: it waits for another spec. */
function troubleOf({ metadata, status }: InferenceService): string | undefined {
  const { transitionStatus = '', lastFailureInfo } = status.modelStatus;
  if (transitionStatus !== 'InvalidSpec' && transitionStatus !== 'BlockedByFailedLoad') {
    return status.deploymentMode === 'Knative' || status.deploymentMode === 'Serverless'
      ? `InferenceService ${metadata.name} is in ${status.deploymentMode} mode, whose revisions no route leads to; expected Standard mode`
      : undefined;
  }
  const why = [lastFailureInfo?.reason, lastFailureInfo?.message].filter(Boolean).join(': ');
  return `KServe says ${transitionStatus} of InferenceService ${metadata.name}${why === '' ? '' : `: ${oneLine(why)}`}`;
}

function waitingFor({ metadata, status }: InferenceService): string {
  const said = status.conditions.find(({ type }) => type === PREDICTOR);
  const why = [said?.reason, said?.message].filter(Boolean).join(': ');
  return said === undefined
    ? `KServe has not taken note of InferenceService ${metadata.name}; check that its controller runs`
    : `KServe says ${PREDICTOR} is ${said.status} of InferenceService ${metadata.name}${why === '' ? '' : `: ${oneLine(why)}`}`;
}

/** Sets how many instances KServe keeps at least; as many as that are allowed then. */
export async function setReplicas(
  client: KubeClient,
  name: string,
  replicas: { readonly min: number; readonly from?: number },
  ask: CallOptions & { readonly what: string },
): Promise<void> {
  const found = await findInferenceService(
    client,
    name,
    ask.signal === undefined ? {} : { signal: ask.signal },
  );
  if (found === undefined) {
    throw permanent('ResourceNotFound', `InferenceService ${name} of namespace ${client.namespace} is gone`);
  }
  const { minReplicas, maxReplicas } = found.spec.predictor;
  // Another number than the one that is to change is somebody else's: it stays.
  if (replicas.from !== undefined && minReplicas !== replicas.from) return;
  await client.merge(
    INFERENCE_SERVICES,
    name,
    {
      metadata: { resourceVersion: found.metadata.resourceVersion },
      spec: {
        predictor: {
          minReplicas: replicas.min,
          // None means as many as at least.
          ...(maxReplicas > 0 && maxReplicas < replicas.min ? { maxReplicas: replicas.min } : {}),
        },
      },
    },
    ask,
  );
}
