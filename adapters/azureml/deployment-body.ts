import { pathToFileURL } from 'node:url';
import type { DeploymentSpec, Probe, ResourceAmounts, ScaleSettings } from '../../core/deployment.js';
import { PortError } from '../ports.js';
import { assetId, type AssetSettings } from './assets.js';
import { isoDuration } from './durations.js';
import { SYSTEM_ASSIGNED } from './endpoint-body.js';

export interface DeploymentBody {
  readonly location: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly identity: { readonly type: 'SystemAssigned' };
  readonly sku: { readonly name: 'Default'; readonly capacity: number };
  readonly properties: Readonly<Record<string, unknown>>;
}

/**
 * The PUT body of an online deployment.
 *
 * @param tags - laid over the deployment's own.
 * @throws {PortError} permanent, for assets that the service cannot reach.
 */
export function deploymentBody(
  spec: DeploymentSpec,
  tags: Readonly<Record<string, string>>,
  settings: AssetSettings & { readonly location: string },
): DeploymentBody {
  const environment = environmentFields(spec.environment, settings);
  return {
    location: settings.location,
    tags: { ...spec.tags, ...tags },
    identity: SYSTEM_ASSIGNED,
    // The instance count of an online deployment is its SKU's capacity.
    sku: { name: 'Default', capacity: spec.instanceCount },
    properties: defined({
      endpointComputeType: spec.kind === 'managed' ? 'Managed' : 'Kubernetes',
      description: spec.description,
      properties: { ...spec.properties, ...environment.properties },
      model: spec.model && assetId('model', spec.model, settings),
      modelMountPath: spec.modelMountPath,
      codeConfiguration: spec.code && {
        codeId: assetId('code', spec.code.source, settings),
        scoringScript: spec.code.scoringScript,
      },
      environmentId: environment.id,
      environmentVariables: spec.environmentVariables,
      instanceType: spec.instanceType,
      appInsightsEnabled: spec.appInsightsEnabled,
      egressPublicNetworkAccess:
        spec.egressPublicNetworkAccess &&
        (spec.egressPublicNetworkAccess === 'enabled' ? 'Enabled' : 'Disabled'),
      requestSettings: {
        maxConcurrentRequestsPerInstance: spec.requestSettings.maxConcurrentRequestsPerInstance,
        requestTimeout: isoDuration(spec.requestSettings.requestTimeoutMs),
        maxQueueWait: isoDuration(spec.requestSettings.maxQueueWaitMs),
      },
      livenessProbe: probeBody(spec.livenessProbe),
      readinessProbe: probeBody(spec.readinessProbe),
      scaleSettings: scaleBody(spec.scale),
      containerResourceRequirements:
        spec.resources &&
        defined({
          containerResourceRequests: spec.resources.requests && amounts(spec.resources.requests),
          containerResourceLimits: spec.resources.limits && amounts(spec.resources.limits),
        }),
    }),
  };
}

interface EnvironmentFields {
  readonly id?: string;
  readonly properties: Readonly<Record<string, string>>;
}

function environmentFields(
  environment: DeploymentSpec['environment'],
  settings: AssetSettings,
): EnvironmentFields {
  if (environment === undefined) return { properties: {} };
  if (environment.kind === 'id') {
    return { id: assetId('environment', { kind: 'id', id: environment.id }, settings), properties: {} };
  }
  if (!settings.localPaths) {
    throw new PortError(
      `The deployment declares its environment in place (${environment.image ?? environment.condaFile ?? 'no image'}); ` +
        'Azure ML deploys registered environments only; ' +
        'register it (az ml environment create) and name it as azureml:NAME:VERSION',
      { kind: 'permanent', code: 'LocalAsset' },
    );
  }
  // The API has one field, an id. What does not fit into it is carried along, so that it can be seen and is not lost.
  const { image, name, version } = environment;
  return {
    ...(environment.condaFile === undefined ? {} : { id: pathToFileURL(environment.condaFile).href }),
    properties: defined({
      'greenlight.environment.image': image,
      'greenlight.environment.name': name,
      'greenlight.environment.version': version,
    }),
  };
}

function probeBody(probe: Probe): Record<string, unknown> {
  return {
    initialDelay: isoDuration(probe.initialDelayMs),
    period: isoDuration(probe.periodMs),
    timeout: isoDuration(probe.timeoutMs),
    successThreshold: probe.successThreshold,
    failureThreshold: probe.failureThreshold,
  };
}

function scaleBody(scale: ScaleSettings): Record<string, unknown> {
  switch (scale.kind) {
    case 'default':
      return { scaleType: 'Default' };
    case 'target-utilization':
      return {
        scaleType: 'TargetUtilization',
        minInstances: scale.minInstances,
        maxInstances: scale.maxInstances,
        pollingInterval: isoDuration(scale.pollingIntervalMs),
        targetUtilizationPercentage: scale.targetUtilizationPercent,
      };
    default:
      return scale satisfies never;
  }
}

function amounts(resources: ResourceAmounts): Record<string, string> {
  return defined({ cpu: resources.cpu, memory: resources.memory, gpu: resources.gpu });
}

/** Without the fields that are undefined. */
function defined<T>(object: Readonly<Record<string, T | undefined>>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(object).filter((entry): entry is [string, T] => entry[1] !== undefined),
  );
}
