import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import {
  createKubernetesEndpoints,
  type KubernetesEndpoints,
} from '../../../adapters/kubernetes/endpoints.js';
import { sameTraffic, type Traffic } from '../../../core/traffic.js';
import { FakeApiServer, ISTIO_GATEWAY, ROUTE, status, VIRTUAL_SERVICE } from './fake-api-server.js';
import { deploymentSpec } from './specs.js';

let api: FakeApiServer;
let endpoints: KubernetesEndpoints;

beforeEach(() => {
  api = new FakeApiServer();
  api.routeByIstio();
  endpoints = createKubernetesEndpoints({
    connection: api.connection,
    namespace: 'models',
    gatewayUrl: 'http://127.0.0.1:8080',
  }).endpoints;
});

const half = { live: { blue: 50, green: 50 }, mirror: {} };
const notServed = (api_: string) => {
  api.fault = ({ path }) =>
    path.includes(api_) ? { status: 404, headers: {}, text: '404 page not found\n' } : undefined;
};

describe('an endpoint that a VirtualService routes', () => {
  it('is read, created in, ramped, mirrored and cleaned up like any other', async () => {
    expect(await endpoints.read('diabetes')).toMatchObject({
      state: 'ready',
      traffic: { live: { blue: 100 }, mirror: {} },
      scoringUri: 'http://diabetes.test/score',
    });
    await endpoints.createDeployment('diabetes', deploymentSpec('green'), {});
    expect(api.writes()).toEqual([
      'PATCH services/diabetes-green',
      'PATCH virtualservices/diabetes',
      'PATCH deployments/diabetes-green',
    ]);
    api.addDeployment('green');
    await endpoints.writeTraffic('diabetes', { live: { blue: 100 }, mirror: { green: 10 } });
    await endpoints.writeTraffic('diabetes', half);
    await endpoints.writeTraffic('diabetes', { live: { green: 100 }, mirror: {} });
    await endpoints.deleteDeployment('diabetes', 'blue');

    expect((await endpoints.read('diabetes')).traffic).toEqual({ live: { green: 100 }, mirror: {} });
    expect(api.virtualService.spec).toMatchObject({
      hosts: ['diabetes.test'],
      http: [
        {
          name: 'greenlight-rules',
          match: [{ headers: { 'azureml-model-deployment': { exact: '- models/diabetes' } } }],
        },
        { match: [{ headers: { 'azureml-model-deployment': { exact: 'green' } } }] },
        { route: [{ destination: { host: 'diabetes-green' }, weight: 100 }] },
      ],
    });
  });

  it('changes a first and a last share in one write: Istio knows every cluster beforehand', async () => {
    api.addDeployment('green');
    await endpoints.writeTraffic('diabetes', { live: { green: 100 }, mirror: {} });

    expect(api.writes()).toEqual(['PATCH virtualservices/diabetes']);
  });

  it('is not written over what others have made of it since it was looked at', async () => {
    api.addDeployment('green');
    await endpoints.writeTraffic('diabetes', half);
    const reverted = [{ route: [{ destination: { host: 'diabetes-blue' }, weight: 100 }] }];
    api.fault = ({ method }) => {
      if (method !== 'PATCH') return undefined;
      api.fault = () => undefined;
      (api.virtualService.spec as { http: object[] }).http = reverted;
      return status(409, 'Conflict', 'the object has been modified');
    };
    const mayShow = (shown: Traffic) => sameTraffic(shown, half);

    await expect(
      endpoints.writeTraffic('diabetes', { live: { green: 100 }, mirror: {} }, { mayShow }),
    ).rejects.toMatchObject({ kind: 'transient', code: 'Outdated' });
    expect(api.virtualService.spec).toMatchObject({ http: reverted });
  });

  it.each(['PATCH', 'GET'])('keeps a deployment that somebody goes back to meanwhile (%s)', async (when) => {
    api.addDeployment('green');
    await endpoints.writeTraffic('diabetes', { live: { green: 100 }, mirror: {} });
    api.asked.length = 0;
    const reverted = [{ route: [{ destination: { host: 'diabetes-blue' }, weight: 100 }] }];
    api.fault = ({ method, path }) => {
      const written = api.writes().length > 0;
      if (path !== VIRTUAL_SERVICE || method !== when || !written) return undefined;
      api.fault = () => undefined;
      (api.virtualService.spec as { http: object[] }).http = reverted;
      return when === 'PATCH' ? status(409, 'Conflict', 'the object has been modified') : undefined;
    };

    await expect(endpoints.deleteDeployment('diabetes', 'blue')).rejects.toMatchObject({
      kind: 'transient',
      code: 'Outdated',
    });
    expect(new Set(api.writes())).toEqual(new Set(['PATCH virtualservices/diabetes']));
    expect(api.virtualService.spec).toMatchObject({ http: reverted });
  });

  it('refuses, and changes nothing, once someone else has taken the rules over', async () => {
    api.addDeployment('green');
    await endpoints.writeTraffic('diabetes', half);
    api.rulesOwner = 'kubectl-edit';
    const before = structuredClone(api.virtualService.spec);

    await expect(
      endpoints.writeTraffic('diabetes', { live: { blue: 100 }, mirror: {} }),
    ).rejects.toMatchObject({ kind: 'permanent', code: 'FieldManagerConflict' });
    expect(api.virtualService.spec).toEqual(before);
    await endpoints.writeTraffic('diabetes', { live: { blue: 100 }, mirror: {} }, { takeOver: true });
    expect((await endpoints.read('diabetes')).traffic.live).toEqual({ blue: 100 });
  });

  it('is read also when another reading, which waits for the same gateway, has given up', async () => {
    const release = api.hold(ISTIO_GATEWAY);
    const gaveUp = new AbortController();
    const first = endpoints.read('diabetes', { signal: gaveUp.signal });
    const second = endpoints.read('diabetes');
    await new Promise(setImmediate); // both wait for it

    gaveUp.abort(new Error('gave up'));
    await expect(first).rejects.toThrow('gave up');
    release();
    expect(await second).toMatchObject({ state: 'ready' });
  });

  it('is there already when somebody wants to create it', async () => {
    await endpoints.createEndpoint({ name: 'diabetes' });

    expect(api.writes()).toEqual([]);
    expect((await endpoints.listEndpoints()).map(({ name }) => name)).toEqual(['diabetes']);
  });

  it('can mirror any share, and pin', async () => {
    expect(await endpoints.capabilities('diabetes')).toEqual({
      mirror: { shares: 'any', most: 100 },
      liveWithMirror: true,
      pin: true,
    });
  });

  it('leaves the Gateway API alone where it is not installed, and Istio where it is not', async () => {
    notServed('gateway.networking.k8s.io');
    expect((await endpoints.read('diabetes')).traffic.live).toEqual({ blue: 100 });

    api = new FakeApiServer();
    notServed('networking.istio.io');
    ({ endpoints } = createKubernetesEndpoints({ connection: api.connection, namespace: 'models' }));
    expect((await endpoints.read('diabetes')).traffic.live).toEqual({ blue: 100 });
    api.objects.delete(ROUTE);
    await expect(endpoints.read('diabetes')).rejects.toMatchObject({ code: 'ResourceNotFound' });
  });
});

