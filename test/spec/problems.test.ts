import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assetId } from '../../adapters/azureml/assets.js';
import { renderProblems } from '../../spec/index.js';
import { Folder, GREEN, SPEC, type Files } from './folder.js';

let folder: Folder;
beforeEach(async () => {
  folder = await Folder.make();
});
afterEach(() => folder.remove());

/** Title, spec, and files beside it. The snapshot holds the exact text that a person sees. */
type Case = readonly [title: string, spec: string | Uint8Array, files?: Files];

const steps = (text: string) => `${SPEC}steps:\n${text}`;
const gate = (text: string) => `${SPEC}gates:\n  mine: ${text}\n`;
const AZURE =
  'target: { azureml: { subscription: 00000000-0000-0000-0000-000000000000, resource-group: ml, workspace: prod } }\n';

const yaml: readonly Case[] = [
  ['text that is not YAML', 'endpoint: [diabetes\n'],
  ['an empty file', ''],
  ['a file of comments', '# nothing\n'],
  ['a list instead of fields', '- endpoint: diabetes\n'],
  ['a single word', 'diabetes\n'],
  ['several documents', `${SPEC}---\n${SPEC}`],
  ['a file of another YAML version', `%YAML 1.1\n---\n${SPEC}`],
  ['a key that stands twice', `${SPEC}endpoint: other\n`],
  ['a tab as indentation', `${SPEC}gates:\n\terrors: { metric: error-rate, worse-by: 0.5pp }\n`],
  ['an alias without an anchor', `${SPEC}baseline: *nobody\n`],
  ['an alias inside its own value', `${SPEC}gates: &g\n  mine: *g\n`],
  [
    'an alias bomb',
    `a: &a [x, x, x, x, x, x, x, x, x]\n${Array.from(
      { length: 9 },
      (_, i) =>
        `b${i}: &b${i} [${Array<string>(9)
          .fill(i === 0 ? '*a' : `*b${i - 1}`)
          .join(', ')}]`,
    ).join('\n')}\n`,
  ],
  ['a key that is a list', `${SPEC}? [a, b]\n: c\n`],
  ['the key __proto__', `${SPEC}__proto__: { adopt: true }\n`],
  [
    'a mapping that would be merged',
    `${SPEC}gates:\n  errors: &base { metric: error-rate, at-most: 1% }\n  late:\n    <<: *base\n    role: guard\n`,
  ],
  ['a tag', `${SPEC}baseline: !secret blue\n`],
  ['nesting beyond all need', `${SPEC}gates: ${'['.repeat(70)}\n`],
  ['nested lists on one line', `${SPEC}gates:\n  ${'- '.repeat(70)}x\n`],
  ['a very long line', `${SPEC}baseline: ${'x'.repeat(10_001)}\n`],
  ['a file of 10 MB', `${SPEC}#${'x'.repeat(10 * 1024 * 1024)}\n`],
  ['text that is not UTF-8', Buffer.concat([Buffer.from(SPEC), Buffer.from([0x23, 0xff, 0xfe, 0x0a])])],
];

