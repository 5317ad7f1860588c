import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAzureMlEndpoints, type AzureMlSettings } from '../../../adapters/azureml/endpoints.js';
import { FakeArm, settingsFor, WORKSPACE } from './fake-arm.js';
import { sampleDeployment } from './samples.js';

let arm: FakeArm;
beforeEach(async () => {
  arm = await FakeArm.start();
});
afterEach(() => arm.stop());

function client(changes: Partial<AzureMlSettings> = {}) {
  return createAzureMlEndpoints({ ...settingsFor(arm), ...changes });
}

describe('read', () => {
  it('shows shares, mirror and deployments from every page, with names in lower case', async () => {
    arm.seedEndpoint('diabetes', { Blue: 100, green: 0 }, { green: 10 });
    arm.seedDeployment('diabetes', 'Blue', 'Succeeded', { sku: { name: 'Default', capacity: 3 } });
    arm.seedDeployment('diabetes', 'green', 'Scaling');
    arm.seedDeployment('diabetes', 'old', 'Deleting');

    const state = await client().read('diabetes');

    expect(state).toMatchObject({
      name: 'diabetes',
      kind: 'managed',
      state: 'ready',
      traffic: { live: { blue: 100 }, mirror: { green: 10 } },
      scoringUri: `${arm.url}/score/diabetes`,
    });
    expect(state.deployments.map((d) => [d.name, d.state, d.instances.wanted])).toEqual([
      ['blue', 'ready', 3],
      ['green', 'updating', 1],
      ['old', 'deleting', 1],
    ]);
  });

  it('tells ready instances and restarts where the service does, and null where it does not', async () => {
    arm.seedEndpoint('diabetes');
    arm.seedDeployment('diabetes', 'blue');
    arm.seedDeployment('diabetes', 'green', 'Succeeded', {
      properties: {
        provisioningState: 'Succeeded',
        properties: { 'greenlight.readyInstances': '2', 'greenlight.restarts': '5' },
      },
    });

    const { deployments } = await client().read('diabetes');

    expect(deployments.map((d) => [d.instances.ready, d.restarts])).toEqual([
      [null, null],
      [2, 5],
    ]);
  });

  it.each`
    state          | green          | pending                     | because
    ${'Updating'}  | ${'Succeeded'} | ${/is Updating, not Succ/}  | ${'a write of shares still runs'}
    ${'Creating'}  | ${'Succeeded'} | ${/is Creating, not Succ/}  | ${'the endpoint is being made'}
    ${'Failed'}    | ${'Creating'}  | ${/is Failed, not Succeed/} | ${'a write may have failed half-way'}
    ${'Succeeded'} | ${'Creating'}  | ${undefined}                | ${'its last write is over'}
    ${'Updating'}  | ${'Creating'}  | ${undefined}                | ${'what runs is the deployment’s, and one operation runs at a time'}
  `(
    'of an endpoint in state $state, green in $green, tells that shares are pending: $pending, because $because',
    async ({ state, green, pending }: { state: string; green: string; pending: RegExp | undefined }) => {
      arm.seedEndpoint('diabetes', { blue: 100 });
      const { properties, ...endpoint } = arm.endpoints.get('diabetes')!;
      arm.endpoints.set('diabetes', { ...endpoint, properties: { ...properties, provisioningState: state } });
      arm.seedDeployment('diabetes', 'blue');
      arm.seedDeployment('diabetes', 'green', green);

      const shown = await client().read('diabetes');

      expect(shown.pending).toEqual(pending && expect.stringMatching(pending));
    },
  );

  it('asks for the api-version that knows mirrorTraffic, unless told otherwise', async () => {
    arm.seedEndpoint('diabetes');

    await client().read('diabetes');
    await client({ apiVersion: '2025-12-01' }).read('diabetes');

    const queries = arm.seen.map((s) => s.query);
    expect(new Set(queries.slice(0, 2))).toEqual(new Set(['?api-version=2023-04-01']));
    expect(new Set(queries.slice(2))).toEqual(new Set(['?api-version=2025-12-01']));
  });
});

describe('writeTraffic', () => {
  it('replaces shares and mirror, and loses nothing else that the endpoint has', async () => {
    arm.seedEndpoint('diabetes', { blue: 100 }, { green: 10 });

    await client().writeTraffic('diabetes', { live: { Blue: 90, green: 10, old: 0 }, mirror: {} });

    expect(arm.calls('PUT').map((s) => s.body)).toEqual([
      {
        location: 'westeurope',
        kind: 'Managed',
        tags: { team: 'risk' },
        identity: { type: 'SystemAssigned,UserAssigned', userAssignedIdentities: { '/ua/1': {} } },
        properties: {
          authMode: 'Key',
          description: 'Scores loans',
          publicNetworkAccess: 'Disabled',
          properties: { 'azureml.note': 'kept' },
          traffic: { blue: 90, green: 10 },
          mirrorTraffic: {},
        },
      },
    ]);
  });

  it.each([true, false])('returns once the operation is over (its address given: %s)', async (named) => {
    arm.seedEndpoint('diabetes', { blue: 100 });
    arm.namesOperations = named;
    arm.questionsPerOperation = 3;

    await client().writeTraffic('diabetes', { live: { blue: 50, green: 50 }, mirror: {} });

    expect(arm.endpoints.get('diabetes')?.properties).toMatchObject({
      provisioningState: 'Succeeded',
      traffic: { blue: 50, green: 50 },
    });
  });
});

