import { beforeEach, describe, expect, it } from 'vitest';

import { onFakeServer } from './on-fake-server.js';
import { deploymentSpec } from './specs.js';

const NS = '/namespaces/models';
const ISVC = `/apis/serving.kserve.io/v1beta1${NS}/inferenceservices/diabetes-green`;
const DEPLOYMENT = `/apis/apps/v1${NS}/deployments/diabetes-green-predictor`;
const OWNED = [{ kind: 'InferenceService', name: 'diabetes-green', controller: true }];

let { api, endpoints, autoscaling } = onFakeServer();
beforeEach(() => void ({ api, endpoints, autoscaling } = onFakeServer()));

const green = deploymentSpec('green', {
  instanceCount: 2,
  manifest: {
    kind: 'InferenceService',
    labels: { team: 'risk' },
    annotations: {},
    spec: { predictor: { minReplicas: 2, model: { modelFormat: { name: 'sklearn' } } } },
    port: 8080,
  },
});

/** What KServe makes of an InferenceService in Standard mode: all of it bears its labels, and it as owner. */
function actAsKserve(ready: boolean): void {
  api.addDeployment('green', ready ? 1 : 0);
  const isvc = api.objects.get(ISVC);
  const { labels = {}, annotations = {} } = isvc?.metadata ?? {};
  const [oldPath, made] =
    [...api.objects].find(([path]) => path.endsWith('/deployments/diabetes-green')) ?? [];
  if (oldPath === undefined || made === undefined) throw new Error('there is no Deployment');
  api.objects.delete(oldPath);
  const metadata = { name: 'diabetes-green-predictor', labels, annotations, ownerReferences: OWNED };
  api.put(DEPLOYMENT, { ...made, metadata });
  api.put(`/api/v1${NS}/services/diabetes-green-predictor`, {
    metadata,
    spec: { clusterIP: 'None', ports: [{ port: 80 }] },
  });
  const object = isvc as { status?: object };
  object.status = {
    deploymentMode: 'Standard',
    conditions: [{ type: 'PredictorReady', status: ready ? 'True' : 'False', reason: 'Waiting' }],
  };
}

