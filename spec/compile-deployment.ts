import type { AssetRef, DeploymentSpec, Probe, ResourceAmounts } from '../core/deployment.js';
import { nameOn, type Target } from '../core/plan.js';
import type { Deployment } from './deployment-form.js';

/** The real, absolute path of a file that the deployment file names. */
export type RealPath = (named: string) => string;

/** The deployment with every default of Azure ML made explicit, times in milliseconds, paths absolute, named as its target will. */
export function compileDeployment(form: Deployment, target: Target, real: RealPath): DeploymentSpec {
  return {
    name: nameOn(target, form.name),
    kind: form.type,
    ...given('description', form.description),
    tags: form.tags,
    properties: form.properties,
    ...given('model', form.model === undefined ? undefined : model(form.model, real)),
    ...given('modelMountPath', form.model_mount_path),
    ...given('code', code(form, real)),
    ...given('environment', environment(form, real)),
    environmentVariables: form.environment_variables,
    ...given('instanceType', form.instance_type),
    instanceCount: form.instance_count,
    appInsightsEnabled: form.app_insights_enabled,
    ...given('egressPublicNetworkAccess', form.egress_public_network_access),
    requestSettings: {
      maxConcurrentRequestsPerInstance: form.request_settings.max_concurrent_requests_per_instance,
      requestTimeoutMs: form.request_settings.request_timeout_ms,
      maxQueueWaitMs: form.request_settings.max_queue_wait_ms,
    },
    livenessProbe: probe(form.liveness_probe),
    readinessProbe: probe(form.readiness_probe),
    scale: scale(form.scale_settings),
    ...given('resources', resources(form.resources)),
    ...given('manifest', form.manifest),
  };
}

export function isAssetId(named: string): boolean {
  return named.startsWith('azureml:');
}

function given<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: V };
}

function asset(named: string, real: RealPath): AssetRef {
  return isAssetId(named) ? { kind: 'id', id: named } : { kind: 'path', path: real(named) };
}

function model(form: NonNullable<Deployment['model']>, real: RealPath): AssetRef {
  if (typeof form === 'string') return asset(form, real);
  const ref = asset(form.path, real);
  if (ref.kind === 'id') return ref;
  return { ...ref, ...given('name', form.name), ...given('version', form.version) };
}

function code({ code_configuration: form }: Deployment, real: RealPath): DeploymentSpec['code'] {
  return form && { source: asset(form.code, real), scoringScript: form.scoring_script };
}

function environment({ environment: form }: Deployment, real: RealPath): DeploymentSpec['environment'] {
  if (form === undefined) return undefined;
  if (typeof form === 'string') return { kind: 'id', id: form };
  return {
    kind: 'inline',
    ...given('image', form.image),
    ...given('condaFile', form.conda_file === undefined ? undefined : real(form.conda_file)),
    ...given('name', form.name),
    ...given('version', form.version),
  };
}

function probe(form: Deployment['liveness_probe']): Probe {
  return {
    initialDelayMs: form.initial_delay * 1000,
    periodMs: form.period * 1000,
    timeoutMs: form.timeout * 1000,
    successThreshold: form.success_threshold,
    failureThreshold: form.failure_threshold,
  };
}

function scale(form: Deployment['scale_settings']): DeploymentSpec['scale'] {
  if (form.type === 'default') return { kind: 'default' };
  return {
    kind: 'target-utilization',
    minInstances: form.min_instances,
    maxInstances: form.max_instances,
    pollingIntervalMs: form.polling_interval * 1000,
    targetUtilizationPercent: form.target_utilization_percentage,
  };
}

function resources(form: Deployment['resources']): DeploymentSpec['resources'] {
  return form && { ...given('requests', amounts(form.requests)), ...given('limits', amounts(form.limits)) };
}

function amounts(form: NonNullable<Deployment['resources']>['requests']): ResourceAmounts | undefined {
  return (
    form && {
      ...given('cpu', form.cpu),
      ...given('memory', form.memory),
      ...given('gpu', form['nvidia.com/gpu']),
    }
  );
}