describe('deployments', () => {
  it('are created from a deployment file, and not waited for', async () => {
    arm.seedEndpoint('diabetes');
    const endpoints = client();

    await endpoints.createDeployment('diabetes', sampleDeployment('green'), { 'greenlight.rollout': 'r1' });

    expect((await endpoints.readDeployment('diabetes', 'green'))?.state).toBe('creating');
    expect((await endpoints.readDeployment('diabetes', 'green'))?.state).toBe('ready');
    expect(arm.calls('PUT')[0]?.body).toMatchObject({
      location: 'westeurope',
      tags: { owner: 'risk', 'greenlight.rollout': 'r1' },
      sku: { name: 'Default', capacity: 2 },
      properties: {
        endpointComputeType: 'Managed',
        model: 'file:///srv/models/v2',
        codeConfiguration: { codeId: 'file:///srv/my%20code', scoringScript: 'score.py' },
        requestSettings: {
          maxConcurrentRequestsPerInstance: 4,
          requestTimeout: 'PT5S',
          maxQueueWait: 'PT0.5S',
        },
        scaleSettings: { scaleType: 'Default' },
      },
    });
  });

  it('that are not there read as undefined, and delete well', async () => {
    arm.seedEndpoint('diabetes');

    expect(await client().readDeployment('diabetes', 'green')).toBeUndefined();
    await expect(client().deleteDeployment('diabetes', 'green')).resolves.toBeUndefined();
  });

  it('tell why they failed', async () => {
    arm.seedEndpoint('diabetes');
    arm.nextFailure = { code: 'ResourceNotReady', message: 'init() raised\n  ValueError' };
    const endpoints = client();
    await endpoints.createDeployment('diabetes', sampleDeployment('green'), {});

    await endpoints.readDeployment('diabetes', 'green');

    expect(await endpoints.readDeployment('diabetes', 'green')).toMatchObject({
      state: 'failed',
      error: 'ResourceNotReady: init() raised ValueError',
    });
  });

  it('scale by their SKU, and give the end of their log', async () => {
    arm.seedEndpoint('diabetes');
    arm.seedDeployment('diabetes', 'green');

    await client().scale('diabetes', 'green', 4);

    expect((await client().readDeployment('diabetes', 'green'))?.instances.wanted).toBe(4);
    expect(await client().logs('diabetes', 'green', 2)).toBe('line 1\nline 2');
  });

  it.each<[string, boolean, object]>([
    ['by a setting of Azure Monitor, however its target is written', true, {}],
    ['by none that is switched off', false, { enabled: false }],
    [
      'by none of another deployment',
      false,
      { targetResourceUri: `${WORKSPACE}/onlineEndpoints/diabetes/deployments/blue` },
    ],
  ])('are autoscaled %s', async (_, expected, changes) => {
    arm.seedEndpoint('diabetes');
    arm.seedDeployment('diabetes', 'green');
    const targetResourceUri = `${WORKSPACE}/onlineEndpoints/Diabetes/deployments/GREEN`.toUpperCase();
    const others = ['a', 'b', 'c'].map((name) => ({
      name,
      properties: { targetResourceUri: `/vm/${name}` },
    }));
    arm.autoscaleSettings.push(...others, { properties: { targetResourceUri, enabled: true, ...changes } });

    expect(await client().isAutoscaled('diabetes', 'green')).toBe(expected);
  });

  it('of Kubernetes are autoscaled by their own settings', async () => {
    arm.seedEndpoint('diabetes');
    const scaleSettings = { scaleType: 'TargetUtilization', minInstances: 1, maxInstances: 4 };
    const properties = { provisioningState: 'Succeeded', properties: {}, scaleSettings };
    arm.seedDeployment('diabetes', 'green', 'Succeeded', { properties });

    expect(await client().isAutoscaled('diabetes', 'green')).toBe(true);
  });
});

describe('invoke', () => {
  it('names the deployment, and takes every status for a result', async () => {
    arm.seedEndpoint('diabetes');
    arm.seedDeployment('diabetes', 'green');
    arm.scoreStatus = 424;

    const result = await client().invoke('diabetes', 'Green', '{"data":[]}');

    expect(result).toMatchObject({ status: 424, body: '{"scored":true}' });
    expect(result.durationMs).toBeGreaterThan(0);
    expect(arm.scored).toEqual([{ deployment: 'green', body: '{"data":[]}' }]);
  });

  it('fetches the key once, and again after it was regenerated', async () => {
    arm.seedEndpoint('diabetes');
    arm.seedDeployment('diabetes', 'green');
    const endpoints = client();

    await endpoints.invoke('diabetes', 'green', '{}');
    await endpoints.invoke('diabetes', 'green', '{}');
    arm.key = 'key-2';
    const result = await endpoints.invoke('diabetes', 'green', '{}');

    expect(result.status).toBe(200);
    expect(arm.seen.filter((s) => s.path.endsWith('listKeys'))).toHaveLength(2);
  });
});

describe('beyond a rollout', () => {
  it('creates an endpoint in the region of its workspace, lists it with its keys, deletes it', async () => {
    const endpoints = client();

    await endpoints.createEndpoint({ name: 'diabetes', description: 'Demo' });

    expect(await endpoints.listEndpoints()).toMatchObject([
      { name: 'diabetes', kind: 'managed', state: 'ready' },
    ]);
    expect(await endpoints.keys('diabetes')).toEqual({ primary: 'key-1', secondary: 'key-b' });
    await endpoints.deleteEndpoint('diabetes');
    await endpoints.deleteEndpoint('diabetes');
    expect(await endpoints.listEndpoints()).toEqual([]);
  });

  it('leaves an endpoint that is there already, and its traffic, alone', async () => {
    arm.seedEndpoint('diabetes', { blue: 100 });

    await client().createEndpoint({ name: 'diabetes' });

    expect(arm.calls('PUT')).toEqual([]);
  });
});
