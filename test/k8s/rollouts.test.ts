import { CoreV1Api, CustomObjectsApi, PatchStrategy, setHeaderOptions } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { findDeployment } from '../../core/endpoint.js';
import { apply } from '../../embedded/kubernetes/objects.js';
import { model, putRoute, route, servedBy, untilReady } from './cluster.js';
import { DWELL, GOOD, PROMOTED, RAMP_ONLY, ROLLED_BACK } from './steps.js';
import { expectPromoted, expectRolledBack, failed, shown } from './under-load.js';
import { KubernetesWorld } from './world.js';

const LONG_RAMP = ['create', { ramp: ['50%'], for: '10m .. 20m' }, 'cutover'];

let world: KubernetesWorld;

beforeAll(async () => {
  world = await KubernetesWorld.start();
}, 180_000);
afterAll(async () => {
  await world?.stop();
});

// Each has an endpoint of its own, and waits most of its time.
describe.concurrent('a rollout on a Kubernetes namespace, beside others and under load', () => {
  it('promotes a good version, and no client loses a request', () => expectPromoted(world));

  it('rolls a bad version back: blue answers everything again, and green is gone', async () => {
    await expectRolledBack(world);
  });

  it('holds when somebody else changes the shares, and puts them back when it is told to', async () => {
    const door = await world.openEndpoint();
    const clients = world.clients(door);
    clients.start(2, 30);
    const submitting = world.submit(await world.writeSpec(door, LONG_RAMP));
    await world.untilStatus(
      door,
      ({ phase, traffic }) => phase === 'ramping' && traffic?.live['green'] === 50,
    );

    const api = world.bed.kubeConfig().makeApiClient(CustomObjectsApi);
    const id = {
      group: 'gateway.networking.k8s.io',
      version: 'v1',
      plural: 'httproutes',
      namespace: world.namespace,
      name: door.endpoint,
    };
    const is = (await api.getNamespacedCustomObject(id)) as {
      spec: { rules: { backendRefs: { weight: number }[] }[] };
    };
    const rules = structuredClone(is.spec.rules);
    rules[0]?.backendRefs.forEach((backend, i) => (backend.weight = i === 0 ? 90 : 10));
    await api.patchNamespacedCustomObject(
      { ...id, body: { spec: { rules } }, fieldManager: 'kubectl-edit' },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    );

    await world.untilStatus(door, ({ phase }) => phase === 'held');
    expect((await shown(world, door)).traffic.live).toEqual({ blue: 90, green: 10 });
    const restored = await world.command([
      ...['drift', door.endpoint, '--target', `kubernetes/${world.namespace}`],
      ...['--restore', '--reason', 'test', '--by', 'ada'],
    ]);
    expect(restored.result.exitCode, restored.said.join('\n')).toBe(0);
    await world.untilStatus(
      door,
      ({ phase, traffic }) => phase === 'ramping' && traffic?.live['green'] === 50,
    );
    expect((await shown(world, door)).traffic.live).toEqual({ blue: 50, green: 50 });
    await world.command([
      'abort',
      door.endpoint,
      '--target',
      `kubernetes/${world.namespace}`,
      '--reason',
      'test',
      '--by',
      'ada',
    ]);
    await submitting;
    await clients.stop();
    expect(await shown(world, door)).toEqual({
      traffic: { live: { blue: 100 }, mirror: {} },
      deployments: ['blue'],
    });
  });

  it('gives up a version that never gets ready, and leaves nothing of it', async () => {
    const door = await world.openEndpoint();
    const steps = [{ create: { 'ready-within': '15s' } }, { ramp: ['50%'], ...DWELL }, 'cutover'];
    const { result, said } = await world.submit(await world.writeSpec(door, steps, { NEVER_READY: 'yes' }));

    expect(result.exitCode, said.join('\n')).toBe(ROLLED_BACK);
    expect(said.join('\n')).toMatch(/ready/i);
    expect(await shown(world, door)).toEqual({
      traffic: { live: { blue: 100 }, mirror: {} },
      deployments: ['blue'],
    });
    expect(await servedBy(world.bed.kubeConfig(), world.namespace, `${door.endpoint}-green`)).toBe(0);
  });
});