describe('a deployment that is an InferenceService', () => {
  beforeEach(() => endpoints.createDeployment('diabetes', green, { 'greenlight.rollout': 'r1' }));

  it('is made in Standard mode, last, behind a Service for the route', () => {
    expect(api.writes()).toEqual([
      'PATCH services/diabetes-green',
      'PATCH httproutes/diabetes',
      'PATCH inferenceservices/diabetes-green',
    ]);
    expect(api.objects.get(ISVC)).toMatchObject({
      apiVersion: 'serving.kserve.io/v1beta1',
      metadata: {
        labels: { team: 'risk', 'greenlight/endpoint': 'diabetes', 'greenlight/deployment': 'green' },
        annotations: { 'serving.kserve.io/deploymentMode': 'RawDeployment' },
      },
      spec: { predictor: { minReplicas: 2, model: { modelFormat: { name: 'sklearn' } } } },
    });
    expect(api.objects.get(`/api/v1${NS}/services/diabetes-green`)?.spec).toMatchObject({
      ports: [{ port: 80, targetPort: 8080 }],
    });
  });

  it('is there, and being created, before KServe has made anything of it', async () => {
    expect(await endpoints.readDeployment('diabetes', 'green')).toMatchObject({
      state: 'creating',
      instances: { wanted: 2, ready: 0 },
      tags: { 'greenlight.rollout': 'r1' },
      error: expect.stringContaining('check that its controller runs') as string,
    });
  });

  it('fails where KServe says that its spec is nothing', async () => {
    (api.objects.get(ISVC) as { status?: object }).status = {
      modelStatus: {
        transitionStatus: 'InvalidSpec',
        lastFailureInfo: { reason: 'NoSupportingRuntime', message: 'no runtime for format sklearn' },
      },
    };

    expect(await endpoints.readDeployment('diabetes', 'green')).toMatchObject({
      state: 'failed',
      error:
        'KServe says InvalidSpec of InferenceService diabetes-green: NoSupportingRuntime: no runtime for format sklearn',
    });
  });

  it('is ready when its pods are and KServe says so; its own Service gives way to the one of the route', async () => {
    actAsKserve(false);
    expect(await endpoints.readDeployment('diabetes', 'green')).toMatchObject({ state: 'creating' });
    actAsKserve(true);
    expect(await endpoints.readDeployment('diabetes', 'green')).toMatchObject({
      state: 'ready',
      tags: { 'greenlight.rollout': 'r1' },
    });
    await endpoints.writeTraffic('diabetes', { live: { blue: 90, green: 10 }, mirror: {} });
    expect((await endpoints.read('diabetes')).traffic.live).toEqual({ blue: 90, green: 10 });
  });

  it('is the same one also when KServe has made something of it', async () => {
    Object.assign(api.objects.get(ISVC)?.metadata ?? {}, { uid: 'whole' });
    const awaited = await endpoints.readDeployment('diabetes', 'green');
    actAsKserve(true);
    Object.assign(api.objects.get(DEPLOYMENT)?.metadata ?? {}, { uid: 'part' });
    const made = await endpoints.readDeployment('diabetes', 'green');

    expect([awaited, made]).toMatchObject([
      { state: 'creating', id: 'whole' },
      { state: 'ready', id: 'whole' },
    ]);
  });

  it('is scaled where KServe counts: its own number, or the autoscaler that it makes', async () => {
    actAsKserve(true);
    await endpoints.scale('diabetes', 'green', 4);
    expect(api.asked.at(-1)).toMatchObject({
      path: ISVC,
      body: { spec: { predictor: { minReplicas: 4 } } },
    });

    api.put(`/apis/autoscaling/v2${NS}/horizontalpodautoscalers/diabetes-green-predictor`, {
      metadata: { name: 'diabetes-green-predictor', ownerReferences: OWNED },
      spec: {
        scaleTargetRef: { kind: 'Deployment', name: 'diabetes-green-predictor' },
        minReplicas: 2,
        maxReplicas: 5,
      },
    });
    (api.objects.get(ISVC)?.spec as { predictor: object }).predictor = { minReplicas: 2, maxReplicas: 5 };
    await autoscaling.setMinimum('diabetes', 'green', { from: 2, to: 3 });
    expect(api.asked.at(-1)).toMatchObject({
      path: ISVC,
      body: { spec: { predictor: { minReplicas: 3 } } },
    });
    await expect(endpoints.scale('diabetes', 'green', 4)).rejects.toMatchObject({ code: 'Autoscaled' });
  });

  it('gets instances back that its autoscaler counts no more, since it has none: at 0 that is off', async () => {
    actAsKserve(true);
    api.put(`/apis/autoscaling/v2${NS}/horizontalpodautoscalers/diabetes-green-predictor`, {
      metadata: { name: 'diabetes-green-predictor', ownerReferences: OWNED },
      spec: { scaleTargetRef: { kind: 'Deployment', name: 'diabetes-green-predictor' }, maxReplicas: 5 },
    });
    (api.objects.get(DEPLOYMENT)?.spec as { replicas: number }).replicas = 0;

    await endpoints.scale('diabetes', 'green', 4);

    expect(api.asked.at(-1)).toMatchObject({
      method: 'PATCH',
      path: `${DEPLOYMENT}/scale`,
      body: { spec: { replicas: 4 } },
    });
  });

  it('goes as a whole: of a Deployment that is deleted alone, KServe would make another', async () => {
    actAsKserve(true);
    await endpoints.deleteDeployment('diabetes', 'green');

    expect(api.writes().slice(-3)).toEqual([
      'PATCH httproutes/diabetes',
      'DELETE services/diabetes-green',
      'DELETE inferenceservices/diabetes-green',
    ]);
  });

  it('goes also when KServe never took note of it', async () => {
    await endpoints.deleteDeployment('diabetes', 'green');

    expect(api.writes().slice(-1)).toEqual(['DELETE inferenceservices/diabetes-green']);
    expect(await endpoints.readDeployment('diabetes', 'green')).toBeUndefined();
  });
});

describe('what stands in the way is said, and nothing is written', () => {
  it('a cluster without KServe', async () => {
    api.fault = ({ path }) =>
      path.includes('serving.kserve.io')
        ? { status: 404, headers: {}, text: '404 page not found\n' }
        : undefined;

    await expect(endpoints.createDeployment('diabetes', green, {})).rejects.toThrow(
      /does not know what InferenceService of serving\.kserve\.io\/v1beta1 is.*; install the resource definitions of serving\.kserve\.io/,
    );
    expect(api.writes()).toEqual([]);
    expect(await endpoints.readDeployment('diabetes', 'green')).toBeUndefined();
  });

  it('a revision of Knative that bears the labels of a deployment', async () => {
    const blue = api.objects.get(`/apis/apps/v1${NS}/deployments/diabetes-blue`);
    if (blue !== undefined)
      blue.metadata.ownerReferences = [{ kind: 'Revision', name: 'diabetes-00001', controller: true }];

    expect(await endpoints.readDeployment('diabetes', 'blue')).toMatchObject({
      state: 'failed',
      error: expect.stringContaining('belongs to the Knative revision diabetes-00001') as string,
    });
  });

  it("an InferenceService of that name that is somebody else's", async () => {
    api.put(ISVC, { metadata: { name: 'diabetes-green' }, spec: { predictor: {} } });

    await expect(endpoints.createDeployment('diabetes', green, {})).rejects.toMatchObject({
      code: 'NameTaken',
      message: expect.stringContaining('has diabetes-green as InferenceService already') as string,
    });
    expect(api.writes()).toEqual([]);
  });
});
