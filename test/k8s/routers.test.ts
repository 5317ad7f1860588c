import { CustomObjectsApi, PatchStrategy, setHeaderOptions } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeploymentSpec } from '../../core/deployment.js';
import { apply } from '../../embedded/kubernetes/objects.js';
import { until } from '../../embedded/processes.js';
import { deploymentSpec } from '../adapters/kubernetes/specs.js';
import { model, untilReady } from './cluster.js';
import { KserveStandIn } from './kserve-stand-in.js';
import { makePlace, ModelNamespace } from './namespace.js';

const VIRTUAL_SERVICE = { group: 'networking.istio.io', version: 'v1', plural: 'virtualservices' };

let place: ModelNamespace;

beforeAll(async () => {
  place = new ModelNamespace(await makePlace());
  await place.bed.installDefinitions();
}, 120_000);
afterAll(async () => {
  await place?.stop();
});

const readyOf = (endpoint: string, name: string) =>
  until(async () => {
    const found = await (await place.ports()).endpoints.readDeployment(endpoint, name);
    return found?.state === 'ready' ? found : undefined;
  }, 60_000);

/** Istio's resource definitions and the API server's rules are real; no Istio serves the routes (istio.test.ts has one). */
describe('a VirtualService on a real API server, with the rights of the worker', () => {
  const ENDPOINT = 'meshed';
  const api = () => place.bed.kubeConfig().makeApiClient(CustomObjectsApi);
  const id = () => ({ ...VIRTUAL_SERVICE, namespace: place.namespace, name: ENDPOINT });
  /** Without the one that says which they are: here nobody serves it. */
  const shown = async () => {
    const { spec } = (await api().getNamespacedCustomObject(id())) as { spec: { http: { name?: string }[] } };
    return spec.http.filter(({ name }) => name !== 'greenlight-rules');
  };
  const pinned = (name: string) => [{ headers: { 'azureml-model-deployment': { exact: name } } }];
  const to = (name: string) => ({ destination: { host: `${ENDPOINT}-${name}`, port: { number: 80 } } });

  beforeAll(async () => {
    const { namespace } = place;
    const config = place.bed.kubeConfig();
    const labels = (name: string) => ({ 'greenlight/endpoint': ENDPOINT, 'greenlight/deployment': name });
    for (const name of ['blue', 'green'])
      await apply(
        config,
        model(namespace, `${ENDPOINT}-${name}`, { labels: labels(name), env: { NAME: name } }),
      );
    for (const name of ['blue', 'green']) await untilReady(config, namespace, `${ENDPOINT}-${name}`);
    await apply(config, [
      {
        apiVersion: 'networking.istio.io/v1',
        kind: 'Gateway',
        metadata: { name: 'door', namespace: place.bed.gateway.namespace },
        spec: {
          selector: { istio: 'ingressgateway' },
          servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*.test'] }],
        },
      },
      {
        apiVersion: 'networking.istio.io/v1',
        kind: 'VirtualService',
        metadata: { name: ENDPOINT, namespace },
        spec: {
          hosts: [`${ENDPOINT}.test`],
          gateways: [`${place.bed.gateway.namespace}/door`],
          http: [
            { match: [{ uri: { exact: '/health' } }], route: [{ destination: { host: 'health' } }] },
            { route: [to('blue')] },
          ],
        },
      },
    ]);
  }, 90_000);

  it('is read, ramped and mirrored, and the schema takes every form that is written', async () => {
    const { endpoints } = await place.ports();
    expect(await endpoints.read(ENDPOINT)).toMatchObject({
      state: 'ready',
      traffic: { live: { blue: 100 }, mirror: {} },
    });
    const traffics = [
      { live: { blue: 100 }, mirror: { green: 12.5 } },
      { live: { blue: 99, green: 1 }, mirror: {} },
      { live: { blue: 50, green: 50 }, mirror: {} },
      { live: { green: 100 }, mirror: {} },
      { live: { blue: 100 }, mirror: {} },
    ];
    for (const traffic of traffics) {
      await endpoints.writeTraffic(ENDPOINT, traffic);
      expect((await endpoints.read(ENDPOINT)).traffic).toEqual(traffic);
    }
    expect(await shown()).toEqual([
      { match: [{ uri: { exact: '/health' } }], route: [{ destination: { host: 'health' } }] },
      {
        route: [
          { ...to('blue'), weight: 100 },
          { ...to('green'), weight: 0 },
        ],
      },
    ]);
  });

  it('gets pins for every deployment with a new one, and loses only those of the one that goes', async () => {
    const { endpoints } = await place.ports();
    const spec: DeploymentSpec = deploymentSpec('red', {
      environment: { kind: 'inline', image: 'local/node:20' },
    });
    await endpoints.createDeployment(ENDPOINT, spec, {});
    expect((await shown()).slice(1, 4)).toEqual(
      ['blue', 'green', 'red'].map((name) => ({
        match: pinned(name),
        route: [to(name)],
        ...(name === 'red' ? { timeout: '5s' } : {}),
      })),
    );
    await endpoints.deleteDeployment(ENDPOINT, 'red');
    expect((await shown()).map((rule) => Object.keys(rule))).toEqual([
      ['match', 'route'],
      ['match', 'route'],
      ['match', 'route'],
      ['route'],
    ]);
  });

  it('is held as drift, with the name of who took the rules over, until they are taken back', async () => {
    const { endpoints } = await place.ports();
    const before = (await endpoints.read(ENDPOINT)).traffic;
    await api().patchNamespacedCustomObject(
      {
        ...id(),
        body: {
          spec: {
            http: [
              {
                route: [
                  { ...to('blue'), weight: 90 },
                  { ...to('green'), weight: 10 },
                ],
              },
            ],
          },
        },
        fieldManager: 'kubectl-edit',
      },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    );

    expect((await endpoints.read(ENDPOINT)).traffic.live).toEqual({ blue: 90, green: 10 });
    await expect(endpoints.writeTraffic(ENDPOINT, before)).rejects.toMatchObject({
      code: 'FieldManagerConflict',
      message: expect.stringContaining('are managed by kubectl-edit since') as string,
    });
    await endpoints.writeTraffic(ENDPOINT, before, { takeOver: true });
    expect((await endpoints.read(ENDPOINT)).traffic).toEqual(before);
  });

  it('says which gateway is missing', async () => {
    const { namespace } = place;
    await apply(place.bed.kubeConfig(), [
      {
        apiVersion: 'networking.istio.io/v1',
        kind: 'VirtualService',
        metadata: { name: 'lost', namespace },
        spec: {
          hosts: ['lost.test'],
          gateways: ['nowhere'],
          http: [{ route: [{ destination: { host: 'lost' } }] }],
        },
      },
    ]);

    expect(await (await place.ports()).endpoints.read('lost')).toMatchObject({
      state: 'failed',
      error: expect.stringContaining(`namespace ${namespace} has no Gateway nowhere`) as string,
    });
  });
});