const form: readonly Case[] = [
  ['a field that is missing', 'endpoint: diabetes\n'],
  ['a field of the wrong type', `${SPEC}adopt: sometimes\n`],
  ['a number where a text is needed', 'endpoint: 12345\ndeployment: green.yml\n'],
  ['an unknown field that is nearly right', `${SPEC}base-line: blue\n`],
  ['an unknown field that is far from any', `${SPEC}colour: blue\n`],
  ['an unknown field of a step', steps('  - create\n  - ramp: 10%\n    form: 2m\n')],
  ['a word that is not in the list', `${SPEC}after-rollback: delete-gren\n`],
  ['a version of the future', `version: 2\n${SPEC}`],
  ['an endpoint name that Azure ML refuses', 'endpoint: 1-diabetes-\ndeployment: green.yml\n'],
  [
    'a secret by reference that is none, and one in plain text',
    SPEC,
    {
      'green.yml': `name: green\nenvironment_variables: { A: "x ${'$'}{secret:db}", DB_PASSWORD: hunter2 }\n`,
    },
  ],
  ['an approver without a name', `${SPEC}approvers: [ann, "  "]\n`],
  ['an empty list of approvers', `${SPEC}approvers: []\n`],
  ['a duration without a unit', `${SPEC}rollback-within: 30\n`],
  ['a duration with spaces', `${SPEC}rollback-within: 1 hour\n`],
  ['a window without dots', steps('  - create\n  - ramp: 10%\n    for: 2m-20m\n')],
  ['a window whose ends are swapped', steps('  - create\n  - ramp: 10%\n    for: 20m .. 2m\n')],
  ['a share without a unit', steps('  - create\n  - mirror: 10\n')],
  ['a share of half a percent', steps('  - create\n  - ramp: 0.5%\n')],
  ['a share of 110%', steps('  - create\n  - ramp: [10%, 110%]\n')],
  ['a ramp to 100%', steps('  - create\n  - ramp: [10%, 100%]\n')],
  ['a share of 0%', steps('  - create\n  - ramp: 0%\n')],
  ['a mirror above 50% on the endpoint host', steps('  - create\n  - mirror: 60%\n')],
  ['a confidence of 100%', `${SPEC}watching: { confidence: { roll-back: 100% } }\n`],
  ['a dispersion below 1', `${SPEC}watching: { dispersion: 0.5 }\n`],
  ['a dispersion that is a word', `${SPEC}watching: { dispersion: automatic }\n`],
  ['a target of no kind', `${SPEC}target: { sagemaker: {} }\n`],
  [
    'an Azure ML target without its workspace',
    `${SPEC}target: { azureml: { subscription: 1, resource-group: ml } }\n`,
  ],
  ['steps that are no list', `${SPEC}steps: create\n`],
  ['an empty list of steps', `${SPEC}steps: []\n`],
];

const gates: readonly Case[] = [
  ['a gate without a metric', gate('{ worse-by: 0.5pp }')],
  ['a gate on an unknown metric', gate('{ metric: error-rat, worse-by: 0.5pp }')],
  ['a gate without a limit', gate('{ metric: error-rate }')],
  ['a gate with two limits', gate('{ metric: error-rate, worse-by: 0.5pp, at-most: 1% }')],
  ['a limit that is misspelt', gate('{ metric: error-rate, worse_by: 0.5pp }')],
  ['a limit without a space behind its colon', gate('{ metric: error-rate, worse-by:0.5pp }')],
  ['a limit by a name of its own', gate('{ metric: error-rate, limit: 1% }')],
  ['a metric that is misspelt', gate('{ metrc: error-rate, worse-by: 0.5pp }')],
  ['a limit of another metric', gate('{ metric: error-rate, slower-by: 10% }')],
  ['a gate that is a word', gate('errors')],
  ['a gate name with a space', `${SPEC}gates:\n  my gate: { metric: error-rate, at-most: 1% }\n`],
  ['the name of the crash guard', `${SPEC}gates:\n  crash-guard: { metric: error-rate, at-most: 1% }\n`],
  ['no gates at all', `${SPEC}gates: {}\n`],
  ['a percent without a unit', gate('{ metric: error-rate, at-most: 1 }')],
  ['points without a unit', gate('{ metric: error-rate, worse-by: 0.5 }')],
  ['a ratio without a floor', gate('{ metric: error-rate, worse-by: 20% }')],
  ['a latency without a unit', gate('{ metric: latency, quantile: p95, at-most: 250 }')],
  ['a quantile that is a number', gate('{ metric: latency, quantile: 95, at-most: 250ms }')],
  ['a latency gate without a quantile', gate('{ metric: latency, at-most: 250ms }')],
  ['a limit of 100%, which nothing exceeds', gate('{ metric: error-rate, at-most: 100% }')],
  ['a limit of 0%, which nothing proves', gate('{ metric: error-rate, at-most: 0% }')],
  ['a margin of 0pp, which nothing proves', gate('{ metric: error-rate, worse-by: 0pp }')],
  ['a margin of 100pp, which nothing exceeds', gate('{ metric: error-rate, worse-by: 100pp }')],
  ['a slowdown of 0%', gate('{ metric: latency, quantile: p95, slower-by: 0% }')],
  ['a limit beyond the request timeout', gate('{ metric: latency, quantile: p95, at-most: 6s }')],
  ['slow requests beyond the timeout', gate('{ metric: slow-share, above: 5s, at-most: 1% }')],
  ['a slowdown finer than the buckets', gate('{ metric: latency, quantile: p95, slower-by: 2% }')],
  [
    'weights that leave nothing',
    `${SPEC}gates:\n  errors: { metric: error-rate, at-most: 1%, weight: 90% }\n  slow: { metric: latency, quantile: p95, at-most: 1s }\n`,
  ],
  [
    'a gate that no step uses',
    `${SPEC}gates:\n  errors: { metric: error-rate, at-most: 1% }\n  slow: { metric: latency, quantile: p95, at-most: 1s }\nsteps: [create, { ramp: 10%, gates: [errors] }, cutover]\n`,
  ],
];

