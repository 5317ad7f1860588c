import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { packageRoot } from '../../embedded/package-root.js';
import { loadSpec, renderPlan } from '../../spec/index.js';
import { Folder } from './folder.js';

let folder: Folder;
beforeAll(async () => {
  folder = await Folder.make();
});
afterAll(() => folder.remove());

const SPEC = 'endpoint: diabetes\ndeployment: green.yml\ntarget: { kubernetes: { namespace: models } }\n';
const GREEN = `name: green
type: kubernetes
environment: { image: registry.example.com/diabetes:2 }
`;
const MANIFEST = `apiVersion: apps/v1
kind: Deployment
metadata: { name: green, labels: { team: risk } }
spec:
  replicas: 3
  selector: { matchLabels: { app: green } }
  strategy: { type: Recreate }
  template:
    metadata: { labels: { app: green } }
    spec:
      containers:
        - { name: model, image: "registry.example.com/diabetes:2", ports: [{ containerPort: 8080 }] }
`;
const INFERENCE_SERVICE = `apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: { name: green }
spec:
  predictor:
    minReplicas: 2
    model: { modelFormat: { name: sklearn }, storageUri: "pvc://models/2" }
`;

const heads = async (spec: string, green: string): Promise<readonly string[]> =>
  (await folder.problems(spec, { 'green.yml': green })).map(
    ({ file, at, message }) => `${file.split('/').at(-1)}:${at?.line}:${at?.column} ${message}`,
  );

