import { beforeEach, describe, expect, it } from 'vitest';
import { createKubernetesEndpoints } from '../../../adapters/kubernetes/endpoints.js';
import { GATEWAY, status } from './fake-api-server.js';
import { onFakeServer } from './on-fake-server.js';
import { deploymentSpec } from './specs.js';

let { api, endpoints } = onFakeServer();
beforeEach(() => void ({ api, endpoints } = onFakeServer()));

describe('a new endpoint behind a gateway', () => {
  const create = () => endpoints.createEndpoint({ name: 'fraud' });
  const others = (more: object) => Object.assign(api.route.spec ?? {}, more);

  it('is refused where another route takes every request: its clients would be answered by that one', async () => {
    await expect(create()).rejects.toMatchObject({
      kind: 'permanent',
      code: 'GatewayTaken',
      message: expect.stringMatching(
        /^HTTPRoute diabetes takes every request of gateway door, .*kubectl patch httproute diabetes -n models /,
      ) as string,
    });
    expect(api.writes()).toEqual([]);
  });

  it('is refused where that one was made so as well', async () => {
    others({ hostnames: ['diabetes.example.com'] });
    await create();

    await expect(endpoints.createEndpoint({ name: 'third' })).rejects.toMatchObject({ code: 'GatewayTaken' });
    await create();
    expect(api.writes()).toEqual(['PATCH httproutes/fraud']);
  });

  const rule = (match: object) => ({ rules: [{ matches: [match], backendRefs: [{ name: 'a', port: 80 }] }] });
  it.each([
    ['has a host name', { hostnames: ['diabetes.example.com'] }],
    ['has a path of its own', rule({ path: { type: 'PathPrefix', value: '/diabetes' } })],
    ['takes requests with a header', rule({ headers: [{ name: 'x-model', value: 'diabetes' }] })],
    ['takes one method', rule({ method: 'GET' })],
    ['is behind another gateway', { parentRefs: [{ name: 'other' }] }],
    ['is behind one of another namespace', { parentRefs: [{ name: 'door', namespace: 'gateways' }] }],
    [
      'is behind one listener, as a redirect to HTTPS is',
      { parentRefs: [{ name: 'door', sectionName: 'http' }] },
    ],
    ['is behind one port', { parentRefs: [{ name: 'door', port: 80 }] }],
    ['is of a Service in the mesh', { parentRefs: [{ kind: 'Service', group: '', name: 'door' }] }],
  ])('is made where the other route %s', async (_, more) => {
    others(more);

    await create();

    expect(api.writes()).toEqual(['PATCH httproutes/fraud']);
  });
});