const order: readonly Case[] = [
  ['an unknown step', steps('  - create\n  - mirrow: 10%\n')],
  [
    'steps as other tools call them',
    steps('  - create\n  - canary: 10%\n  - setWeight: 20\n  - wait: 5m\n  - promote\n'),
  ],
  ['a step that is indented too deep', steps('  - create\n   - cutover\n')],
  ['steps that are a mapping', steps('  create:\n  cutover:\n')],
  ['a bare word that is no step', steps('  - create\n  - cut-over\n')],
  ['two steps in one entry', steps('  - create\n  - ramp: 10%\n    bake: 30m\n')],
  ['a smoke step without a request', steps('  - create\n  - smoke\n')],
  ['a cutover with a value', steps('  - create\n  - ramp\n  - cutover: now\n')],
  ['a step with nothing behind its colon', steps('  - create\n  - ramp:\n')],
  ['a step that is a number', steps('  - 10\n')],
  ['no create step', steps('  - ramp\n  - cutover\n')],
  ['create in second place', steps('  - ramp\n  - create\n  - cutover\n')],
  ['shares that do not ascend', steps('  - create\n  - ramp: [10%, 50%, 25%]\n  - ramp: 25%\n  - cutover\n')],
  ['a mirror after live traffic', steps('  - create\n  - ramp\n  - mirror\n  - cutover\n')],
  ['a ramp after the cutover', steps('  - create\n  - ramp: 10%\n  - cutover\n  - ramp: 20%\n')],
  ['two cutovers', steps('  - create\n  - ramp\n  - cutover\n  - cutover\n')],
  ['bake and delete before the cutover', steps('  - create\n  - ramp\n  - bake\n  - delete-baseline\n')],
  ['a step after the end', steps('  - create\n  - ramp\n  - cutover\n  - delete-baseline\n  - approve\n')],
  ['no cutover', steps('  - create\n  - mirror\n')],
  ['a cutover that nothing watched', steps('  - create\n  - cutover\n')],
  ['a bake that compares with nothing', steps('  - create\n  - cutover\n  - bake\n')],
  ['a dwell within the warm-up', steps('  - create\n  - ramp: 10%\n    for: 20s\n  - cutover\n')],
  [
    'a dwell of one look, which begins in the warm-up',
    `${SPEC}watching: { interval: 10m }\nsteps:\n  - create\n  - ramp: 10%\n    for: 10m\n  - cutover\n`,
  ],
  [
    'bakes that end before a look that counts does',
    `${SPEC}watching: { interval: 10m }\nsteps:\n  - create\n  - ramp: 10%\n    for: 11m\n  - cutover\n  - bake: 20m\n  - delete-baseline\n`,
  ],
  ['standard steps of no more than a look each', `${SPEC}watching: { interval: 30m }\n`],
  [
    'a gate that does not exist',
    steps('  - create\n  - ramp: 10%\n    gates: [error, wrong]\n  - cutover\n'),
  ],
  [
    'a gate that a step names twice',
    steps('  - create\n  - ramp: 10%\n    gates: [errors, errors]\n  - cutover\n'),
  ],
  ['an empty list of gates', steps('  - create\n  - ramp: 10%\n    gates: []\n  - cutover\n')],
  ['only guards', `${SPEC}gates:\n  errors: { metric: error-rate, at-most: 1%, role: guard }\n`],
  ['only latency', `${SPEC}gates:\n  slow: { metric: latency, quantile: p95, at-most: 1s }\n`],
];