/** The resource definition, the route and its proxy are real; KServe's controller is a stand-in. */
describe('an InferenceService as deployment, behind an HTTPRoute', () => {
  let kserve: KserveStandIn;
  beforeAll(() => {
    kserve = new KserveStandIn(place.bed.kubeConfig(), place.namespace);
  });
  afterAll(() => kserve?.stop());

  const green = deploymentSpec('green', {
    manifest: {
      kind: 'InferenceService',
      labels: {},
      annotations: { 'serving.kserve.io/autoscalerClass': 'none' },
      spec: {
        predictor: {
          minReplicas: 1,
          model: { modelFormat: { name: 'sklearn' }, storageUri: 'pvc://models/2' },
        },
      },
      port: 8080,
    },
  });

  it('is made, gets ready, takes traffic under load, is scaled, and goes, and no request is lost', async () => {
    const door = await place.openEndpoint();
    const { endpoints } = await place.ports();
    const clients = place.clients(door);
    clients.start(4, 20);
    await endpoints.createDeployment(door.endpoint, green, { 'greenlight.rollout': 'r1' });
    expect(await readyOf(door.endpoint, 'green')).toMatchObject({
      instances: { wanted: 1, ready: 1 },
      tags: { 'greenlight.rollout': 'r1' },
    });
    await endpoints.writeTraffic(door.endpoint, { live: { blue: 50, green: 50 }, mirror: {} });
    await until(async () => clients.got.some(({ by }) => by === 'green') || undefined, 10_000);
    await endpoints.scale(door.endpoint, 'green', 2);
    const scaled = await until(async () => {
      const state = await endpoints.readDeployment(door.endpoint, 'green');
      return state?.instances.ready === 2 ? state : undefined;
    }, 30_000);
    expect(scaled?.instances).toEqual({ wanted: 2, ready: 2 });
    await endpoints.writeTraffic(door.endpoint, { live: { blue: 100 }, mirror: {} });
    await endpoints.deleteDeployment(door.endpoint, 'green');
    const gone = await until(
      async () => (await endpoints.readDeployment(door.endpoint, 'green')) === undefined || undefined,
      // The garbage collector learns of new kinds every half minute.
      75_000,
    );
    await clients.stop();

    expect(gone).toBe(true);
    expect(new Set(clients.got.map(({ by }) => by))).toEqual(new Set(['blue', 'green']));
    expect(clients.got.filter(({ status }) => status !== 200)).toEqual([]);
  });

  it('is refused by the schema before anything is there, when it has a field that KServe does not know', async () => {
    const door = await place.openEndpoint();
    const { endpoints } = await place.ports();
    const { manifest } = green;
    if (manifest === undefined) throw new Error('no manifest');
    const misspelt = { ...green, manifest: { ...manifest, spec: { predictor: { minReplica: 1 } } } };

    await expect(endpoints.createDeployment(door.endpoint, misspelt, {})).rejects.toMatchObject({
      kind: 'permanent',
      code: 'Invalid',
      message: expect.stringContaining('minReplica') as string,
    });
    expect((await endpoints.read(door.endpoint)).deployments.map(({ name }) => name)).toEqual(['blue']);
  });
});