describe('a gateway that is asked by which rules it serves', () => {
  interface Answer {
    readonly status?: number;
    readonly text: string;
  }
  let asked: (string | undefined)[];
  let answer: () => Answer;
  let gateway: Server;
  interface Rule {
    match?: object[];
    directResponse?: { body: { string: string } };
  }
  const first = () => (api.virtualService.spec as { http: Rule[] }).http[0];
  const written = (): string => first()?.directResponse?.body.string ?? 'a model';
  /** As a worker does that has just been started. */
  const begin = () => {
    const gatewayUrl = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
    const settings = { connection: api.connection, namespace: 'models', gatewayUrl };
    endpoints = createKubernetesEndpoints(settings).endpoints;
  };
  const pending = async () => (await endpoints.read('diabetes')).pending;

  beforeEach(async () => {
    asked = [];
    answer = () => ({ text: written() });
    gateway = createServer(({ headers }, response) => {
      asked.push(`${headers.host} ${headers['azureml-model-deployment']?.toString()}`);
      const { status: code = 200, text } = answer();
      response.writeHead(code).end(text);
    }).listen(0, '127.0.0.1');
    await once(gateway, 'listening');
    begin();
    api.addDeployment('green');
  });
  afterEach(() => {
    gateway.closeAllConnections();
    gateway.close();
  });

  it('is not asked about rules that Greenlight has never written', async () => {
    expect(await pending()).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it('is waited for when rules are written', async () => {
    const old = { text: 'greenlight: rules 0000000000000000' };
    answer = () => (asked.length < 3 ? old : { text: written() });
    await endpoints.writeTraffic('diabetes', half);

    expect(asked).toEqual(Array(3).fill('diabetes.test - models/diabetes'));
    expect(await pending()).toBeUndefined();
  });

  describe('of another VirtualService of the same host, which Istio merges in front', () => {
    const others = { text: 'greenlight: rules 0000000000000000' };

    it('is asked by its own name by which rules it serves', async () => {
      answer = () => (asked.at(-1)?.endsWith(' - models/diabetes') ? { text: written() } : others);
      await endpoints.writeTraffic('diabetes', half);

      expect(await pending()).toBeUndefined();
    });

    it('is asked as the rules have it until they are written anew: older versions had one name for all', async () => {
      await endpoints.writeTraffic('diabetes', half);
      const match = [{ headers: { 'azureml-model-deployment': { exact: '-' } } }];
      Object.assign(first() ?? {}, { match });
      answer = () => (asked.at(-1)?.endsWith(' -') ? { text: written() } : others);
      expect(await pending()).toBeUndefined();

      answer = () => ({ text: written() });
      await endpoints.writeTraffic('diabetes', half);
      expect(first()).not.toMatchObject({ match });
    });

    it.each<[string, () => Answer, boolean]>([
      ['these', () => ({ text: written() }), true],
      ['the other', () => others, false],
    ])('that told of %s before they were written anew, and tells no more', async (_, told, isPending) => {
      await endpoints.writeTraffic('diabetes', half);
      Object.assign(first() ?? {}, { match: [{ headers: { 'azureml-model-deployment': { exact: '-' } } }] });
      const before = told();
      answer = () => (asked.at(-1)?.endsWith(' -') ? before : { status: 404, text: '' });
      begin();
      const cutOff = new AbortController();
      const write = endpoints.writeTraffic(
        'diabetes',
        { live: { blue: 100 }, mirror: {} },
        { signal: cutOff.signal, taken: () => cutOff.abort() },
      );

      await expect(write).rejects.toThrow();
      expect((await pending()) !== undefined).toBe(isPending);
      answer = () => ({ status: 404, text: '' });
      expect(await pending()).toBeUndefined();
    });
  });

  it('holds what may still get requests: shares are not there yet, and nothing is deleted', async () => {
    await endpoints.writeTraffic('diabetes', half);
    const before = written();
    await endpoints.writeTraffic('diabetes', { live: { blue: 100 }, mirror: {} });
    answer = () => ({ text: before });

    expect(await pending()).toMatch(
      /does not serve by the rules of VirtualService diabetes as they stand; .* istiod/,
    );
    await expect(endpoints.deleteDeployment('diabetes', 'green')).rejects.toMatchObject({
      kind: 'transient',
      code: 'NotTakenYet',
    });
  });

  it('holds it also while Istio finds fault with the rules', async () => {
    await endpoints.writeTraffic('diabetes', half);
    api.virtualService['status'] = { observedGeneration: 99, validationMessages: [{ level: 'ERROR' }] };
    expect(await endpoints.read('diabetes')).toMatchObject({ state: 'failed' });
    expect(await pending()).toBeUndefined();
    answer = () => ({ text: 'a model' });

    expect(await pending()).toMatch(/does not serve by the rules of VirtualService diabetes/);
  });

  it('says the same of the same rules, so that going back to what is still served waits for nothing', async () => {
    await endpoints.writeTraffic('diabetes', { live: { blue: 99, green: 1 }, mirror: {} });
    const before = written();
    await endpoints.writeTraffic('diabetes', half);
    answer = () => ({ text: before });
    await endpoints.writeTraffic('diabetes', { live: { blue: 99, green: 1 }, mirror: {} });

    expect(await pending()).toBeUndefined();
  });

  it.each<[string, Answer, boolean]>([
    ['a model, by rules of before', { text: '{}' }, true],
    ['no backend, by rules of before', { status: 503, text: 'no healthy upstream' }, true],
    ['who wants to know', { status: 401, text: '' }, false],
    ['that this is refused', { status: 403, text: 'RBAC: access denied' }, false],
    ['that it serves other hosts', { status: 404, text: '' }, false],
    ['to come by https', { status: 301, text: '' }, false],
  ])('answers %s, and has never said anything else', async (_, says, isPending) => {
    await endpoints.writeTraffic('diabetes', half);
    answer = () => says;
    begin();

    expect((await pending()) !== undefined).toBe(isPending);
  });

  it('is believed only by its own words once it has told of its rules', async () => {
    await endpoints.writeTraffic('diabetes', half);
    answer = () => ({ status: 404, text: '' });
    expect(await pending()).toMatch(/does not serve by the rules/);

    gateway.closeAllConnections();
    gateway.close();
    expect(await pending()).toMatch(/does not answer any more, .* check that it runs$/);
  });

  it('is not asked where only sidecars serve the rules', async () => {
    await endpoints.writeTraffic('diabetes', half);
    (api.virtualService.spec as { gateways: string[] }).gateways = ['mesh'];
    asked = [];

    expect(await pending()).toBeUndefined();
    expect(asked).toEqual([]);
  });
});

describe('what stands in the way is said', () => {
  const gateway = () => api.objects.get(ISTIO_GATEWAY);

  it.each<[string, () => void, RegExp]>([
    [
      'an HTTPRoute of the same name',
      () => void api.put(ROUTE, { metadata: { name: 'diabetes' }, spec: {} }),
      /^Namespace models has both HTTPRoute diabetes and VirtualService diabetes; expected one/,
    ],
    [
      'a VirtualService that a controller made',
      () => {
        api.virtualService.metadata.ownerReferences = [
          { kind: 'InferenceService', name: 'diabetes', controller: true },
        ];
      },
      /^VirtualService diabetes belongs to the InferenceService diabetes, whose controller would write over/,
    ],
    [
      'neither API installed',
      () => notServed('networking'),
      /does not know what HTTPRoute of gateway\.networking\.k8s\.io\/v1 is/,
    ],
    [
      'a right that is missing where nothing else was found',
      () => {
        api.objects.delete(VIRTUAL_SERVICE);
        api.fault = ({ path }) =>
          path.includes('/virtualservices')
            ? status(403, 'Forbidden', 'cannot get resource "virtualservices"')
            : undefined;
      },
      /has no HTTPRoute diabetes, .* What else it may have was not told: .*the right to get virtualservices/,
    ],
  ])('%s', async (_, arrange, message) => {
    arrange();

    await expect(endpoints.read('diabetes')).rejects.toThrow(message);
  });

  it.each<[string, () => void, string, RegExp]>([
    [
      'a gateway that is not there',
      () => api.objects.delete(ISTIO_GATEWAY),
      'failed',
      /names the gateway ingress\/door, and namespace ingress has no Gateway door/,
    ],
    [
      'a gateway without the host',
      () => {
        (gateway()?.spec as { servers: unknown }).servers = [{ hosts: ['ingress/*', 'other.test'] }];
      },
      'failed',
      /no server for the hosts of VirtualService diabetes \(diabetes\.test\); it serves ingress\/\*, other\.test/,
    ],
    [
      "fault found by Istio's own analysis",
      () => {
        api.virtualService.status = {
          observedGeneration: 1,
          validationMessages: [
            { level: 'ERROR', type: { code: 'IST0101', name: 'ReferencedResourceNotFound' } },
          ],
        };
      },
      'failed',
      /analysis finds fault with VirtualService diabetes: IST0101 ReferencedResourceNotFound/,
    ],
    [
      'fault found in what stood there before',
      () => {
        api.virtualService.status = { observedGeneration: 0, validationMessages: [{ level: 'ERROR' }] };
      },
      'ready',
      /^$/,
    ],
    [
      'a gateway that may not be looked at',
      () => {
        api.fault = ({ path }) =>
          path === ISTIO_GATEWAY ? status(403, 'Forbidden', 'cannot get gateways') : undefined;
      },
      'ready',
      /^$/,
    ],
  ])('%s', async (_, arrange, state, error) => {
    arrange();
    const read = await endpoints.read('diabetes');

    expect(read.state).toBe(state);
    expect(read.error ?? '').toMatch(error);
  });

  it('a gateway that an API server denies which has only just started: it is asked for again', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      await endpoints.read('diabetes');
      vi.setSystemTime(Date.now() + 11_000); // what it remembers of the gateway is old
      api.fault = ({ path }) =>
        path === ISTIO_GATEWAY ? status(403, 'Forbidden', 'cannot get gateways') : undefined;

      await expect(endpoints.read('diabetes')).rejects.toMatchObject({
        kind: 'transient',
        code: 'Forbidden',
      });
    } finally {
      vi.useRealTimers();
    }
  });

  it('an address of the gateway that nobody tells', async () => {
    ({ endpoints } = createKubernetesEndpoints({ connection: api.connection, namespace: 'models' }));

    await expect(endpoints.invoke('diabetes', 'blue', '{}')).rejects.toMatchObject({
      kind: 'permanent',
      code: 'NoGatewayAddress',
      message: expect.stringContaining('set GREENLIGHT_GATEWAY_URL') as string,
    });
  });
});
