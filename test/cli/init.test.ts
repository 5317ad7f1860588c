import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { initialFiles } from '../../cli/init-spec.js';
import { forecastPlan } from '../../core/gates/index.js';
import type { EndpointState } from '../../core/endpoint.js';
import type { Target } from '../../core/plan.js';
import { packageRoot } from '../../embedded/package-root.js';
import { loadSpec } from '../../spec/index.js';
import { blocksOf } from '../docs/pages.js';
import { Folder } from '../spec/folder.js';
import { BASELINES } from '../support/baselines.js';
import { greenlight, temporaryFolder } from './cli.js';

let shown: EndpointState | undefined;
vi.mock('../../cli/endpoints.js', () => ({
  openEndpoints: () => Promise.resolve({ read: () => Promise.resolve(shown) }),
}));
afterEach(() => {
  shown = undefined;
});

const HOST = { kind: 'host', workspace: 'local' } as const;
const NAMESPACE = { kind: 'kubernetes', namespace: 'models' } as const;
const AZURE = {
  kind: 'azureml',
  subscription: '00000000-0000-0000-0000-000000000000',
  resourceGroup: 'rg',
  workspace: 'workspace',
} as const;

function endpointOf(
  live: Readonly<Record<string, number>>,
  more: Partial<EndpointState> = {},
): EndpointState {
  return {
    name: 'diabetes',
    kind: 'managed',
    state: 'ready',
    traffic: { live, mirror: {} },
    deployments: Object.keys(live).map((name) => ({
      name,
      state: 'ready',
      instances: { wanted: 3, ready: 3 },
      restarts: 0,
      tags: {},
    })),
    scoringUri: 'http://127.0.0.1/score',
    ...more,
  };
}

