import type { DeploymentSpec, Probe } from '../../../core/deployment.js';

const probe: Probe = {
  initialDelayMs: 0,
  periodMs: 10_000,
  timeoutMs: 2_000,
  successThreshold: 1,
  failureThreshold: 30,
};

/** A managed deployment from files of this machine. */
export function sampleDeployment(name: string, changes: Partial<DeploymentSpec> = {}): DeploymentSpec {
  return {
    name,
    kind: 'managed',
    tags: { owner: 'risk' },
    properties: {},
    model: { kind: 'path', path: '/srv/models/v2' },
    code: { source: { kind: 'path', path: '/srv/my code' }, scoringScript: 'score.py' },
    environmentVariables: { LEVEL: 'info' },
    instanceType: 'Standard_DS3_v2',
    instanceCount: 2,
    appInsightsEnabled: false,
    requestSettings: { maxConcurrentRequestsPerInstance: 4, requestTimeoutMs: 5_000, maxQueueWaitMs: 500 },
    livenessProbe: probe,
    readinessProbe: probe,
    scale: { kind: 'default' },
    ...changes,
  };
}
