import { CoreV1Api } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Bed } from '../../embedded/kubernetes/bed.js';
import { get } from '../../embedded/kubernetes/http.js';
import { apply } from '../../embedded/kubernetes/objects.js';
import { until } from '../../embedded/processes.js';
import { deleteNamespace, makeNamespace, model, theBed, untilReady } from './cluster.js';

describe('the stand-in for a node', () => {
  let bed: Bed;
  let api: CoreV1Api;
  let namespace: string;

  beforeAll(async () => {
    bed = await theBed();
    api = bed.kubeConfig().makeApiClient(CoreV1Api);
    namespace = await makeNamespace(bed.kubeConfig());
  });
  afterAll(async () => deleteNamespace(bed.kubeConfig(), namespace));

  const podsOf = async (app: string) =>
    (await api.listNamespacedPod({ namespace, labelSelector: `app=${app}` })).items;
  const containerOf = async (app: string) => (await podsOf(app))[0]?.status?.containerStatuses?.[0];

  it('runs every replica at an address of its own, says when it is ready, and gives its log', async () => {
    await apply(bed.kubeConfig(), model(namespace, 'two', { replicas: 2 }));
    await untilReady(bed.kubeConfig(), namespace, 'two', 2);

    const pods = await podsOf('two');
    expect(new Set(pods.map(({ status }) => status?.podIP)).size).toBe(2);
    for (const { status, metadata } of pods) {
      expect(await get(`http://${status?.podIP}:5001/`)).toBe('{"name":"two"}');
      const log = await api.readNamespacedPodLog({ namespace, name: metadata?.name ?? '', tailLines: 1 });
      expect(log).toBe('two listens on 5001\n');
    }
  });

  it('starts again what ends, counts that, and says why it waits', async () => {
    await apply(bed.kubeConfig(), model(namespace, 'crashes', { env: { PORT: 'no number' } }));
    const crashed = await until(async () => {
      const container = await containerOf('crashes');
      return (container?.restartCount ?? 0) >= 2 && container?.state?.waiting ? container : undefined;
    }, 20_000);
    expect(crashed?.state?.waiting?.reason).toBe('CrashLoopBackOff');
    expect(crashed?.lastState?.terminated?.exitCode).toBe(1);
    expect(crashed?.ready).toBe(false);
  });

  it('has no image but its own, and no room without end', async () => {
    const [missing, service] = model(namespace, 'missing', { image: 'registry.example/model:1' });
    const [large] = model(namespace, 'large');
    const container = (
      large as unknown as { spec: { template: { spec: { containers: Record<string, unknown>[] } } } }
    ).spec.template.spec.containers[0];
    if (container) container['resources'] = { limits: { 'nvidia.com/gpu': '1' } };
    await apply(
      bed.kubeConfig(),
      [missing, service, large].filter((one) => one !== undefined),
    );

    const pulling = await until(async () => (await containerOf('missing'))?.state?.waiting, 10_000);
    expect(pulling).toMatchObject({ reason: 'ImagePullBackOff' });
    const waiting = await until(
      async () =>
        (await podsOf('large'))[0]?.status?.conditions?.find(({ reason }) => reason === 'Unschedulable'),
      10_000,
    );
    expect(waiting?.message).toBe('0/1 nodes are available: 1 Insufficient nvidia.com/gpu.');
  });

  it('ends a pod within its grace period, and takes it out of the cluster', async () => {
    const [pod] = await podsOf('two');
    const name = pod?.metadata?.name ?? '';
    const address = pod?.status?.podIP;
    await api.deleteNamespacedPod({ namespace, name });

    // It serves on while routes still lead to it.
    expect(await get(`http://${address}:5001/`)).toBe('{"name":"two"}');
    const gone = await until(
      async () => ((await podsOf('two')).some(({ metadata }) => metadata?.name === name) ? undefined : true),
      10_000,
    );
    expect(gone).toBe(true);
    expect(await get(`http://${address}:5001/`)).toBeUndefined();
    await untilReady(bed.kubeConfig(), namespace, 'two', 2);
  });
});
