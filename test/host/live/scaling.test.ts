import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../../host/wait.js';
import { Load, TestHost } from './harness.js';

const SUBSCRIPTION = '00000000-0000-0000-0000-000000000001';
const WORKSPACE = `/subscriptions/${SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/local`;
const SETTING = `/subscriptions/${SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Insights/autoscaleSettings/blue`;
const COMPUTE = `${WORKSPACE}/computes/cluster`;

let host: TestHost;

beforeAll(async () => {
  host = await TestHost.start();
});

afterAll(() => host.dispose());

const capacity = async (endpoint: string, deployment: string): Promise<number> =>
  (await host.arm('GET', `/onlineEndpoints/${endpoint}/deployments/${deployment}`)).body.sku
    .capacity as number;

const becomes = (endpoint: string, deployment: string, wanted: number): Promise<boolean> =>
  until(async () => (await capacity(endpoint, deployment)) === wanted, { timeoutMs: 15_000 });

describe('a Kubernetes deployment with a target utilisation', () => {
  beforeAll(async () => {
    await host.done('PUT', '/onlineEndpoints/kube', {
      location: 'local',
      properties: { authMode: 'Key', compute: COMPUTE },
    });
    await host.deploy('kube', 'blue', {
      properties: {
        endpointComputeType: 'Kubernetes',
        requestSettings: { maxConcurrentRequestsPerInstance: 2, requestTimeout: 'PT5S' },
        scaleSettings: { scaleType: 'TargetUtilization', maxInstances: 3, targetUtilizationPercentage: 70 },
      },
    });
    await host.done('PUT', '/onlineEndpoints/kube', {
      location: 'local',
      properties: { authMode: 'Key', compute: COMPUTE, traffic: { blue: 100 } },
    });
  });

  it('gets more instances as soon as requests fill it, and never more than its maximum', async () => {
    const key = await host.key('kube');
    const load = new Load(8, () => host.score('kube', key, { ms: 300 }));

    const grew = await becomes('kube', 'blue', 3);
    await load.stop();

    expect(grew).toBe(true);
    expect(await capacity('kube', 'blue')).toBe(3);
  });

  it('keeps the size that it has when it is put again', async () => {
    const body = host.deploymentBody('blue', {
      capacity: 1,
      env: { NAME: 'again' },
      properties: {
        endpointComputeType: 'Kubernetes',
        scaleSettings: { scaleType: 'TargetUtilization', maxInstances: 2 },
      },
    });

    await host.done('PUT', '/onlineEndpoints/kube/deployments/blue', body);

    expect(await capacity('kube', 'blue')).toBe(2);
  });

  it('tells errors as Kubernetes endpoints do', async () => {
    const key = await host.key('kube');

    expect((await host.score('kube', key, { fail: true })).status).toBe(502);
  });
});

describe('a managed deployment', () => {
  const setting = (profile: object): object => ({
    location: 'local',
    properties: {
      enabled: true,
      targetResourceUri: `${WORKSPACE}/onlineEndpoints/managed/deployments/blue`,
      profiles: [{ name: 'usual', rules: [], ...profile }],
    },
  });
  const bounds = (minimum: string, maximum: string): object => ({
    capacity: { minimum, maximum, default: minimum },
  });

  beforeAll(async () => {
    await host.done('PUT', '/onlineEndpoints/managed', host.endpointBody());
    await host.deploy('managed', 'blue');
  });

  it('has the size that its autoscale setting allows, and keeps it when that is gone', async () => {
    expect((await host.arm('PUT', SETTING, setting(bounds('2', '3')))).status).toBe(201);
    expect(await becomes('managed', 'blue', 2)).toBe(true);
    expect((await host.arm('GET', SETTING)).body).toMatchObject({ name: 'blue', location: 'local' });

    expect((await host.arm('DELETE', SETTING)).status).toBe(200);
    expect((await host.arm('DELETE', SETTING)).status).toBe(204);
    await host.done('PATCH', '/onlineEndpoints/managed/deployments/blue', { sku: { capacity: 1 } });

    expect(await capacity('managed', 'blue')).toBe(1);
    expect((await host.arm('GET', SETTING)).status).toBe(404);
  });

  it('is left alone while an operation runs on its endpoint', async () => {
    const slow = host.deploymentBody('green', { env: { SLOW_INIT_S: '3' } });
    const operation = await host.arm('PUT', '/onlineEndpoints/managed/deployments/green', slow);

    await host.arm('PUT', SETTING, setting(bounds('2', '3')));
    const during: number[] = [];
    const state = async () => (await host.arm('GET', '/onlineEndpoints/managed/deployments/green')).body;
    for (;;) {
      const size = await capacity('managed', 'blue');
      // It was the size during the operation only if that still runs now.
      if ((await state()).properties.provisioningState !== 'Creating') break;
      during.push(size);
    }

    expect(new Set(during)).toEqual(new Set([1]));
    expect(await host.ended(operation)).toMatchObject({ status: 'Succeeded' });
    expect(await becomes('managed', 'blue', 2)).toBe(true);
  });

  it.each([
    ['bounds the wrong way round', bounds('3', '1'), 'minimum <= default'],
    ['a rule without a metric', { ...bounds('1', '2'), rules: [{ scaleAction: {} }] }, 'metricTrigger'],
  ])('an autoscale setting with %s gets 400', async (_, profile, message) => {
    const answer = await host.arm('PUT', SETTING, setting(profile));

    expect([answer.status, answer.body.error.code]).toEqual([400, 'BadArgument']);
    expect(answer.body.error.message).toContain(message);
  });

  it('cannot scale by utilisation', async () => {
    const properties = { scaleSettings: { scaleType: 'TargetUtilization', maxInstances: 2 } };
    const body = host.deploymentBody('violet', { properties });

    const answer = await host.arm('PUT', '/onlineEndpoints/managed/deployments/violet', body);

    expect(answer.status).toBe(400);
    expect(answer.body.error.message).toContain('which is for Kubernetes deployments');
  });
});
