import type { DeploymentSpec, Probe } from '../../../core/deployment.js';

const PROBE: Probe = {
  initialDelayMs: 1000,
  periodMs: 1000,
  timeoutMs: 2000,
  successThreshold: 1,
  failureThreshold: 30,
};

/** A deployment as a spec compiles it. */
export function deploymentSpec(name: string, more: Partial<DeploymentSpec> = {}): DeploymentSpec {
  return {
    name,
    kind: 'kubernetes',
    tags: {},
    properties: {},
    environment: { kind: 'inline', image: 'local/model:1' },
    environmentVariables: {},
    instanceCount: 1,
    appInsightsEnabled: false,
    requestSettings: { maxConcurrentRequestsPerInstance: 1, requestTimeoutMs: 5000, maxQueueWaitMs: 500 },
    livenessProbe: PROBE,
    readinessProbe: PROBE,
    scale: { kind: 'default' },
    ...more,
  };
}
