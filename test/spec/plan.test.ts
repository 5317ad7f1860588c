import { symlink } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { workflowId } from '../../core/plan.js';
import { queueId } from '../../core/queue.js';
import { parseSpec, planDigest, renderPlan } from '../../spec/index.js';
import { EXAMPLE, EXAMPLE_FILES } from './example.js';
import { Folder, SPEC } from './folder.js';

let folder: Folder;
beforeEach(async () => {
  folder = await Folder.make();
});
afterEach(() => folder.remove());

const MINUTE = 60_000;
const common = { role: 'required', weight: null, dispersion: { mode: 'auto' }, shared: 'hold' } as const;
const probe = {
  initialDelayMs: 10_000,
  periodMs: 10_000,
  timeoutMs: 2_000,
  successThreshold: 1,
  failureThreshold: 30,
};
const AZURE =
  'target: { azureml: { subscription: 00000000-0000-0000-0000-000000000000, resource-group: ml, workspace: prod } }\n';

describe('a plan', () => {
  it('is explicit in every part of the example', async () => {
    const plan = await folder.plan(EXAMPLE, EXAMPLE_FILES);

    const watched = { gates: ['errors', 'latency', 'slo', 'slow'], undecided: 'hold' } as const;
    const ramp = {
      kind: 'ramp',
      dwell: { atLeastMs: 2 * MINUTE, atMostMs: 30 * MINUTE },
      ...watched,
    } as const;
    expect(plan).toEqual({
      planVersion: 1,
      endpoint: 'diabetes',
      target: { kind: 'host', workspace: 'local' },
      baseline: 'blue',
      adopt: false,
      afterRollback: 'delete-green',
      rollbackWithinMs: 60 * MINUTE,
      watching: { intervalMs: 5_000, warmUpMs: 30_000, alpha: 0.01, alphaPass: 0.05 },
      gates: [
        {
          ...common,
          name: 'errors',
          blipMs: 10_000,
          metric: 'error-rate',
          limit: { kind: 'worse-by', ratio: 1, share: 0.005 },
        },
        {
          ...common,
          name: 'latency',
          blipMs: 30_000,
          metric: 'latency',
          quantile: 0.95,
          limit: { kind: 'slower-by', ratio: 1.1 },
        },
        {
          ...common,
          name: 'slo',
          blipMs: 10_000,
          metric: 'error-rate',
          limit: { kind: 'at-most', share: 0.01 },
        },
        {
          ...common,
          name: 'slow',
          blipMs: 30_000,
          metric: 'latency',
          quantile: 0.95,
          limit: { kind: 'at-most', ms: 250 },
        },
      ],
      steps: [
        { kind: 'create', readyWithinMs: 60 * MINUTE },
        {
          kind: 'smoke',
          body: '{"data": [[1, 2]]}',
          requestFile: './diabetes/sample-request.json',
          count: 20,
        },
        {
          kind: 'mirror',
          percent: 10,
          dwell: { atLeastMs: 2 * MINUTE, atMostMs: 20 * MINUTE },
          gates: ['errors', 'latency'],
          undecided: 'hold',
        },
        { ...ramp, percent: 10 },
        { ...ramp, percent: 25 },
        { ...ramp, percent: 50 },
        { kind: 'approve', withinMs: 24 * 60 * MINUTE, gates: watched.gates },
        { kind: 'cutover' },
        { kind: 'bake', forMs: 30 * MINUTE, ...watched },
        { kind: 'delete-baseline', drainWithinMs: 10 * MINUTE },
      ],
      deployment: {
        name: 'green',
        kind: 'managed',
        tags: {},
        properties: {},
        model: { kind: 'path', path: folder.at('diabetes/model.pkl'), version: '1.10' },
        code: { source: { kind: 'path', path: folder.at('diabetes/src') }, scoringScript: 'score.py' },
        environment: { kind: 'id', id: 'azureml:sklearn:1' },
        environmentVariables: { WORKERS: '010', DEBUG: 'false' },
        instanceType: 'Standard_DS3_v2',
        instanceCount: 2,
        appInsightsEnabled: false,
        requestSettings: {
          maxConcurrentRequestsPerInstance: 1,
          requestTimeoutMs: 5_000,
          maxQueueWaitMs: 500,
        },
        livenessProbe: probe,
        readinessProbe: probe,
        scale: { kind: 'default' },
        filesDigest: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      },
      digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
  });

  it('names the approvers of the spec, and those of one step', async () => {
    const plan = await folder.plan(
      `${SPEC}approvers: [ann, bob@example.com]\nsteps: [create, ramp, approve: { by: [cy] }, cutover]\n`,
    );

    expect(plan.approvers).toEqual(['ann', 'bob@example.com']);
    expect(plan.steps.find(({ kind }) => kind === 'approve')).toMatchObject({ by: ['cy'] });
  });

  it("has names as the target tells them: capitals are small on Azure ML and the endpoint host, and one endpoint's lock is one", async () => {
    const spec = 'endpoint: Diabetes\ndeployment: green.yml\nbaseline: Blue\n';
    const files = { 'green.yml': 'name: Green\ninstance_type: Standard_DS3_v2\n' };
    const plans = [await folder.plan(spec, files), await folder.plan(spec + AZURE, files)];

    for (const plan of plans) {
      expect(plan).toMatchObject({ endpoint: 'diabetes', baseline: 'blue', deployment: { name: 'green' } });
      expect(workflowId(plan.target, 'Diabetes')).toBe(workflowId(plan.target, 'diabetes'));
      expect(queueId(plan.target, 'Diabetes')).toBe(queueId(plan.target, 'diabetes'));
    }
  });

  it.each([
    ['60%', '70%', '38.8%', '45.2%'],
    ['42%', '42%', '42%', '42%'],
    ['20%', null, '20%', 'an equal part'],
  ])('tells what weights of %s and %s come to beside the crash guard', async (a, b, first, second) => {
    const weight = b === null ? '' : `, weight: ${b}`;
    const plan = await folder.plan(
      `${SPEC}gates:\n  a: { metric: error-rate, at-most: 1%, weight: ${a} }\n  b: { metric: latency, quantile: p95, at-most: 1s${weight} }\n`,
    );

    const rows = renderPlan(plan).split('\n');

    expect(rows.find((row) => row.startsWith('  a '))).toContain(`(required, ${first} of alpha, `);
    expect(rows.find((row) => row.startsWith('  b '))).toContain(`(required, ${second} of alpha, `);
  });

  it('is a safe rollout when the spec has two lines', async () => {
    const plan = await folder.plan(SPEC);

    expect(plan.gates.map(({ name, limit }) => ({ name, limit }))).toEqual([
      { name: 'errors', limit: { kind: 'worse-by', ratio: 1, share: 0.005 } },
      { name: 'latency', limit: { kind: 'slower-by', ratio: 1.1 } },
    ]);
    expect(
      plan.steps.map((step) => ('percent' in step ? `${step.kind} ${step.percent}` : step.kind)),
    ).toEqual(['create', 'mirror 10', 'ramp 10', 'ramp 25', 'ramp 50', 'cutover', 'bake', 'delete-baseline']);
    expect(plan.baseline).toBeNull();
  });

  it('has by default what the target can judge: on Azure ML no mirror step and no gate on latency', async () => {
    const files = { 'green.yml': 'name: green\ninstance_type: Standard_DS3_v2\n' };
    const azure = await folder.plan(SPEC + AZURE, files);
    const local = await folder.plan(SPEC, files);

    expect([azure, local].map(({ steps }) => steps[1]?.kind)).toEqual(['ramp', 'mirror']);
    expect([azure, local].map(({ gates }) => gates.map(({ name }) => name))).toEqual([
      ['errors'],
      ['errors', 'latency'],
    ]);
  });

  it('takes the knobs of a gate, else those of the spec, else the defaults', async () => {
    const plan = await folder.plan(
      `${SPEC}watching: { blip: 3s, dispersion: 2, shared: strict, interval: 1s, warm-up: 0s, confidence: { roll-back: 99.9%, proceed: 90% } }
gates:
  a: { metric: error-rate, worse-by: 20% + 0.1pp, blip: 1m, dispersion: auto, shared: hold, weight: 20%, role: guard }
  b: { metric: slow-share, above: 0.4s, at-most: 12.5% }
`,
    );

    expect(plan.watching).toEqual({ intervalMs: 1_000, warmUpMs: 0, alpha: 0.001, alphaPass: 0.1 });
    expect(plan.gates).toEqual([
      {
        name: 'a',
        role: 'guard',
        weight: 0.2,
        blipMs: MINUTE,
        dispersion: { mode: 'auto' },
        shared: 'hold',
        metric: 'error-rate',
        limit: { kind: 'worse-by', ratio: 1.2, share: 0.001 },
      },
      {
        name: 'b',
        role: 'required',
        weight: null,
        blipMs: 3_000,
        dispersion: { mode: 'fixed', phi: 2 },
        shared: 'strict',
        metric: 'slow-share',
        aboveMs: 400,
        limit: { kind: 'at-most', share: 0.125 },
      },
    ]);
  });

  it('gives the same steps for a bare word and for its defaults written out', async () => {
    const bare = await folder.plan(
      `${SPEC}steps: [create, mirror, ramp, approve, cutover, bake, delete-baseline]\n`,
    );
    const written = await folder.plan(`${SPEC}steps:
  - create: { ready-within: 1h }
  - { mirror: 10%, for: 2m .. 20m, gates: [errors, latency], undecided: hold }
  - { ramp: [10%, 25%, 50%], for: 2m .. 30m }
  - approve: 24h
  - cutover
  - bake: 30m
  - delete-baseline: { drain-within: 10m }
`);

    expect(written).toEqual(bare);
  });

  it('needs no create step when an existing deployment is adopted', async () => {
    const plan = await folder.plan(`${SPEC}adopt: true\nsteps: [ramp, cutover]\n`);

    expect(plan.adopt).toBe(true);
    expect(plan.steps[0]?.kind).toBe('ramp');
  });

  it('takes values of anchors where aliases stand', async () => {
    const plan = await folder.plan(`${SPEC}gates:
  errors: &rule { metric: error-rate, at-most: 1% }
  more: *rule
`);

    expect(plan.gates[1]).toEqual({ ...plan.gates[0], name: 'more' });
  });

  it('follows links that stay inside the folder', async () => {
    await folder.write({ 'models/v2.pkl': 'model' });
    await symlink('models/v2.pkl', folder.at('current'));

    const plan = await folder.plan(SPEC, { 'green.yml': 'name: green\nmodel: { path: current }\n' });

    expect(plan.deployment.model).toEqual({ kind: 'path', path: folder.at('models/v2.pkl') });
  });
});

describe('the digest of a plan', () => {
  const withModel = { 'green.yml': 'name: green\nmodel: { path: model }\n', 'model/a.bin': 'one' };

  it('does not change with comments, layout or the folder it lies in', async () => {
    const other = await Folder.make();
    const here = await folder.plan(SPEC, withModel);
    const there = await other.plan(`# hello\ndeployment: "green.yml"\nendpoint: diabetes\n`, withModel);
    await other.remove();

    expect(there.digest).toBe(here.digest);
    expect(there.deployment.filesDigest).toBe(here.deployment.filesDigest);
  });

  it.each([
    ['the content of a model file', { ...withModel, 'model/a.bin': 'two' }, SPEC],
    ['a further model file', { ...withModel, 'model/b.bin': '' }, SPEC],
    ['a gate', withModel, `${SPEC}watching: { interval: 6s }\n`],
    ['the deployment', { ...withModel, 'green.yml': `${withModel['green.yml']}instance_count: 2\n` }, SPEC],
  ])('changes with %s', async (_what, files, spec) => {
    const before = await folder.plan(SPEC, withModel);
    const after = await folder.plan(spec, files);

    expect(after.digest).not.toBe(before.digest);
  });

  it('does not change when running the code leaves files behind', async () => {
    const before = await folder.plan(SPEC, withModel);
    const after = await folder.plan(SPEC, { ...withModel, 'model/__pycache__/x.pyc': 'x' });

    expect(after.digest).toBe(before.digest);
  });

  it('can be computed again from the plan', async () => {
    const { digest, ...plan } = await folder.plan(SPEC, withModel);

    expect(planDigest(plan, folder.path)).toBe(digest);
  });
});

describe('renderPlan', () => {
  it('shows every default', async () => {
    const plan = await folder.plan(EXAMPLE, EXAMPLE_FILES);

    const text = renderPlan({ ...plan, digest: 'D', deployment: { ...plan.deployment, filesDigest: 'F' } });

    expect(`\n${text.replaceAll(`${folder.path}/`, '')}\n`).toMatchSnapshot();
  });

  it('shows what a two-line spec leaves open', async () => {
    const plan = await folder.plan(SPEC);

    expect(`\n${renderPlan(plan).replace(plan.digest, 'D')}\n`).toMatchSnapshot();
  });
});

describe('a file that a deployment names', () => {
  it.each([
    ['a link that leads out of the folder', 'model: { path: link }'],
    ['a folder that holds such a link', 'model: { path: models }'],
  ])('is refused when it is %s', async (_what, line) => {
    await folder.write({ 'models/a': '' });
    await symlink('..', folder.at('link'));
    await symlink('../..', folder.at('models/link'));

    const problems = await folder.problems(SPEC, { 'green.yml': `name: green\n${line}\n` });

    expect(problems.map(({ code, path }) => [code, path])).toEqual([['deployment/outside', 'model.path']]);
  });

  it('may hold a link that leads back to itself', async () => {
    await folder.write({ 'models/a': '' });
    await symlink('.', folder.at('models/self'));

    const plan = await folder.plan(SPEC, { 'green.yml': 'name: green\nmodel: { path: models }\n' });

    expect(plan.deployment.filesDigest).toBeDefined();
  });
});

describe('a spec file', () => {
  it.each([
    ['is not there', 'nothing.yml', 'spec/missing-file'],
    ['is a folder', 'folder', 'spec/not-a-file'],
    ['is a device', '/dev/zero', 'spec/not-a-file'],
  ])('that %s is a problem without a place', async (_what, name, code) => {
    await folder.write({ 'folder/x': '' });

    const { spec, problems } = await parseSpec(name.startsWith('/') ? name : folder.at(name));

    expect(spec).toBeUndefined();
    expect(problems).toMatchObject([{ code, at: null, severity: 'error' }]);
  });

  it('may begin with a byte order mark and end its lines with CRLF', async () => {
    const plan = await folder.plan(`\uFEFF${SPEC.replaceAll('\n', '\r\n')}`);

    expect(plan.endpoint).toBe('diabetes');
  });
});
