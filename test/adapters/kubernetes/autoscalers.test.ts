import { beforeEach, describe, expect, it } from 'vitest';

import { status } from './fake-api-server.js';
import { onFakeServer } from './on-fake-server.js';

let { api, endpoints, autoscaling } = onFakeServer();
beforeEach(() => void ({ api, endpoints, autoscaling } = onFakeServer()));

describe('instances that an autoscaler counts', () => {
  const DEPLOYMENT = '/apis/apps/v1/namespaces/models/deployments/diabetes-blue';
  const SCALER = '/apis/autoscaling/v2/namespaces/models/horizontalpodautoscalers/blue';
  beforeEach(() => {
    api.put(SCALER, {
      metadata: { name: 'blue' },
      spec: { scaleTargetRef: { kind: 'Deployment', name: 'diabetes-blue' }, maxReplicas: 4 },
    });
  });

  it('are its own to say', async () => {
    await expect(endpoints.scale('diabetes', 'blue', 4)).rejects.toMatchObject({ code: 'Autoscaled' });
    expect(api.writes()).toEqual([]);
  });

  it('are given back where somebody has scaled to none, from where it counts on', async () => {
    (api.objects.get(DEPLOYMENT)?.spec as { replicas: number }).replicas = 0;

    await endpoints.scale('diabetes', 'blue', 4);

    expect(api.asked.at(-1)).toMatchObject({
      method: 'PATCH',
      path: `${DEPLOYMENT}/scale`,
      body: { spec: { replicas: 4 } },
    });
  });

  describe('by an autoscaler that KEDA made', () => {
    const SCALED_OBJECT = '/apis/keda.sh/v1alpha1/namespaces/models/scaledobjects/blue';
    const owner = (kind: string) => [{ kind, name: 'blue', controller: true }];
    const put = (spec: object, metadata: object = {}) =>
      api.put(SCALED_OBJECT, { metadata: { name: 'blue', ...metadata }, spec });
    beforeEach(() => {
      Object.assign(api.objects.get(SCALER)?.metadata ?? {}, { ownerReferences: owner('ScaledObject') });
      Object.assign(api.objects.get(DEPLOYMENT)?.spec ?? {}, { replicas: 3 });
    });

    it('are held where KEDA reads their fewest, and let go as they were', async () => {
      const { resourceVersion } = put({}).metadata;
      expect(await autoscaling.read('diabetes', 'blue')).toEqual({ minimum: 0, maximum: 4, instances: 3 });

      await autoscaling.setMinimum('diabetes', 'blue', { from: 0, to: 3 });
      expect(api.asked.at(-1)).toMatchObject({
        path: SCALED_OBJECT,
        body: { metadata: { resourceVersion }, spec: { minReplicaCount: 3 } },
      });
      await autoscaling.setMinimum('diabetes', 'blue', { from: 3, to: 0 });
      expect(api.objects.get(SCALED_OBJECT)?.spec).toEqual({ minReplicaCount: 0 });
      expect(api.writes()).toEqual(['PATCH scaledobjects/blue', 'PATCH scaledobjects/blue']);
    });

    it('are left at what somebody else has made of it', async () => {
      put({ minReplicaCount: 2 });

      await autoscaling.setMinimum('diabetes', 'blue', { from: 3, to: 1 });
      expect(api.writes()).toEqual([]);
    });

    it('are held in the InferenceService that KServe made that of', async () => {
      put({ minReplicaCount: 0 }, { ownerReferences: owner('InferenceService') });
      const ISVC = '/apis/serving.kserve.io/v1beta1/namespaces/models/inferenceservices/blue';
      api.put(ISVC, { metadata: { name: 'blue' }, spec: { predictor: { minReplicas: 0, maxReplicas: 4 } } });

      await autoscaling.setMinimum('diabetes', 'blue', { from: 0, to: 3 });
      expect(api.writes()).toEqual(['PATCH inferenceservices/blue']);
      expect(api.objects.get(ISVC)?.spec).toMatchObject({ predictor: { minReplicas: 3 } });
    });

    it('cannot be told where the ScaledObject may not be read: nobody is to believe them held', async () => {
      api.fault = ({ path }) =>
        path === SCALED_OBJECT ? status(403, 'Forbidden', 'cannot get resource "scaledobjects"') : undefined;

      await expect(autoscaling.read('diabetes', 'blue')).rejects.toMatchObject({
        code: 'Forbidden',
        message: expect.stringContaining('get scaledobjects in namespace models') as string,
      });
    });
  });
});