describe('a Kubernetes namespace as target', () => {
  it('takes an Azure ML deployment that names an image, and mirrors by default', async () => {
    const plan = await folder.plan(SPEC, {
      'green.yml': `${GREEN}properties: { greenlight.command: '["serve", "{port}"]', greenlight.port: "8080" }\n`,
    });

    expect(plan.target).toEqual({ kind: 'kubernetes', namespace: 'models' });
    expect(plan.steps.map(({ kind }) => kind).slice(0, 2)).toEqual(['create', 'mirror']);
    expect(plan.deployment.environment).toEqual({ kind: 'inline', image: 'registry.example.com/diabetes:2' });
  });

  it('takes a Kubernetes Deployment whole', async () => {
    const { deployment } = await folder.plan(SPEC, { 'green.yml': MANIFEST });

    expect(deployment).toMatchObject({
      name: 'green',
      kind: 'kubernetes',
      instanceCount: 3,
      manifest: { labels: { team: 'risk' }, port: 8080, spec: { strategy: { type: 'Recreate' } } },
    });
    expect(deployment.manifest?.spec).not.toHaveProperty('replicas');
  });

  it('takes an InferenceService of KServe whole, and the port that its Service leads to', async () => {
    const { deployment } = await folder.plan(SPEC, { 'green.yml': INFERENCE_SERVICE });

    expect(deployment).toMatchObject({
      name: 'green',
      instanceCount: 2,
      manifest: {
        kind: 'InferenceService',
        port: 8080,
        spec: { predictor: { minReplicas: 2, model: { modelFormat: { name: 'sklearn' } } } },
      },
    });
    const own = INFERENCE_SERVICE.replace(
      'model:',
      'containers: [{ ports: [{ containerPort: 9000 }] }]\n    model:',
    );
    expect((await folder.plan(SPEC, { 'green.yml': own })).deployment.manifest?.port).toBe(9000);
  });

  it.each([
    ['Deployment', MANIFEST, '3'],
    ['InferenceService', INFERENCE_SERVICE, 'at least 2'],
  ])(
    'knows of a manifest what stands in it: a %s has no timeout, so no limit is beyond it',
    async (kind, green, instances) => {
      const gates =
        'gates:\n  errors: { metric: error-rate, worse-by: 1pp }\n' +
        '  slow: { metric: latency, quantile: p95, at-most: 8s }\n  stuck: { metric: slow-share, above: 6s, at-most: 1%, role: guard }\n';

      expect(await heads(SPEC + gates, green)).toEqual([]);
      const text = renderPlan(await folder.plan(SPEC + gates, { 'green.yml': green }));
      expect(text.split('\n\n').find((part) => part.startsWith('Deployment green'))).toBe(
        [
          'Deployment green',
          '  kind       kubernetes',
          `  manifest   ${kind}, as it stands in the file; requests go to port 8080`,
          `  instances  ${instances}`,
        ].join('\n'),
      );
    },
  );

  it.each([
    [
      'Knative mode, where there are revisions and no two deployments',
      INFERENCE_SERVICE.replace(
        'name: green',
        'name: green, annotations: { serving.kserve.io/deploymentMode: Serverless }',
      ),
      [
        'green.yml:3:75 an InferenceService in "Serverless" mode keeps old and new version as revisions of one object: they cannot be mirrored to, pinned or deleted apart; expected Standard or RawDeployment',
      ],
    ],
    [
      "shares of KServe's own, and what requests would go past",
      `${INFERENCE_SERVICE}    canaryTrafficPercent: 10\n  transformer: {}\n`,
      [
        'green.yml:8:27 KServe shifts traffic by it in Knative mode only, and here the steps of the rollout say who gets how much',
        'green.yml:9:16 requests go from the route to the pods of the predictor, past a transformer',
      ],
    ],
    [
      'no instance at all',
      INFERENCE_SERVICE.replace('minReplicas: 2', 'minReplicas: 0'),
      ['green.yml:6:18 must be at least 1, got 0'],
    ],
  ])('refuses of an InferenceService %s', async (_, green, problems) => {
    expect(await heads(SPEC, green)).toEqual(problems);
  });

  it.each(['istio.yml', 'kserve.yml'])('takes the example %s as it stands', async (file) => {
    const loaded = await loadSpec(join(packageRoot(), 'rollout-specs', 'kubernetes', file));

    expect(loaded).toMatchObject({
      ok: true,
      plan: { target: { kind: 'kubernetes', namespace: 'models' } },
      warnings: [],
    });
  });

  it('mirrors everything where a target says that it can; Azure ML and the host take half', async () => {
    const steps = 'steps: [create, { mirror: 100% }, ramp, cutover]\n';

    expect(await heads(SPEC + steps, GREEN)).toEqual([]);
    expect(await heads(`endpoint: diabetes\ndeployment: green.yml\n${steps}`, 'name: green\n')).toEqual([
      'spec.yml:3:27 at most 50 % of the live requests can be copied here, not 100 %',
    ]);
  });

  it.each([
    [
      'no kubernetes deployment',
      'name: green\nenvironment: { image: a }\n',
      ['green.yml:1:1 a Kubernetes namespace runs deployments of type kubernetes, got managed'],
    ],
    [
      'no image, and parts that Azure ML would mount',
      'name: green\ntype: kubernetes\nenvironment: azureml:sklearn:1\nmodel: azureml:model:1\n',
      [
        'green.yml:3:14 a Kubernetes namespace runs container images; expected an environment with one',
        'green.yml:4:8 nothing is mounted into pods here; expected a model inside the image',
      ],
    ],
    [
      'a queue, a machine and insights',
      `${GREEN}request_settings: { max_queue_wait_ms: 10 }\ninstance_type: big\napp_insights_enabled: true\n`,
      [
        'green.yml:4:40 no queue stands in front of pods, so no wait in it can be limited',
        'green.yml:5:16 a Kubernetes namespace knows no sizes of machines',
        'green.yml:6:23 requests are not recorded in Application Insights here',
      ],
    ],
    [
      'an autoscaler without cpu, looking at its own pace',
      `${GREEN}scale_settings: { type: target_utilization, polling_interval: 5 }\n`,
      [
        'green.yml:4:25 the autoscaler of Kubernetes counts by the cpu that an instance asked for, and this one asks for none',
        'green.yml:4:63 how often autoscalers look is set for the whole cluster',
      ],
    ],
    [
      'properties that mean nothing or are wrong',
      `${GREEN}properties:\n  owner: risk\n  greenlight.command: serve\n  greenlight.port: 0\n  greenlight.probePath: ready\n`,
      [
        'green.yml:5:10 "owner" means nothing to a Kubernetes namespace; expected greenlight.command, greenlight.port or greenlight.probePath',
        'green.yml:6:23 must be a JSON list of words, got "serve"',
        'green.yml:7:20 must be a port from 1 to 65535, got "0"',
        'green.yml:8:25 must be a path, got "ready"',
      ],
    ],
    [
      'a name in capitals',
      GREEN.replace('green', 'Green'),
      ['green.yml:1:7 must be small letters, digits and dashes in a Kubernetes namespace, got "Green"'],
    ],
    [
      'a manifest for another namespace',
      MANIFEST.replace('name: green,', 'name: green, namespace: other,'),
      ['green.yml:3:37 the manifest is for namespace "other"; expected "models"'],
    ],
    [
      'a manifest without a port',
      MANIFEST.replace(', ports: [{ containerPort: 8080 }]', ''),
      ['green.yml:11:7 the containers have 0 ports; expected one that takes requests'],
    ],
    [
      'a manifest of another kind, with a field that is none',
      MANIFEST.replace('kind: Deployment', 'kind: StatefulSet').replace(
        'metadata: {',
        'metadata: { tags: [], ',
      ),
      [expect.stringMatching(/^green\.yml:2:7 /), expect.stringMatching(/^green\.yml:3:13 .*tags/)],
    ],
    [
      'fields that Azure ML has no place for, without its reasons',
      `${GREEN}startup_probe: {}\n`,
      ['green.yml:4:1 "startup_probe" is not carried to Kubernetes by a file of this form'],
    ],
    [
      'an autoscaler of a managed one, without the ways of Azure Monitor',
      GREEN.replace('type: kubernetes', 'scale_settings: { type: target_utilization }'),
      [
        'green.yml:1:1 a Kubernetes namespace runs deployments of type kubernetes, got managed',
        expect.stringMatching(/^green\.yml:2:25 the autoscaler of Kubernetes /),
      ],
    ],
    [
      'a manifest without its first line, as a manifest',
      MANIFEST.replace('apiVersion: apps/v1\n', ''),
      ['green.yml:1:1 "apiVersion" is missing'],
    ],
  ])('refuses %s', async (_, green, problems) => {
    expect(await heads(SPEC, green)).toEqual(problems);
  });

  it('is the only one that takes a manifest', async () => {
    expect(await heads('endpoint: diabetes\ndeployment: green.yml\n', MANIFEST)).toEqual([
      'green.yml:2:7 a Kubernetes Deployment runs in a Kubernetes namespace only; expected an Azure ML deployment file',
    ]);
  });

  it.each([
    ['{ namespace: Models }', /a name of 1 to 63 small letters/],
    ['{ namespace: models, context: "a b" }', /a context of the kubeconfig/],
  ])('refuses the target %s', async (target, message) => {
    const problems = await heads(SPEC.replace('{ namespace: models }', target), GREEN);

    expect(problems.join()).toMatch(message);
  });
});
