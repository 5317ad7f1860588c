import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { GATEWAY, ROUTE, status } from './fake-api-server.js';
import { onFakeServer } from './on-fake-server.js';

let { api, endpoints } = onFakeServer();
beforeEach(() => void ({ api, endpoints } = onFakeServer()));

describe('a right that was there', () => {
  const denied = ({ path }: { path: string }) =>
    path === ROUTE ? status(403, 'Forbidden', 'cannot get resource "httproutes"') : undefined;
  afterEach(() => void vi.useRealTimers());

  it('is asked for again while an API server may not have read its roles, and is gone some seconds later', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    await endpoints.read('diabetes');
    api.fault = denied;

    const read = () => endpoints.read('diabetes');
    await expect(read()).rejects.toMatchObject({ kind: 'transient', code: 'Forbidden' });
    vi.setSystemTime(Date.now() + 10_000);
    await expect(read()).rejects.toMatchObject({ kind: 'transient', code: 'Forbidden' });
    vi.setSystemTime(Date.now() + 6_000);
    await expect(read()).rejects.toMatchObject({ kind: 'permanent', code: 'Forbidden' });
    api.fault = () => undefined;
    await read();
    api.fault = denied;
    await expect(read()).rejects.toMatchObject({ kind: 'transient', code: 'Forbidden' });
  });

  it('is missing at once where it never was', async () => {
    api.fault = denied;

    await expect(endpoints.read('diabetes')).rejects.toMatchObject({ kind: 'permanent', code: 'Forbidden' });
  });
});

describe('what stands in the way is said', () => {
  it.each<[string, () => void, RegExp]>([
    ['no route of that name', () => api.objects.delete(ROUTE), /^Namespace models has no HTTPRoute diabetes/],
    [
      'no such namespace',
      () => {
        api.objects.delete(ROUTE);
        api.objects.delete('/api/v1/namespaces/models');
      },
      /^The cluster at https:\/\/fake:6443 has no namespace models; create it/,
    ],
    [
      'the Gateway API is not installed',
      () => {
        api.fault = ({ path }) =>
          path.includes('gateway.networking')
            ? { status: 404, headers: {}, text: '404 page not found\n' }
            : undefined;
      },
      /does not know what HTTPRoute of gateway\.networking\.k8s\.io\/v1 is.*; install the resource definitions/,
    ],
    [
      'a verb that is denied',
      () => {
        api.fault = ({ path }) =>
          path.endsWith('/deployments')
            ? status(403, 'Forbidden', 'cannot list resource "deployments"')
            : undefined;
      },
      /cannot list resource "deployments"; give its user or service account the right to list deployments in namespace models/,
    ],
    [
      'a route that a controller made',
      () => {
        api.route.metadata.ownerReferences = [
          { kind: 'InferenceService', name: 'diabetes', controller: true },
        ];
      },
      /^HTTPRoute diabetes belongs to the InferenceService diabetes, whose controller would write over every change/,
    ],
    [
      'two Services that claim to be the same deployment',
      () => {
        api.put('/api/v1/namespaces/models/services/other', {
          metadata: {
            name: 'other',
            labels: { 'greenlight/endpoint': 'diabetes', 'greenlight/deployment': 'blue' },
          },
          spec: { ports: [{ port: 80 }] },
        });
      },
      /^The Services diabetes-blue and other both bear the labels of deployment blue/,
    ],
  ])('%s', async (_, arrange, message) => {
    arrange();

    await expect(endpoints.read('diabetes')).rejects.toThrow(message);
  });

  it('a gateway that does not take the route, and a Service without endpoints', async () => {
    api.addDeployment('blue', 1);
    api.objects.delete('/apis/discovery.k8s.io/v1/namespaces/models/endpointslices/diabetes-blue');
    api.route.status = {};
    const { state, error, deployments } = await endpoints.read('diabetes');

    expect({ state, error }).toEqual({
      state: 'updating',
      error: expect.stringContaining('gateway door has not taken note of HTTPRoute diabetes') as string,
    });
    expect(deployments[0]).toMatchObject({
      state: 'creating',
      instances: { ready: 0 },
      error: 'its Service has no ready endpoints: its selector finds none of the ready pods',
    });
  });

  it.each([
    ['no shares', ['HTTPRouteRequestMirror'], 'all'],
    ['no mirroring', ['HTTPRouteQueryParamMatching'], 'none'],
    ['nothing to say', [], 'none'],
    ['shares', ['HTTPRouteRequestMirror', 'HTTPRouteRequestPercentageMirror'], 'any'],
  ])('a gateway class with %s', async (_, features, shares) => {
    api.put('/apis/gateway.networking.k8s.io/v1/gatewayclasses/fake', {
      metadata: { name: 'fake' },
      spec: { controllerName: 'example.com/fake' },
      status: { supportedFeatures: features },
    });

    expect((await endpoints.capabilities('diabetes')).mirror.shares).toBe(shares);
  });
});

describe('one answer for several', () => {
  it('on what the gateway can do comes also when who asked first has given up', async () => {
    const release = api.hold(GATEWAY);
    const gaveUp = new AbortController();
    const first = endpoints.capabilities('diabetes', { signal: gaveUp.signal });
    const second = endpoints.capabilities('diabetes');
    await new Promise(setImmediate); // both wait for it

    gaveUp.abort(new Error('gave up'));
    await expect(first).rejects.toThrow('gave up');
    release();
    expect((await second).mirror.shares).toBe('any');
  });
});
