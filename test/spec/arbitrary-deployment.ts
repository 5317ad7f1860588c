import fc from 'fast-check';

type Value = Record<string, unknown>;

const few = fc.integer({ min: 1, max: 20 });
const words = fc.dictionary(
  fc.stringMatching(/^[a-z]{1,8}$/),
  fc.oneof(fc.stringMatching(/^[a-z]{1,8}$/), fc.constantFrom(10, 1.1, true, 'null', 'a: b')),
  { maxKeys: 3 },
);
const variables = fc
  .tuple(words, fc.constantFrom({}, { DB_PASSWORD: '${secret:db-password}' }))
  .map(([plain, secret]) => ({ ...plain, ...secret }));
const probe = fc.record(
  { initial_delay: few, period: few, timeout: few, failure_threshold: few },
  { requiredKeys: [] },
);
const target_utilization = fc
  .tuple(few, few, fc.integer({ min: 1, max: 100 }))
  .map(([least, more, percentage]) => ({
    type: 'target_utilization',
    min_instances: least,
    max_instances: least + more,
    target_utilization_percentage: percentage,
  }));

/** What every kind of deployment may say. */
const common = {
  name: fc.constant('green'),
  description: fc.string({ maxLength: 20 }),
  tags: words,
  environment_variables: variables,
  instance_count: few,
  request_settings: fc.record(
    {
      max_concurrent_requests_per_instance: few,
      request_timeout_ms: fc.integer({ min: 5000, max: 180_000 }),
    },
    { requiredKeys: [] },
  ),
  liveness_probe: probe,
  readiness_probe: probe,
};

/** Azure ML deployments that a machine's endpoint host takes. */
export const azureDeployment: fc.Arbitrary<Value> = fc.record(
  {
    ...common,
    type: fc.constant('managed'),
    properties: words,
    instance_type: fc.constant('Standard_DS3_v2'),
    app_insights_enabled: fc.boolean(),
    egress_public_network_access: fc.constantFrom('enabled', 'disabled'),
    scale_settings: fc.constant({ type: 'default' }),
  },
  { requiredKeys: ['name'] },
);

/** The same for Azure ML itself. */
export const managedDeployment: fc.Arbitrary<Value> = azureDeployment.map((value) => ({
  ...value,
  model: 'azureml:diabetes:2',
  environment: 'azureml:sklearn:1',
  instance_type: 'Standard_DS3_v2',
}));

const amounts = fc.constantFrom({ cpu: '500m', memory: '512Mi' }, { cpu: 1, 'nvidia.com/gpu': 1 });
const inCluster: fc.Arbitrary<Value> = fc.record(
  {
    ...common,
    type: fc.constant('kubernetes'),
    environment: fc.constant({ image: 'registry.example.com/diabetes:2' }),
    properties: fc.constantFrom(
      { 'greenlight.command': '["serve", "{port}"]', 'greenlight.port': '8080' },
      { 'greenlight.probePath': '/ready' },
      {},
    ),
    resources: fc.record({ requests: amounts, limits: amounts }),
    scale_settings: fc.oneof(fc.constant({ type: 'default' }), target_utilization),
  },
  { requiredKeys: ['name', 'type', 'environment', 'resources'] },
);

const metadata = fc.record(
  {
    name: fc.constant('green'),
    namespace: fc.constant('models'),
    labels: fc.constantFrom({}, { team: 'risk' }),
    annotations: fc.constantFrom({}, { 'example.com/owner': 'ann' }),
  },
  { requiredKeys: ['name'] },
);
const container = fc.record(
  {
    name: fc.constant('model'),
    image: fc.constant('registry.example.com/diabetes:2'),
    ports: fc.constantFrom([{ containerPort: 8080 }], [{ name: 'http', containerPort: 5001 }]),
    env: fc.constant([{ name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }]),
    readinessProbe: fc.constant({ httpGet: { path: '/ready', port: 8080 }, periodSeconds: 5 }),
  },
  { requiredKeys: ['name', 'image', 'ports'] },
);
const manifest: fc.Arbitrary<Value> = fc.record({
  apiVersion: fc.constant('apps/v1'),
  kind: fc.constant('Deployment'),
  metadata,
  spec: fc.record(
    {
      replicas: few,
      selector: fc.constant({ matchLabels: { app: 'green' } }),
      strategy: fc.constantFrom({ type: 'Recreate' }, { type: 'RollingUpdate' }),
      template: fc.record({
        metadata: fc.constant({ labels: { app: 'green' } }),
        spec: fc.record({ containers: fc.tuple(container) }),
      }),
    },
    { requiredKeys: ['template'] },
  ),
});
const inferenceService: fc.Arbitrary<Value> = fc.record({
  apiVersion: fc.constant('serving.kserve.io/v1beta1'),
  kind: fc.constant('InferenceService'),
  metadata,
  spec: fc.record({
    predictor: fc.record(
      {
        minReplicas: few,
        maxReplicas: fc.constant(30),
        model: fc.constant({ modelFormat: { name: 'sklearn' }, storageUri: 'pvc://models/2' }),
        containers: fc.tuple(container),
      },
      { requiredKeys: [] },
    ),
  }),
});

/** All that a Kubernetes namespace takes: Azure ML's form, a Deployment, an InferenceService. */
export const kubernetesDeployment = fc.oneof(inCluster, manifest, inferenceService);