describe('a route that leads to Services without the labels', () => {
  const LABELS = { 'greenlight/endpoint': 'diabetes', 'greenlight/deployment': 'blue' };
  const take = (kind: string, path: string) => {
    api.put(`${path}/diabetes-v1`, {
      ...api.objects.get(`${path}/diabetes-blue`),
      metadata: { name: 'diabetes-v1' },
    });
    api.objects.delete(`${path}/diabetes-blue`);
    return kind;
  };
  /** As a team has it that has read of adopting, and forgot to label. */
  const byTeam = (router: 'HTTPRoute' | 'VirtualService') => {
    if (router === 'VirtualService') api.routeByIstio();
    take('Service', '/api/v1/namespaces/models/services');
    take('Deployment', '/apis/apps/v1/namespaces/models/deployments');
    const object = router === 'HTTPRoute' ? api.route : api.virtualService;
    object.spec = JSON.parse(
      JSON.stringify(object.spec).replaceAll('diabetes-blue', 'diabetes-v1'),
    ) as Record<string, unknown>;
    endpoints = createKubernetesEndpoints({
      connection: api.connection,
      namespace: 'models',
      gatewayUrl: 'http://127.0.0.1:1',
    }).endpoints;
  };
  const create = (name: string) => endpoints.createDeployment('diabetes', deploymentSpec(name), {});

  describe.each(['HTTPRoute', 'VirtualService'] as const)('(%s)', (router) => {
    const why = `${router} diabetes leads to Service diabetes-v1, and to no deployment of diabetes; `;
    beforeEach(() => byTeam(router));

    it('is read as failed, with the labels to give', async () => {
      expect(await endpoints.read('diabetes')).toMatchObject({
        state: 'failed',
        error: expect.stringMatching(
          new RegExp(
            `^${why}.*kubectl label service/NAME deployment/NAME -n models greenlight/endpoint=diabetes greenlight/deployment=blue`,
          ),
        ) as string,
        traffic: { live: {}, mirror: {} },
      });
    });

    it('gets no deployment, which no traffic could ever get to, and nothing is made', async () => {
      await expect(create('blue')).rejects.toMatchObject({
        kind: 'permanent',
        code: 'NotLabelled',
        message: expect.stringContaining(why) as string,
      });
      expect(api.writes()).toEqual([]);
    });

    it('is like any other once they have them', async () => {
      const service = api.objects.get('/api/v1/namespaces/models/services/diabetes-v1');
      Object.assign(service?.metadata ?? {}, { labels: LABELS });

      await create('green');

      expect(await endpoints.read('diabetes')).toMatchObject({
        state: 'ready',
        traffic: { live: { blue: 100 } },
      });
    });

    it('gets one whose Service it names already, and which is gone', async () => {
      api.objects.delete('/api/v1/namespaces/models/services/diabetes-v1');
      const object = router === 'HTTPRoute' ? api.route : api.virtualService;
      object.spec = JSON.parse(
        JSON.stringify(object.spec).replaceAll('diabetes-v1', 'diabetes-blue'),
      ) as Record<string, unknown>;

      await create('blue');

      expect((await endpoints.read('diabetes')).traffic).toEqual({ live: { blue: 100 }, mirror: {} });
    });
  });

  it('gets one where a rule of it leads nowhere yet', async () => {
    byTeam('HTTPRoute');
    const rules = api.route.spec?.['rules'] as object[];
    rules.unshift({ matches: [{ path: { type: 'PathPrefix', value: '/score' } }] });

    await create('blue');

    expect((await endpoints.read('diabetes')).state).toBe('ready');
  });
});

describe('a gateway whose class may not be read', () => {
  const refs = () =>
    JSON.stringify((api.route.spec?.['rules'] as { backendRefs: object[] }[])[0]?.backendRefs);
  const deny = (path: string) => {
    api.fault = (asked) =>
      asked.path.includes(path) ? status(403, 'Forbidden', `cannot get resource "${path}"`) : undefined;
  };

  it.each([
    ['its class', 'gatewayclasses'],
    ['itself', GATEWAY],
  ])(
    'is known by what it says of the route: Envoy Gateway counts marked backends apart (%s)',
    async (_, path) => {
      api.controllerName = 'gateway.envoyproxy.io/gatewayclass-controller';
      api.accept();
      deny(path);

      await endpoints.createDeployment('diabetes', deploymentSpec('green'), {});

      expect(refs()).toContain('"set":[{"name":"azureml-model-deployment","value":"blue"}]');
      expect(refs()).toContain('"set":[{"name":"azureml-model-deployment","value":"green"}]');
      expect((await endpoints.capabilities('diabetes')).mirror.shares).toBe('any');
    },
  );

  it('is not thought to do what it may not where its controller is another: a filter that it cannot do may cost requests', async () => {
    deny('gatewayclasses');

    await endpoints.createDeployment('diabetes', deploymentSpec('green'), {});

    expect(refs()).not.toContain('filters');
    expect((await endpoints.capabilities('diabetes')).mirror).toMatchObject({
      shares: 'none',
      because: expect.stringContaining('cannot get resource "gatewayclasses"') as string,
    });
  });
});
