import type {
  AssetRef,
  DeploymentManifest,
  DeploymentSpec,
  Probe,
  ResourceAmounts,
} from '../core/deployment.js';
import type { Row } from './rows.js';
import { durationText } from './units.js';

/** A deployment as rows for people. Environment variables are named; their values are not shown. */
export function deploymentRows(deployment: DeploymentSpec): Row[] {
  const { manifest, requestSettings: requests, scale, resources } = deployment;
  if (manifest !== undefined) return manifestRows(deployment, manifest);
  return [
    ['kind', deployment.kind],
    ...some('description', deployment.description),
    [
      'instances',
      `${deployment.instanceCount} × ${deployment.instanceType ?? 'the default machine of the target'}`,
    ],
    [
      'scale',
      scale.kind === 'default'
        ? 'fixed'
        : `${scale.minInstances} to ${scale.maxInstances}, at ${scale.targetUtilizationPercent}% busy, looked at every ${durationText(scale.pollingIntervalMs)}`,
    ],
    ['model', deployment.model ? assetText(deployment.model) : 'none'],
    ...some('model mounted at', deployment.modelMountPath),
    [
      'code',
      deployment.code ? `${deployment.code.scoringScript} in ${assetText(deployment.code.source)}` : 'none',
    ],
    ['environment', environmentText(deployment.environment)],
    ['variables', Object.keys(deployment.environmentVariables).join(', ') || 'none'],
    [
      'requests',
      `${requests.maxConcurrentRequestsPerInstance} at a time per instance, timeout ${durationText(requests.requestTimeoutMs)}, wait at most ${durationText(requests.maxQueueWaitMs)}`,
    ],
    ['liveness probe', probeText(deployment.livenessProbe)],
    ['readiness probe', probeText(deployment.readinessProbe)],
    ...some('resources wanted', amountsText(resources?.requests)),
    ...some('resources at most', amountsText(resources?.limits)),
    ['Application Insights', deployment.appInsightsEnabled ? 'on' : 'off'],
    ...some('public egress', deployment.egressPublicNetworkAccess),
    ['tags', mapText(deployment.tags)],
    ['properties', mapText(deployment.properties)],
    ...some('files', deployment.filesDigest),
  ];
}

/** Of a manifest only what is known of every one: the rest is as its author, and the cluster, have it. */
function manifestRows({ kind, instanceCount }: DeploymentSpec, manifest: DeploymentManifest): Row[] {
  const autoscaled = manifest.kind === 'InferenceService';
  return [
    ['kind', kind],
    [
      'manifest',
      `${manifest.kind ?? 'Deployment'}, as it stands in the file; requests go to port ${manifest.port}`,
    ],
    ['instances', autoscaled ? `at least ${instanceCount}` : String(instanceCount)],
  ];
}

function some(name: string, text: string | undefined): Row[] {
  return text === undefined ? [] : [[name, text]];
}

function assetText(asset: AssetRef): string {
  if (asset.kind === 'id') return asset.id;
  const name = [asset.name, asset.version].filter((part) => part !== undefined).join(':');
  return name === '' ? asset.path : `${asset.path} (${name})`;
}

function environmentText(environment: DeploymentSpec['environment']): string {
  if (!environment) return 'that of the target';
  if (environment.kind === 'id') return environment.id;
  const { image, condaFile, name, version } = environment;
  const parts = [
    image && `image ${image}`,
    condaFile && `conda file ${condaFile}`,
    name && `name ${name}`,
    version && `version ${version}`,
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}

function probeText(probe: Probe): string {
  return [
    `from ${durationText(probe.initialDelayMs)} on every ${durationText(probe.periodMs)}`,
    `timeout ${durationText(probe.timeoutMs)}`,
    `healthy after ${probe.successThreshold}, unhealthy after ${probe.failureThreshold}`,
  ].join(', ');
}

function amountsText(amounts: ResourceAmounts | undefined): string | undefined {
  if (!amounts) return undefined;
  const parts = Object.entries(amounts).map(([name, amount]) => `${name} ${String(amount)}`);
  return parts.join(', ') || 'none';
}

function mapText(map: Readonly<Record<string, string>>): string {
  return (
    Object.entries(map)
      .map(([name, value]) => `${name}=${value}`)
      .join(', ') || 'none'
  );
}
