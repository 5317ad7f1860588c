import { describe, expect, it } from 'vitest';
import { gatewayModel } from '../../../host/gateway/from-state.js';
import { planScaling } from '../../../host/serving/plan.js';
import { keepSettings, resize, settingsOf } from '../../../host/serving/settings.js';
import type { DeploymentRecord, HostState } from '../../../host/state/model.js';

const properties = (requestTimeout: string, failureThreshold: number) => ({
  requestSettings: { maxConcurrentRequestsPerInstance: 2, requestTimeout, maxQueueWait: 'PT0.5S' },
  livenessProbe: { failureThreshold },
  readinessProbe: { failureThreshold },
});

/** Five instances that serve, and a PUT of new code with other settings and a single instance. */
function updated(): DeploymentRecord {
  const ids = ['1', '2', '3', '4', '5'];
  const deployment = {
    name: 'blue',
    sku: { name: 'Default', capacity: 5 },
    properties: properties('PT60S', 30),
    state: 'Updating',
    generation: 1,
    serving: 1,
    specs: { 1: {} },
    instances: Object.fromEntries(ids.map((id) => [id, { id, generation: 1, port: 1, state: 'ready' }])),
  } as unknown as DeploymentRecord;
  keepSettings(deployment);
  Object.assign(deployment, {
    sku: { name: 'Default', capacity: 1 },
    properties: properties('PT1S', 3),
    generation: 2,
    specs: { ...deployment.specs, 2: {} },
  });
  return deployment;
}

const gateway = (blue: DeploymentRecord) =>
  gatewayModel({ endpoints: { e: { keys: {}, deployments: { blue } } } } as unknown as HostState, 0, false)
    .endpoints[0]?.deployments[0];

describe('the generation that serves, while another one is on its way', () => {
  it('keeps its instances, its limits and its probes', () => {
    const deployment = updated();

    expect(planScaling(deployment, false)).toEqual({ start: [2], drain: [] });
    expect(gateway(deployment)).toMatchObject({ requestTimeoutMs: 60_000, maxRequests: 20 });
    expect(settingsOf(deployment, 1).livenessProbe.failureThreshold).toBe(30);
    expect(settingsOf(deployment, 2).livenessProbe.failureThreshold).toBe(3);
  });

  it('keeps them when that one fails, and when it is tried again', () => {
    const deployment = updated();
    deployment.state = 'Failed';
    expect(planScaling(deployment, false)).toEqual({ start: [], drain: [] });

    keepSettings(deployment);
    Object.assign(deployment, { state: 'Updating', generation: 3 });
    deployment.sku.capacity = 2;

    expect(planScaling(deployment, false)).toEqual({ start: [3, 3], drain: [] });
    expect(gateway(deployment)).toMatchObject({ requestTimeoutMs: 60_000, maxRequests: 20 });
  });

  it('gets another size when that alone is asked for', () => {
    const deployment = updated();
    resize(deployment, 6);

    expect(planScaling(deployment, false)).toEqual({ start: [1, 2, 2, 2, 2, 2, 2], drain: [] });
    expect(gateway(deployment)).toMatchObject({ requestTimeoutMs: 60_000, maxRequests: 24 });
  });

  it('leaves when the other one serves and its operation has ended', () => {
    const deployment = updated();
    deployment.instances['6'] = { id: '6', generation: 2, port: 2, startedAt: 0, state: 'ready' };
    deployment.serving = 2;
    expect(planScaling(deployment, false).drain).toEqual([]);

    deployment.state = 'Succeeded';

    expect(planScaling(deployment, false).drain.map(({ id }) => id)).toEqual(['1', '2', '3', '4', '5']);
    expect(gateway(deployment)).toMatchObject({ requestTimeoutMs: 1_000, maxRequests: 4 });
  });
});
