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