const CODE = 'name: green\ncode_configuration: { code: src, scoring_script: score.py }\n';
const deployment: readonly Case[] = [
  ['a deployment file that is missing', SPEC, { 'green.yml': '' }],
  ['a deployment file that is not there', 'endpoint: diabetes\ndeployment: ./gren.yml\n'],
  ['a deployment file that is a folder', 'endpoint: diabetes\ndeployment: ./src\n', { 'src/score.py': '' }],
  ['a deployment file outside the folder', 'endpoint: diabetes\ndeployment: ../green.yml\n'],
  ['a deployment without a name', SPEC, { 'green.yml': 'description: no name\n' }],
  ['an unknown field of a deployment', SPEC, { 'green.yml': 'name: green\ninstance_cout: 2\n' }],
  [
    'fields that are not carried',
    SPEC,
    { 'green.yml': 'name: green\ndata_collector: {}\nstartup_probe: {}\nmini_batch_size: 5\n' },
  ],
  [
    'a batch deployment of a model',
    SPEC,
    {
      'green.yml':
        'name: green\ntype: model\nmodel: azureml:m:1\ncompute: azureml:cpu\nsettings: { mini_batch_size: 5 }\nlogging_level: info\n',
    },
  ],
  [
    'a batch deployment of a pipeline',
    SPEC,
    {
      'green.yml':
        'name: green\ntype: pipeline\ncomponent: azureml:c:1\njob_definition: azureml:j\nsettings: { default_compute: cpu }\n',
    },
  ],
  [
    'an environment that would be built',
    SPEC,
    { 'green.yml': 'name: green\nenvironment: { build: { path: . } }\n' },
  ],
  ['an environment of nothing', SPEC, { 'green.yml': 'name: green\nenvironment: { name: mine }\n' }],
  ['a model that is a bare path', SPEC, { 'green.yml': 'name: green\nmodel: ./model.pkl\n' }],
  [
    'a model of another kind',
    SPEC,
    { 'green.yml': 'name: green\nmodel: { path: green.yml, type: mlflow_model }\n' },
  ],
  ['a model that is not there', SPEC, { 'green.yml': 'name: green\nmodel: { path: ./model.pkl }\n' }],
  ['a scoring script that is not there', SPEC, { 'green.yml': CODE, 'src/main.py': '' }],
  [
    'a scoring script beside its folder',
    SPEC,
    { 'green.yml': CODE.replace('score.py', '../score.py'), 'src/main.py': '', 'score.py': '' },
  ],
  ['code that is a file', SPEC, { 'green.yml': CODE, src: '' }],
  [
    'a conda file that is not YAML',
    SPEC,
    { 'green.yml': 'name: green\nenvironment: { conda_file: conda.yml }\n', 'conda.yml': 'a: [b\n' },
  ],
  ['no instances', SPEC, { 'green.yml': 'name: green\ninstance_count: 0\n' }],
  ['half an instance', SPEC, { 'green.yml': 'name: green\ninstance_count: 1.5\n' }],
  ['another endpoint', SPEC, { 'green.yml': 'name: green\nendpoint_name: iris\n' }],
  ['the name of the baseline', `${SPEC}baseline: Green\n`],
  [
    'resources of a managed deployment',
    SPEC,
    {
      'green.yml':
        'name: green\nresources: { limits: { cpu: 1 } }\nscale_settings: { type: target_utilization }\n',
    },
  ],
  [
    'fewer instances at most than at least',
    SPEC,
    {
      'green.yml':
        'name: green\ntype: kubernetes\negress_public_network_access: disabled\nscale_settings: { type: target_utilization, min_instances: 3, max_instances: 2 }\n',
    },
  ],
  ['a scale type of no kind', SPEC, { 'green.yml': 'name: green\nscale_settings: { type: auto }\n' }],
  [
    'a request timeout beyond the limit',
    SPEC,
    { 'green.yml': 'name: green\nrequest_settings: { request_timeout_ms: 200000 }\n' },
  ],
  [
    'a liveness probe with two successes',
    SPEC,
    { 'green.yml': 'name: green\nliveness_probe: { success_threshold: 2 }\n' },
  ],
  [
    'an environment variable that is a list',
    SPEC,
    { 'green.yml': 'name: green\nenvironment_variables: { A: [1] }\n' },
  ],
  [
    'local files for Azure ML',
    SPEC + AZURE,
    {
      'green.yml': `${CODE}model: { path: src }\nenvironment: { image: mine, conda_file: conda.yml }\ninstance_count: 60\n`,
      'src/score.py': '',
      'conda.yml': 'name: x\n',
    },
  ],
  [
    'what the standard pipeline leaves out on Azure ML',
    SPEC + AZURE,
    { 'green.yml': 'name: green\ninstance_type: Standard_DS3_v2\n' },
  ],
  [
    'mirroring for Kubernetes on Azure ML',
    `${SPEC}${AZURE}steps: [create, mirror, ramp, cutover]\n`,
    { 'green.yml': 'name: green\ntype: kubernetes\n' },
  ],
  [
    'gates on requests for Kubernetes on Azure ML',
    `${SPEC}${AZURE}gates:\n  errors: { metric: error-rate, worse-by: 0.5pp }\n  own: { metric: { bad: 'b{v="$deployment"}', total: 't{v="$deployment"}' }, at-most: 1% }\nsteps: [create, ramp, cutover]\n`,
    { 'green.yml': 'name: green\ntype: kubernetes\n' },
  ],
  [
    'what Azure Monitor cannot tell, on Azure ML',
    `${SPEC}${AZURE}gates:\n  errors: { metric: error-rate, worse-by: 0.5pp }\n  slow: { metric: latency, quantile: p95, at-most: 250ms }\n  stuck: { metric: slow-share, above: 2s, at-most: 0.1%, role: guard }\n  own: { metric: { histogram: 'h_bucket{v="$deployment"}' }, quantile: p95, at-most: 5 }\nsteps: [create, { mirror: 10% }, ramp, cutover]\n`,
    { 'green.yml': 'name: green\ninstance_type: Standard_DS3_v2\n' },
  ],
  [
    'names too long for Kubernetes',
    `endpoint: ${'e'.repeat(32)}\ndeployment: green.yml\n${AZURE}`,
    { 'green.yml': `name: ${'d'.repeat(32)}\ntype: kubernetes\n` },
  ],
  ['a request that is not there', steps('  - create\n  - smoke: ./request.json\n  - ramp\n  - cutover\n')],
  [
    'a request that is not JSON',
    steps('  - create\n  - smoke: { request: request.json }\n  - ramp\n  - cutover\n'),
    { 'request.json': '{data}' },
  ],
  [
    'a request that is too big',
    steps('  - create\n  - smoke: { request: request.json }\n  - ramp\n  - cutover\n'),
    { 'request.json': `"${'x'.repeat(70_000)}"` },
  ],
];

