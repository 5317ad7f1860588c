import { beforeEach, describe, expect, it } from 'vitest';

import { status } from './fake-api-server.js';
import { onFakeServer } from './on-fake-server.js';
import { deploymentSpec } from './specs.js';

let { api, endpoints } = onFakeServer();
beforeEach(() => void ({ api, endpoints } = onFakeServer()));

describe('creating a deployment', () => {
  it('makes the Deployment last, so that a creation that was cut off begins again', async () => {
    await endpoints.createDeployment('diabetes', deploymentSpec('green'), { 'greenlight.rollout': 'r1' });

    expect(api.writes()).toEqual([
      'PATCH services/diabetes-green',
      'PATCH httproutes/diabetes',
      'PATCH deployments/diabetes-green',
    ]);
    expect((await endpoints.readDeployment('diabetes', 'green'))?.tags).toMatchObject({
      'greenlight.rollout': 'r1',
    });
    expect((await endpoints.read('diabetes')).traffic).toEqual({ live: { blue: 100 }, mirror: {} });
  });

  it('asks to be repeated, with no Deployment made, while the Service that it has written is not shown', async () => {
    let shown = false;
    const blue = api.objects.get('/api/v1/namespaces/models/services/diabetes-blue');
    api.fault = ({ method, path }) =>
      method === 'GET' && path.endsWith('/services') && !shown
        ? { status: 200, headers: {}, text: JSON.stringify({ items: [blue] }) }
        : undefined;
    const create = () => endpoints.createDeployment('diabetes', deploymentSpec('green'), {});

    await expect(create()).rejects.toMatchObject({ kind: 'transient', code: 'NotShownYet' });
    expect(api.writes()).toEqual(['PATCH services/diabetes-green']);
    shown = true;
    await create();
    expect(api.writes().at(-1)).toBe('PATCH deployments/diabetes-green');
  });

  it.each([0, 1, 2])('asks before each of its parts whether it may still be made: after %i', async (made) => {
    const confirm = (): void => {
      if (api.writes().length === made) throw new Error('stood still');
    };
    const created = endpoints.createDeployment('diabetes', deploymentSpec('green'), {}, { confirm });

    await expect(created).rejects.toThrow('stood still');

    expect(api.writes()).toHaveLength(made);
  });

  it('leaves nothing behind when one of its parts may not be written', async () => {
    api.fault = ({ path }) =>
      path.includes('/deployments/diabetes-green')
        ? status(
            403,
            'Forbidden',
            'deployments.apps is forbidden: User "worker" cannot patch resource "deployments"',
          )
        : undefined;

    await expect(endpoints.createDeployment('diabetes', deploymentSpec('green'), {})).rejects.toMatchObject({
      kind: 'permanent',
      code: 'Forbidden',
    });
    expect(api.writes()).toEqual([]);
  });

  it('says for good that the schema does not know a field', async () => {
    api.fault = ({ method, path }) =>
      method === 'PATCH' && path.includes('/deployments/')
        ? status(
            500,
            '',
            'failed to create typed patch object (/diabetes-green; apps/v1, Kind=Deployment): .spec.comand: field not declared in schema',
          )
        : undefined;

    await expect(endpoints.createDeployment('diabetes', deploymentSpec('green'), {})).rejects.toMatchObject({
      kind: 'permanent',
      code: 'Invalid',
    });
    expect(api.writes()).toEqual([]);
  });

  it('does not merge into an object of the same name that is something else', async () => {
    api.put('/apis/apps/v1/namespaces/models/deployments/diabetes-green', {
      metadata: { name: 'diabetes-green' },
      spec: { selector: {}, template: { spec: {} } },
    });

    await expect(endpoints.createDeployment('diabetes', deploymentSpec('green'), {})).rejects.toMatchObject({
      code: 'NameTaken',
    });
    expect(api.writes()).toEqual([]);
  });
});

describe('a new deployment whose pods another’s Service would send clients to', () => {
  const BLUE = '/api/v1/namespaces/models/services/diabetes-blue';
  const pods = { app: 'diabetes', tier: 'model' };
  const deployment = deploymentSpec('green', {
    manifest: {
      labels: {},
      annotations: {},
      spec: { selector: { matchLabels: pods }, template: { metadata: { labels: pods }, spec: {} } },
      port: 8080,
    },
  });
  const inferenceService = deploymentSpec('green', {
    manifest: {
      kind: 'InferenceService',
      labels: { app: 'diabetes' },
      annotations: {},
      spec: { predictor: { labels: { tier: 'model' } } },
      port: 8080,
    },
  });
  const select = (selector: object) => {
    const service = api.objects.get(BLUE);
    (service as { spec: object }).spec = { ...service?.spec, selector };
  };

  it.each([
    ['Deployment', deployment],
    ['InferenceService', inferenceService],
  ])('is refused before anything is made (%s)', async (_, green) => {
    select(pods);

    await expect(endpoints.createDeployment('diabetes', green, {})).rejects.toMatchObject({
      kind: 'permanent',
      code: 'SelectedByOther',
      message: expect.stringContaining(
        'Service diabetes-blue of deployment blue of diabetes selects pods by app=diabetes,tier=model, which',
      ) as string,
    });
    expect(api.writes()).toEqual([]);
  });

  it('is made where that selects others, or all by no deployment’s Service', async () => {
    select({ ...pods, version: '1' });
    api.put('/api/v1/namespaces/models/services/all', {
      metadata: { name: 'all' },
      spec: { selector: pods, ports: [{ port: 80 }] },
    });
    const create = () => endpoints.createDeployment('diabetes', deployment, {});

    await create();
    await create();
    expect(api.writes().at(-1)).toBe('PATCH deployments/diabetes-green');
  });
});

describe('a deployment whose pods answer, while the gateway finds fault with the route,', () => {
  it.each([
    [
      'is ready where that is another rule’s Service, which does not keep it from being served',
      'ResolvedRefs',
      'ready',
    ],
    ['waits where the route is refused as a whole', 'Accepted', 'creating'],
  ])('%s', async (_, type, state) => {
    await endpoints.createDeployment('diabetes', deploymentSpec('green'), {});
    api.addDeployment('green');
    expect((await endpoints.readDeployment('diabetes', 'green'))?.state).toBe('ready');
    const said = ['Accepted', 'ResolvedRefs'].map((one) => ({
      type: one,
      status: one === type ? 'False' : 'True',
    }));
    api.gateway = () => said;
    api.look();

    expect((await endpoints.readDeployment('diabetes', 'green'))?.state).toBe(state);
  });
});
