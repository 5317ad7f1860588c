import type { Files } from './folder.js';

/** The example of the user guide. */
export const EXAMPLE = `# yaml-language-server: $schema=../schema/rollout.schema.json
version: 1
endpoint: diabetes
deployment: ./diabetes/green-deployment.yml   # an Azure ML deployment file, as \`az ml\` takes it
baseline: blue                                # default: whoever holds all live traffic

gates:
  errors:  { metric: error-rate, worse-by: 0.5pp }          # against the baseline
  latency: { metric: latency, quantile: p95, slower-by: 10% }
  slo:     { metric: error-rate, at-most: 1% }               # absolute
  slow:    { metric: latency, quantile: p95, at-most: 250ms }

steps:
  - create
  - smoke:  { request: ./diabetes/sample-request.json, count: 20 }
  - mirror: 10%
    for: 2m .. 20m              # at least, at most; may pass in between once proven
    gates: [errors, latency]
  - ramp: [10%, 25%, 50%]
    for: 2m .. 30m
    gates: [errors, latency, slo, slow]
    undecided: hold             # or roll-back, proceed
  - approve: { within: 24h }
  - cutover
  - bake: 30m
  - delete-baseline
`;

export const EXAMPLE_FILES: Files = {
  'diabetes/green-deployment.yml': `$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json
name: green
endpoint_name: diabetes
model: { path: ./model.pkl, version: 1.10 }
code_configuration: { code: src, scoring_script: score.py }
environment: azureml:sklearn:1
environment_variables: { WORKERS: 010, DEBUG: false }
instance_type: Standard_DS3_v2
instance_count: 2
`,
  'diabetes/sample-request.json': '{"data": [[1, 2]]}',
  'diabetes/model.pkl': 'model',
  'diabetes/src/score.py': 'def init(): pass',
};