describe.each([
  ['YAML', yaml],
  ['form', form],
  ['gates', gates],
  ['steps', order],
  ['files', deployment],
] satisfies [string, readonly Case[]][])('the exact text of problems: %s', (_group, cases) => {
  for (const [title, spec, files] of cases) {
    it(title, async () => {
      expect(`\n${await folder.rendered(spec, files)}\n`).toMatchSnapshot();
    });
  }
});

describe('a secret in a deployment file', () => {
  it.each([
    ['in plain text', 'DB_PASSWORD: HIDDEN'],
    ['beside a reference', 'DSN: "postgres://ann:HIDDEN@db/${secret:name}"'],
    ['on a line with another', '{ DSN: "HIDDEN@${secret:name}", DB_PASSWORD: HIDDEN }'],
  ])('%s is shown to nobody', async (_, variables) => {
    const problems = await folder.problems(SPEC, {
      'green.yml': `${GREEN}environment_variables:\n  ${variables}\n`,
    });

    expect(problems.map(({ code }) => code).join()).toMatch(/deployment\/(plain-)?secret/);
    expect(renderProblems(problems)).not.toContain('HIDDEN');
    expect(JSON.stringify(problems)).not.toContain('HIDDEN');
  });
});

describe('a variable in a deployment file whose name says nothing', () => {
  it.each([
    ['beside a mistake', '{ A: HIDDEN, B: [1] }'],
    ['in a list', 'A: [HIDDEN]'],
  ])('%s is shown to nobody', async (_, variables) => {
    const problems = await folder.problems(SPEC, {
      'green.yml': `${GREEN}environment_variables:\n  ${variables}\n`,
    });

    expect(problems.map(({ code }) => code)).toEqual(['deployment/type']);
    expect(renderProblems(problems)).not.toContain('HIDDEN');
    expect(JSON.stringify(problems)).not.toContain('HIDDEN');
  });
});

