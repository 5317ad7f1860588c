import { beforeEach, describe, expect, it } from 'vitest';
import {
  createKubernetesEndpoints,
  type KubernetesEndpoints,
} from '../../../adapters/kubernetes/endpoints.js';
import { FakeApiServer, GATEWAY, status } from './fake-api-server.js';
import { deploymentSpec } from './specs.js';

let api: FakeApiServer;
let endpoints: KubernetesEndpoints;

beforeEach(() => {
  api = new FakeApiServer();
  endpoints = createKubernetesEndpoints({ connection: api.connection, namespace: 'models' }).endpoints;
});

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