describe('the spec that init writes', () => {
  it.each`
    kind            | target
    ${'managed'}    | ${HOST}
    ${'kubernetes'} | ${HOST}
    ${'kubernetes'} | ${NAMESPACE}
    ${'managed'}    | ${AZURE}
    ${'kubernetes'} | ${AZURE}
  `(
    'is right as it stands, for a $kind endpoint on $target.kind',
    async ({ kind, target }: { kind: EndpointState['kind']; target: Target }) => {
      const folder = await temporaryFolder();
      const files = initialFiles(endpointOf({ blue: 100 }, { kind }), {
        target,
        deploymentFile: './green.yml',
      });
      const filled = files?.deployment
        .replaceAll('MODEL:VERSION', 'diabetes:2')
        .replaceAll('ENVIRONMENT:VERSION', 'sklearn:1');
      await mkdir(join(folder, 'scoring'));
      await writeFile(join(folder, 'scoring', 'score.py'), 'def init(): pass\ndef run(data): return {}\n');
      await writeFile(join(folder, 'green.yml'), filled ?? '');
      await writeFile(join(folder, 'rollout.yml'), files?.spec ?? '');

      const loaded = await loadSpec(join(folder, 'rollout.yml'));

      expect(loaded).toMatchObject({
        ok: true,
        plan: {
          endpoint: 'diabetes',
          baseline: 'blue',
          target,
          deployment: { name: 'green', kind, instanceCount: 3 },
        },
      });
    },
  );

  it.each`
    kind            | target       | mirrors  | because
    ${'managed'}    | ${HOST}      | ${true}  | ${'the host copies requests and counts them apart'}
    ${'kubernetes'} | ${HOST}      | ${false} | ${'Azure ML does not mirror on such endpoints, and the host is like it'}
    ${'kubernetes'} | ${NAMESPACE} | ${true}  | ${'the gateway copies requests and counts them apart'}
    ${'managed'}    | ${AZURE}     | ${false} | ${'nobody can tell how green answers the copies'}
  `(
    'mirrors on $target.kind, endpoint of kind $kind: $mirrors, since $because',
    ({ kind, target, mirrors }: { kind: EndpointState['kind']; target: Target; mirrors: boolean }) => {
      const files = initialFiles(endpointOf({ blue: 100 }, { kind }), { target, deploymentFile: './g.yml' });

      expect(files?.spec.includes('- mirror: 10%')).toBe(mirrors);
    },
  );

  it.each`
    target       | gate      | because
    ${HOST}      | ${'slow'} | ${'a tenth of the few milliseconds that a model at hand takes is not to be proven'}
    ${NAMESPACE} | ${'slow'} | ${'the buckets of a stock proxy cannot tell a tenth'}
    ${AZURE}     | ${null}   | ${'Azure Monitor has no histograms'}
  `(
    'judges latency on $target.kind by the gate $gate, since $because',
    ({ target, gate }: { target: Target; gate: string | null }) => {
      const files = initialFiles(endpointOf({ blue: 100 }), { target, deploymentFile: './g.yml' });

      const gates = [...(files?.spec ?? '').matchAll(/^  (\w+): \{ metric: latency/gm)].map(
        ([, name]) => name,
      );
      expect(gates).toEqual(gate === null ? [] : [gate]);
    },
  );

  it.each(Object.keys(BASELINES) as (keyof typeof BASELINES)[])(
    'has gates that can decide on the endpoint host, beside a %s baseline',
    async (baseline) => {
      const folder = await Folder.make();
      const files = initialFiles(endpointOf({ blue: 100 }), { target: HOST, deploymentFile: './green.yml' });

      const plan = await folder.plan(files?.spec ?? '').finally(() => folder.remove());

      expect(forecastPlan(plan, { ...BASELINES[baseline], rps: 40 }).problems).toEqual([]);
    },
  );

  it.each`
    live                       | green
    ${{ blue: 100 }}           | ${'green'}
    ${{ green: 100 }}          | ${'blue'}
    ${{ green: 0, blue: 100 }} | ${'green-2'}
  `(
    'names the new deployment $green beside $live',
    ({ live, green }: { live: Record<string, number>; green: string }) => {
      const files = initialFiles(endpointOf(live), { target: HOST, deploymentFile: './g.yml' });

      expect(files?.deployment).toContain(`name: ${green}\n`);
    },
  );

  it('needs one deployment that holds all traffic', () => {
    const split = endpointOf({ blue: 50, green: 50 });

    expect(initialFiles(split, { target: HOST, deploymentFile: './g.yml' })).toBeUndefined();
  });
});

describe('the spec that init writes for Kubernetes', () => {
  const STOCK = [0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000];

  const written = () =>
    initialFiles(endpointOf({ blue: 100 }, { kind: 'kubernetes' }), {
      target: NAMESPACE,
      deploymentFile: './green.yml',
    });

  /** What `greenlight plan` rejects at 50 requests a second: half of them take 30 ms, and one of twenty 54 ms. */
  async function problemsOf(spec: string, edgesMs: readonly number[]): Promise<readonly string[]> {
    const folder = await Folder.make();
    const green = { 'green.yml': written()?.deployment ?? '' };
    const plan = await folder.plan(spec, green).finally(() => folder.remove());
    const requests = 200_000;
    const slower = (ms: number) => requests / (1 + (ms / 30) ** 5);
    const le = [...edgesMs.map((ms) => Math.round(requests - slower(ms))), requests];
    return forecastPlan(plan, { rps: 50, baseline: { requests, errors: 0, le }, edgesMs }).problems;
  }

  /** Those of the EnvoyProxy in docs/metrics.md. */
  async function documentedEdges(): Promise<readonly number[]> {
    const page = await readFile(join(packageRoot(), 'docs', 'metrics.md'), 'utf8');
    const block = blocksOf('metrics.md', page).find(({ text }) => text.includes('kind: EnvoyProxy'));
    const { spec } = parse(block?.text ?? '') as { spec: { bootstrap: { value: string } } };
    const { stats_config: stats } = parse(spec.bootstrap.value) as {
      stats_config: { histogram_bucket_settings: readonly { buckets: readonly number[] }[] };
    };
    return stats.histogram_bucket_settings[0]?.buckets ?? [];
  }

  it('can be decided by what a stock proxy counts', async () => {
    expect(await problemsOf(written()?.spec ?? '', STOCK)).toEqual([]);
  });

  it('compares latency too, once its # is away, by the buckets of docs/metrics.md: not by stock ones', async () => {
    const compared = (written()?.spec ?? '').replace(/^  # (?=latency:)/m, '  ');

    expect(compared).toMatch(/^  latency: /m);
    expect(await problemsOf(compared, await documentedEdges())).toEqual([]);
    expect(await problemsOf(compared, STOCK)).not.toEqual([]);
  });
});

describe('greenlight init', () => {
  it('writes a spec and a deployment file to fill in, and says what to do next', async () => {
    shown = endpointOf({ blue: 100 });
    const folder = await temporaryFolder();
    const file = join(folder, 'rollout.yml');

    const told = await greenlight(['init', 'diabetes', '--file', file]);

    expect(told).toMatchObject({ code: 0, stderr: '' });
    for (const command of ['validate', 'plan', 'submit'])
      expect(told.stdout).toContain(`greenlight ${command} ${file}`);
    expect((await readdir(folder)).sort()).toEqual(['diabetes-deployment.yml', 'rollout.yml']);
    expect(await readFile(file, 'utf8')).toContain('deployment: ./diabetes-deployment.yml');
  });

  it('names the deployment file that is given, from where the spec stands, and leaves it alone', async () => {
    shown = endpointOf({ blue: 100 });
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'specs'));
    const file = join(folder, 'rollout.yml');

    await greenlight([
      'init',
      'diabetes',
      '--file',
      file,
      '--deployment',
      join(folder, 'specs', 'green.yml'),
    ]);

    expect(await readFile(file, 'utf8')).toContain('deployment: ./specs/green.yml');
    expect((await readdir(folder)).sort()).toEqual(['rollout.yml', 'specs']);
  });

  it('writes no spec that could not name its deployment file', async () => {
    shown = endpointOf({ blue: 100 });
    const folder = await temporaryFolder();
    const file = join(folder, 'specs', 'rollout.yml');
    await mkdir(join(folder, 'specs'));
    const init = ['init', 'diabetes', '--file', file, '--deployment', join(folder, 'green.yml')];

    const told = await greenlight(init);

    expect(told.code).toBe(11);
    expect(told.stderr).toContain(`${join(folder, 'green.yml')} is not in the folder of ${file}`);
    expect(await readdir(join(folder, 'specs'))).toEqual([]);
  });

  it('overwrites nothing, and writes nothing beside what it would have overwritten', async () => {
    shown = endpointOf({ blue: 100 });
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'diabetes-deployment.yml'), 'mine');

    const told = await greenlight(['init', 'diabetes', '--file', join(folder, 'rollout.yml')]);

    expect(told.code).toBe(11);
    expect(told.stderr).toContain(
      'diabetes-deployment.yml exists already, and is not overwritten. Give it with --deployment',
    );
    expect(await readdir(folder)).toEqual(['diabetes-deployment.yml']);
  });

  it.each`
    set                    | target
    ${'kubernetes/models'} | ${'{ kubernetes: { namespace: models } }'}
    ${''}                  | ${'{ host: { workspace: local } }'}
  `(
    'is for $target with GREENLIGHT_TARGET "$set"',
    async ({ set, target }: { set: string; target: string }) => {
      shown = endpointOf({ blue: 100 });
      const file = join(await temporaryFolder(), 'rollout.yml');

      const told = await greenlight(['init', 'diabetes', '--file', file], {
        env: { GREENLIGHT_TARGET: set },
      });

      expect(told).toMatchObject({ code: 0, stderr: '' });
      expect(await readFile(file, 'utf8')).toContain(`target: ${target}`);
    },
  );

  it('says what to do where no deployment can be the baseline', async () => {
    shown = endpointOf({ blue: 50, green: 50 });

    const told = await greenlight(['init', 'diabetes', '--file', '/nowhere/rollout.yml']);

    expect(told.code).toBe(11);
    expect(told.stderr).toContain('No deployment of diabetes holds all live traffic (blue 50 %, green 50 %)');
  });

  it('says why nobody gets any traffic where the endpoint knows, and not to give it to one', async () => {
    shown = endpointOf({}, { state: 'failed', error: 'HTTPRoute diabetes leads to Service diabetes-v1' });

    const told = await greenlight(['init', 'diabetes', '--file', '/nowhere/rollout.yml']);

    expect(told.code).toBe(11);
    expect(told.stderr).toContain('HTTPRoute diabetes leads to Service diabetes-v1');
    expect(told.stderr).not.toContain('revert');
  });
});

describe('suggestions', () => {
  it.each`
    typed                            | meant
    ${['stauts', 'diabetes']}        | ${'Did you mean status?'}
    ${['submit', 'a.yml', '--wiat']} | ${'Did you mean --wait?'}
    ${['endpoint', 'creat', 'x']}    | ${'Did you mean create?'}
  `('$typed: $meant', async ({ typed, meant }: { typed: string[]; meant: string }) => {
    const { code, stderr } = await greenlight(typed);

    expect(code).toBe(2);
    expect(stderr).toContain(meant);
  });
});
