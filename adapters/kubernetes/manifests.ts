import {
  COMMAND_PROPERTY,
  DEFAULT_PORT,
  PORT_PROPERTY,
  PROBE_PATH_PROPERTY,
  type DeploymentSpec,
  type Probe,
  type ResourceAmounts,
} from '../../core/deployment.js';
import { PortError } from '../ports.js';
import {
  AUTOSCALERS,
  DEPLOYMENTS,
  INFERENCE_SERVICES,
  SERVICES,
  type Manifest,
  type Resource,
} from './client.js';
import { inferenceServiceOf } from './inference-service.js';
import {
  deploymentLabels,
  MADE_BY,
  MADE_BY_LABEL,
  objectName,
  TAGS_ANNOTATION,
  TIMEOUT_ANNOTATION,
} from './names.js';

/** The Service's own port; behind it is the container's. */
const SERVICE_PORT = 80;
const CONTAINER = 'model';

/** The objects of one deployment. Server-side apply makes them, and leaves alone what others added. */
export interface Manifests {
  readonly service: Manifest;
  /** What runs the pods: a Deployment, or an InferenceService. */
  readonly workload: Manifest;
  readonly workloadKind: Resource;
  /** What Services find its pods by, as far as that is known before there are any. */
  readonly podLabels: Readonly<Record<string, string>>;
  readonly autoscaler: Manifest | undefined;
}

/**
 * @param tags - laid over the deployment's own.
 * @throws {PortError} permanent, for what a Kubernetes namespace cannot run.
 */
export function manifestsOf(
  endpoint: string,
  spec: DeploymentSpec,
  tags: Readonly<Record<string, string>>,
): Manifests {
  const name = objectName(endpoint, spec.name);
  const labels = { ...deploymentLabels(endpoint, spec.name), [MADE_BY_LABEL]: MADE_BY };
  const annotations = {
    [TAGS_ANNOTATION]: JSON.stringify({ ...spec.tags, ...tags }),
    ...(spec.description === undefined ? {} : { 'kubernetes.io/description': spec.description }),
    ...(spec.manifest === undefined
      ? { [TIMEOUT_ANNOTATION]: String(spec.requestSettings.requestTimeoutMs) }
      : {}),
  };
  const port = portOf(spec);
  const autoscaled = spec.scale.kind === 'target-utilization';
  return {
    service: {
      ...headOf(SERVICES, { name, labels, annotations }),
      spec: {
        selector: deploymentLabels(endpoint, spec.name),
        ports: [{ name: 'http', port: SERVICE_PORT, targetPort: port, protocol: 'TCP' }],
      },
    },
    ...workloadOf(endpoint, spec, {
      name,
      labels: { ...spec.manifest?.labels, ...labels },
      annotations: { ...spec.manifest?.annotations, ...annotations },
    }),
    autoscaler: autoscaled ? autoscalerOf(spec, { name, labels }) : undefined,
  };
}

function workloadOf(
  endpoint: string,
  spec: DeploymentSpec,
  metadata: Manifest['metadata'] & {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  },
): Pick<Manifests, 'workload' | 'workloadKind' | 'podLabels'> {
  const { manifest } = spec;
  if (manifest?.kind === 'InferenceService') {
    return {
      workload: inferenceServiceOf(manifest, metadata),
      workloadKind: INFERENCE_SERVICES,
      podLabels: { ...metadata.labels, ...labelsOf(manifest.spec['predictor']) },
    };
  }
  const deployment =
    manifest === undefined
      ? ownSpec(endpoint, spec, portOf(spec))
      : withLabels(manifest.spec, deploymentLabels(endpoint, spec.name));
  return {
    workloadKind: DEPLOYMENTS,
    podLabels: labelsOf(record(deployment['template'])['metadata']),
    workload: {
      ...headOf(DEPLOYMENTS, metadata),
      spec: {
        // Its autoscaler counts them then: two writers of one number never agree.
        ...(spec.scale.kind === 'target-utilization' ? {} : { replicas: spec.instanceCount }),
        ...deployment,
      },
    },
  };
}

function labelsOf(holder: unknown): Readonly<Record<string, string>> {
  return record(record(holder)['labels']) as Readonly<Record<string, string>>;
}

function portOf({ manifest, properties }: DeploymentSpec): number {
  return manifest?.port ?? Number(properties[PORT_PROPERTY] ?? DEFAULT_PORT);
}

