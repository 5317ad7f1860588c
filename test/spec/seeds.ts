import { readdirSync, readFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../embedded/package-root.js';
import { EXAMPLE, EXAMPLE_FILES } from './example.js';
import type { Files, Folder } from './folder.js';

/** A good spec and the deployment file that it names, by their paths in one folder. */
export interface Seed {
  readonly spec: string;
  readonly deployment: string;
  readonly texts: Readonly<Record<string, string>>;
}

/** Rich in what the shipped specs have none of: notifications, metrics of one's own, secrets, probes. */
const OWN_METRICS = `endpoint: diabetes
deployment: ./own-green.yml
target: { azureml: { subscription: 00000000-0000-4000-8000-000000000000, resource-group: rg, workspace: models } }
approvers: [ann, bob@example.com]
notify:
  - webhook: \${env:SLACK}
    form: slack
    events: [held, approval-wanted]
  - { webhook: "\${file:/run/secrets/hook}", secret: "\${env:HOOK_SECRET}", links-for: ann }
gates:
  answers: { metric: { bad: 'bad_total{v="$deployment"}', total: 'all_total{v="$deployment"}' }, worse-by: 20% + 0.5pp }
  tokens: { metric: { histogram: 'tokens_bucket{v="$deployment"}' }, quantile: p95, at-most: 500, role: guard }
steps:
  - create
  - ramp: [10%, 50%]
  - approve: { within: 24h, by: [ann] }
  - cutover
  - bake: 1h
`;
const OWN_GREEN = `name: green
type: kubernetes
model: azureml:diabetes:2
environment: azureml:sklearn:1
environment_variables: { DB_PASSWORD: "\${secret:db-password}", WORKERS: 010 }
readiness_probe: { initial_delay: 5, period: 2, failure_threshold: 3 }
liveness_probe: { initial_delay: 5, timeout: 3 }
request_settings: { request_timeout_ms: 20000, max_queue_wait_ms: 500 }
resources: { requests: { cpu: 500m, memory: 512Mi }, limits: { nvidia.com/gpu: 1 } }
scale_settings: { type: target_utilization, min_instances: 2, max_instances: 6, target_utilization_percentage: 70 }
`;
const IN_CLUSTER = `endpoint: diabetes
deployment: ./cluster-green.yml
target: { kubernetes: { namespace: models, context: kind } }
`;
const MANIFEST = `apiVersion: apps/v1
kind: Deployment
metadata: { name: green, namespace: models, labels: { team: risk } }
spec:
  replicas: 3
  selector: { matchLabels: { app: green } }
  template:
    metadata: { labels: { app: green } }
    spec:
      containers:
        - name: model
          image: registry.example.com/diabetes:2
          ports: [{ name: http, containerPort: 8080 }, { name: metrics, containerPort: 9090 }]
          env: [{ name: PASSWORD, valueFrom: { secretKeyRef: { name: db, key: password } } }]
`;

const WRITTEN: Files = {
  'example/spec.yml': EXAMPLE,
  ...Object.fromEntries(Object.entries(EXAMPLE_FILES).map(([name, text]) => [`example/${name}`, text])),
  'own/spec.yml': OWN_METRICS,
  'own/own-green.yml': OWN_GREEN,
  'cluster/spec.yml': IN_CLUSTER,
  'cluster/cluster-green.yml': MANIFEST,
};
const shipped = join(packageRoot(), 'rollout-specs');
const SHIPPED: Files = Object.fromEntries(
  readdirSync(shipped, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yml'))
    .map((name) => [`shipped/${name}`, readFileSync(join(shipped, name), 'utf8')]),
);

const ALL: Files = { ...WRITTEN, ...SHIPPED };

/** Every shipped spec, the guide's example, and some that use all that those leave out. */
export const SEEDS: readonly Seed[] = Object.entries(ALL).flatMap(([spec, text]) => {
  const named = /^deployment: (\S+)/m.exec(String(text))?.[1];
  if (named === undefined) return [];
  const deployment = join(spec, '..', named);
  return [{ spec, deployment, texts: { [spec]: String(text), [deployment]: String(ALL[deployment]) } }];
});

/** Puts all that the seeds name beside them. */
export async function plant(folder: Folder): Promise<void> {
  await cp(shipped, folder.at('shipped'), { recursive: true });
  await folder.write(WRITTEN);
}