describe('the id of an asset', () => {
  const settings = { workspaceId: '/ws', localPaths: false };

  it.each`
    id                                                                    | versioned
    ${'azureml:mine:1'}                                                   | ${true}
    ${'azureml:mine:1.5-rc.2'}                                            | ${true}
    ${'azureml://registries/azureml/models/mine/versions/1'}              | ${true}
    ${'azureml:/subscriptions/0/resourceGroups/ml/codes/mine/versions/1'} | ${true}
    ${'azureml:mine@latest'}                                              | ${false}
    ${'azureml:mine'}                                                     | ${false}
    ${'azureml:mine:'}                                                    | ${false}
    ${'azureml:a:b:c'}                                                    | ${false}
    ${'azureml:a/b:1'}                                                    | ${false}
  `(
    '$id names a version: $versioned, as the deployment will find',
    async ({ id, versioned }: { id: string; versioned: boolean }) => {
      const found = () => assetId('environment', { kind: 'id', id }, settings);
      if (versioned) expect(found).not.toThrow();
      else expect(found).toThrow('names no version');

      const green = `name: green\ninstance_type: S\nmodel: '${id}'\nenvironment: '${id}'\ncode_configuration: { code: '${id}', scoring_script: a.py }\n`;
      for (const target of [AZURE, '']) {
        const problems = await folder.problems(SPEC + target, { 'green.yml': green });

        const ofFile = problems.filter(({ file }) => file.endsWith('green.yml'));
        expect(ofFile.map(({ code, path }) => `${code} ${path}`)).toEqual(
          versioned
            ? []
            : [
                'deployment/asset-version model',
                'deployment/asset-version environment',
                'deployment/asset-version code_configuration.code',
              ],
        );
      }
    },
  );

  it('is told to name a version, and why', async () => {
    const problems = await folder.problems(SPEC, {
      'green.yml': 'name: green\nmodel: { path: azureml:mine@latest }\nenvironment: azureml:e@latest\n',
    });

    expect(problems.map(({ path }) => path)).toEqual(['model.path', 'environment']);
    expect(problems.at(-1)).toMatchObject({
      severity: 'error',
      message:
        'the environment "azureml:e@latest" names no version; expected azureml:NAME:VERSION, a registry address or a full id',
      help: 'pin the version, so that what was tested is what is deployed',
      at: { line: 3, column: 14 },
    });
  });
});