function headOf(
  { apiVersion, kind }: { readonly apiVersion: string; readonly kind: string },
  metadata: Manifest['metadata'],
): Pick<Manifest, 'apiVersion' | 'kind' | 'metadata'> {
  return { apiVersion, kind, metadata };
}

function ownSpec(endpoint: string, spec: DeploymentSpec, port: number): Record<string, unknown> {
  const labels = deploymentLabels(endpoint, spec.name);
  return {
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      // A model has no business with the API server.
      spec: { automountServiceAccountToken: false, containers: [container(spec, port)] },
    },
  };
}

function container(spec: DeploymentSpec, port: number): Record<string, unknown> {
  const image = spec.environment?.kind === 'inline' ? spec.environment.image : undefined;
  if (image === undefined) {
    throw new PortError(
      `Deployment ${spec.name} names no container image; a Kubernetes namespace runs images only; write "environment: { image: … }"`,
      { kind: 'permanent', code: 'NoImage' },
    );
  }
  const command = spec.properties[COMMAND_PROPERTY];
  const probe = (from: Probe): Record<string, unknown> => ({
    httpGet: { path: spec.properties[PROBE_PATH_PROPERTY] ?? '/', port },
    initialDelaySeconds: seconds(from.initialDelayMs),
    periodSeconds: seconds(from.periodMs),
    timeoutSeconds: seconds(from.timeoutMs),
    successThreshold: from.successThreshold,
    failureThreshold: from.failureThreshold,
  });
  return {
    name: CONTAINER,
    image,
    ...(command === undefined
      ? {}
      : {
          command: (JSON.parse(command) as string[]).map((word) => word.replaceAll('{port}', String(port))),
        }),
    ports: [{ name: 'http', containerPort: port, protocol: 'TCP' }],
    env: Object.entries(environmentOf(spec)).map(([name, value]) => ({ name, value })),
    ...(spec.resources === undefined
      ? {}
      : {
          resources: {
            ...(spec.resources.requests === undefined ? {} : { requests: amounts(spec.resources.requests) }),
            ...(spec.resources.limits === undefined ? {} : { limits: amounts(spec.resources.limits) }),
          },
        }),
    readinessProbe: probe(spec.readinessProbe),
    livenessProbe: probe(spec.livenessProbe),
  };
}

/** Azure ML's inference images take as many requests at once as they have workers. */
function environmentOf({ environmentVariables, requestSettings }: DeploymentSpec): Record<string, string> {
  return {
    WORKER_COUNT: String(requestSettings.maxConcurrentRequestsPerInstance),
    ...environmentVariables,
  };
}

/** The template as it stands, with the labels that the Service and Greenlight find its pods by. */
function withLabels(
  spec: Readonly<Record<string, unknown>>,
  labels: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const template = record(spec['template']);
  const metadata = record(template['metadata']);
  const selector = record(spec['selector']);
  return {
    ...spec,
    selector: { ...selector, matchLabels: { ...record(selector['matchLabels']), ...labels } },
    template: {
      ...template,
      metadata: { ...metadata, labels: { ...record(metadata['labels']), ...labels } },
    },
  };
}

function autoscalerOf(spec: DeploymentSpec, metadata: Manifest['metadata']): Manifest {
  const { scale } = spec;
  if (scale.kind !== 'target-utilization') throw new TypeError(`${spec.name} is not autoscaled`);
  return {
    ...headOf(AUTOSCALERS, metadata),
    spec: {
      scaleTargetRef: { apiVersion: DEPLOYMENTS.apiVersion, kind: DEPLOYMENTS.kind, name: metadata.name },
      minReplicas: scale.minInstances,
      maxReplicas: scale.maxInstances,
      metrics: [
        {
          type: 'Resource',
          resource: {
            name: 'cpu',
            target: { type: 'Utilization', averageUtilization: scale.targetUtilizationPercent },
          },
        },
      ],
    },
  };
}

function amounts({ cpu, memory, gpu }: ResourceAmounts): Record<string, string> {
  return {
    ...(cpu === undefined ? {} : { cpu }),
    ...(memory === undefined ? {} : { memory }),
    ...(gpu === undefined ? {} : { 'nvidia.com/gpu': gpu }),
  };
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