describe('a rollout on a Kubernetes namespace, under load', () => {
  it('loses no request when shares begin and end, one cutover after the other', async () => {
    const door = await world.openEndpoint();
    const [blue, green] = [`${door.endpoint}-blue`, `${door.endpoint}-green`];
    const config = world.bed.kubeConfig();
    const labels = { 'greenlight/endpoint': door.endpoint, 'greenlight/deployment': 'green' };
    await apply(config, model(world.namespace, green, { labels }));
    await untilReady(config, world.namespace, green);
    await putRoute(config, route(world.bed, world.namespace, door.endpoint, { [blue]: 100, [green]: 0 }));
    const { endpoints } = await world.ports();
    const clients = world.clients(door);
    clients.start(8, 5);
    for (let cutover = 0; cutover < 4; cutover += 1) {
      const live = cutover % 2 === 0 ? { green: 100 } : { blue: 100 };
      await endpoints.writeTraffic(door.endpoint, { live, mirror: {} });
      expect((await shown(world, door)).traffic.live).toEqual(live);
    }
    await clients.stop();

    expect(clients.got.length).toBeGreaterThan(300);
    expect(failed(clients)).toEqual([]);
  });

  // What is taken out keeps a place: see adapters/kubernetes/rules.ts.
  it('loses no request when the baseline is taken out in front of who serves', async () => {
    const config = world.bed.kubeConfig();
    const { endpoints } = await world.ports();
    const doors = await Promise.all([1, 2, 3].map(() => world.openEndpoint()));
    for (const door of doors) {
      const [blue, green] = [`${door.endpoint}-blue`, `${door.endpoint}-green`];
      const labels = { 'greenlight/endpoint': door.endpoint, 'greenlight/deployment': 'green' };
      await apply(config, model(world.namespace, green, { labels }));
      await untilReady(config, world.namespace, green);
      await putRoute(config, route(world.bed, world.namespace, door.endpoint, { [blue]: 0, [green]: 100 }));
    }
    for (const door of doors) {
      const clients = world.clients(door);
      await vi.waitFor(async () => expect((await clients.ask()).status).toBe(200), 20_000);
      clients.start(8, 1);
      await endpoints.deleteDeployment(door.endpoint, 'blue');
      await vi.waitFor(async () => expect((await shown(world, door)).deployments).toEqual(['green']), {
        timeout: 20_000,
        interval: 200,
      });
      await clients.stop();

      expect(clients.got.length).toBeGreaterThan(300);
      expect(failed(clients)).toEqual([]);
    }
  });

  it('goes on when the worker, the API server and Envoy Gateway are killed in the middle of it', async () => {
    const door = await world.openEndpoint();
    const clients = world.clients(door);
    clients.start(4, 30);
    const submitting = world.submit(await world.writeSpec(door, GOOD));
    await world.untilStatus(door, ({ traffic }) => (traffic?.mirror['green'] ?? 0) > 0);
    await world.killWorker();
    await world.startWorker();
    await world.untilStatus(door, ({ traffic }) => traffic?.live['green'] === 25);
    await world.bed.kill('envoy-gateway');
    await world.bed.mend('envoy-gateway');
    await world.untilStatus(door, ({ traffic }) => traffic?.live['green'] === 50);
    await world.bed.kill('kube-apiserver');
    await world.bed.mend('kube-apiserver');
    const { result, said } = await submitting;
    await clients.stop();

    expect(result.exitCode, said.join('\n')).toBe(PROMOTED);
    expect(failed(clients)).toEqual([]);
    expect((await shown(world, door)).traffic).toEqual({ live: { green: 100 }, mirror: {} });
  });
});

describe('a namespace that does not allow what a rollout needs', () => {
  it('names the quota that leaves no room for green', async () => {
    const door = await world.openEndpoint();
    const api = world.bed.kubeConfig().makeApiClient(CoreV1Api);
    const { items } = await api.listNamespacedPod({ namespace: world.namespace });
    await apply(world.bed.kubeConfig(), [
      {
        apiVersion: 'v1',
        kind: 'ResourceQuota',
        metadata: { name: 'full', namespace: world.namespace },
        spec: { hard: { pods: String(items.length) } },
      },
    ]);
    try {
      const steps = [{ create: { 'ready-within': '20s' } }, { ramp: ['50%'], ...DWELL }, 'cutover'];
      const { result, said } = await world.submit(await world.writeSpec(door, steps));
      expect(result.exitCode).not.toBe(PROMOTED);
      expect(said.join('\n')).toMatch(/quota/i);
      expect(await shown(world, door)).toEqual({
        traffic: { live: { blue: 100 }, mirror: {} },
        deployments: ['blue'],
      });
    } finally {
      await api.deleteNamespacedResourceQuota({ name: 'full', namespace: world.namespace });
    }
  });

  it('names the right that the worker lacks, and changes nothing', async () => {
    const door = await world.openEndpoint();
    const { endpoints } = await world.ports();
    const before = await endpoints.read(door.endpoint);
    const rights = world.bed.kubeConfig().makeApiClient(CustomObjectsApi);
    const bindings = {
      group: 'rbac.authorization.k8s.io',
      version: 'v1',
      plural: 'rolebindings',
      namespace: world.namespace,
    };
    const { items } = (await rights.listNamespacedCustomObject(bindings)) as {
      items: { metadata: { name: string } }[];
    };
    const saved = items.map((item) => ({
      ...item,
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: item.metadata.name, namespace: world.namespace },
    }));
    for (const { metadata } of items)
      await rights.deleteNamespacedCustomObject({ ...bindings, name: metadata.name });
    try {
      const { result, said } = await world.submit(await world.writeSpec(door, RAMP_ONLY));
      expect(result.exitCode).not.toBe(PROMOTED);
      expect(said.join('\n') + JSON.stringify(result.value)).toMatch(/forbidden|may not|denied/i);
    } finally {
      await apply(world.bed.kubeConfig(), saved);
    }
    // The API server learns of rights a moment after they are written.
    const after = await vi.waitFor(() => endpoints.read(door.endpoint), { timeout: 15_000, interval: 200 });
    expect(after.traffic).toEqual(before.traffic);
    expect(findDeployment(after, 'green')).toBeUndefined();
  });
});
