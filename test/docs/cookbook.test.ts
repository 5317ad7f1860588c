import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Plan, Step, Target } from '../../core/plan.js';
import { packageRoot } from '../../embedded/package-root.js';
import { loadSpec } from '../../spec/index.js';
import { MemoryTarget, type Behaviour } from '../support/memory-target.js';
import { useBench, type Rollout } from '../support/rollout-bench.js';

const FOLDER = join(packageRoot(), 'rollout-specs', 'cookbook');
const bench = useBench();

/**
 * The specs run as they stand, on a clock that is 200 times as fast: every time of the plan is divided by it, and the
 * endpoint's requests come 200 times as fast, so that each step sees as many requests as it would. Two things differ: looks
 * are no closer than a tenth of a second, which a gate's promise does not depend on; and bakes end after a second,
 * because a day of them shows no more here.
 */
const FASTER = 200;
const CLOSEST_LOOKS_MS = 100;
const LONGEST_BAKE_MS = 1_000;

function faster(plan: Plan, name: string): Plan {
  const sooner = (ms: number): number => Math.ceil(ms / FASTER);
  const step = (one: Step): Step => {
    switch (one.kind) {
      case 'mirror':
      case 'ramp':
        return {
          ...one,
          dwell: { atLeastMs: sooner(one.dwell.atLeastMs), atMostMs: sooner(one.dwell.atMostMs) },
        };
      case 'bake':
        return { ...one, forMs: Math.min(sooner(one.forMs), LONGEST_BAKE_MS) };
      case 'delete-baseline':
        return { ...one, drainWithinMs: sooner(one.drainWithinMs) };
      case 'approve':
        return { ...one, withinMs: sooner(one.withinMs) };
      case 'create':
      case 'smoke':
      case 'cutover':
        return one;
      default:
        return one satisfies never;
    }
  };
  return {
    ...plan,
    // All specs name one endpoint, and one endpoint takes one rollout at a time.
    endpoint: name,
    target: hostOf(name),
    watching: {
      ...plan.watching,
      intervalMs: Math.max(sooner(plan.watching.intervalMs), CLOSEST_LOOKS_MS),
      warmUpMs: sooner(plan.watching.warmUpMs),
    },
    gates: plan.gates.map((gate) => ({ ...gate, blipMs: sooner(gate.blipMs) })),
    steps: plan.steps.map(step),
  };
}

const hostOf = (workspace: string): Target => ({ kind: 'host', workspace });

async function planOf(name: string): Promise<Plan> {
  const loaded = await loadSpec(join(FOLDER, `${name}.yml`));
  expect(loaded.ok ? loaded.warnings : loaded.problems).toEqual([]);
  if (!loaded.ok) throw new Error(`${name}.yml is wrong`);
  return faster(loaded.plan, name);
}

/** An endpoint in memory with so many requests a second by the spec's clock, and a healthy green. */
function endpointOf(rps: number, green: Partial<Behaviour> = {}): MemoryTarget {
  const target = new MemoryTarget();
  target.requestsPerSecond = rps * FASTER;
  // Latencies spread about 10 ms, and slow ones of 3 s; edges fine enough to see a tenth.
  target.edgesMs = Array.from({ length: 160 }, (_, i) => 4 * 1.05 ** i);
  target.within = (ms, slow) => (1 - slow) * (1 - Math.exp(-ms / 10)) + (ms > 3_000 ? slow : 0);
  target.behaviour.set('green', { errors: 0, slow: 0, ...green });
  return target;
}

const BUSY = 400;
const ENDPOINTS = {
  'two-step-canary': endpointOf(BUSY),
  'linear-thirds': endpointOf(BUSY),
  'mirror-only': endpointOf(BUSY),
  'manual-promotion': endpointOf(BUSY),
  'long-bake': endpointOf(BUSY),
  'low-traffic': endpointOf(0.5),
  'guard-gates': endpointOf(BUSY),
  'tightened-gates': endpointOf(BUSY),
  'keep-for-debugging': endpointOf(BUSY, { errors: 0.2 }),
  unattended: endpointOf(0.05),
  'adopt-existing': endpointOf(BUSY),
};
type Name = keyof typeof ENDPOINTS;
const NAMES = Object.keys(ENDPOINTS) as Name[];

const rollouts = new Map<Name, Rollout>();
const rolloutOf = (name: Name): Rollout => {
  const found = rollouts.get(name);
  if (found === undefined) throw new Error(`${name}.yml was not started`);
  return found;
};

/** Live shares of green that were in force, in order. */
const sharesOf = (name: Name): number[] =>
  ENDPOINTS[name].everLive.map(({ live }) => live['green'] ?? 0).filter((share) => share > 0);

beforeAll(async () => {
  ENDPOINTS['adopt-existing'].addDeployment('green');
  // Side by side: most of their time is waiting.
  for (const name of NAMES) rollouts.set(name, await bench.start(await planOf(name), ENDPOINTS[name]));
});

describe('the specs of the cookbook', { timeout: 60_000 }, () => {
  it('are all run here and told of in docs/cookbook.md, and nothing else is', async () => {
    const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.yml'));
    const specs = files.filter((name) => name !== 'green-deployment.yml');
    const page = await readFile(join(packageRoot(), 'docs', 'cookbook.md'), 'utf8');
    const told = [...page.matchAll(/cookbook\/([a-z-]+\.yml)\)/g)]
      .map(([, name]) => name)
      .filter((name) => name !== 'green-deployment.yml');

    expect(specs.sort()).toEqual(NAMES.map((name) => `${name}.yml`).sort());
    expect([...new Set(told)].sort()).toEqual(specs);
  });

  it('manual-promotion waits for one of two named people, three times', async () => {
    const rollout = rolloutOf('manual-promotion');
    const waiting = (share: number) =>
      rollout.until(
        ({ phase, traffic }) => phase === 'waiting-for-approval' && traffic?.live['green'] === share,
      );

    await waiting(10);
    await expect(rollout.send('approve', { by: 'mallory', reason: '' })).rejects.toThrow();
    await rollout.send('approve', { by: 'bob', reason: 'fine so far' });
    await waiting(50);
    await rollout.send('approve', { by: 'bob', reason: 'still fine' });
    await waiting(100);
    await expect(rollout.send('approve', { by: 'bob', reason: '' })).rejects.toThrow();
    await rollout.send('approve', { by: 'ann', reason: 'blue can go' });

    expect((await rollout.promoted()).actions.map(({ by }) => by)).toEqual(['bob', 'bob', 'ann']);
    expect([...ENDPOINTS['manual-promotion'].deployments.keys()]).toEqual(['green']);
  });

  it.each<{ name: Name; shares: number[] }>([
    { name: 'two-step-canary', shares: [10, 50, 100] },
    { name: 'linear-thirds', shares: [33, 66, 100] },
    { name: 'long-bake', shares: [10, 50, 100] },
    { name: 'low-traffic', shares: [50, 100] },
    { name: 'guard-gates', shares: [10, 25, 50, 100] },
    { name: 'tightened-gates', shares: [5, 25, 50, 100] },
    { name: 'adopt-existing', shares: [10, 50, 100] },
  ])('$name takes a good version to $shares percent, and the baseline goes', async ({ name, shares }) => {
    expect((await rolloutOf(name).promoted()).outcome).toBe('promoted');
    expect(sharesOf(name)).toEqual(shares);
    expect([...ENDPOINTS[name].deployments.keys()]).toEqual(['green']);
  });

  it('linear-thirds stays a quarter of an hour at each share, however good the evidence', async () => {
    const { steps } = await planOf('linear-thirds');
    const quarter = 900_000 / FASTER;

    expect(steps.flatMap((step) => (step.kind === 'ramp' ? [step.dwell] : []))).toEqual([
      { atLeastMs: quarter, atMostMs: quarter },
      { atLeastMs: quarter, atMostMs: quarter },
    ]);
  });

  it('mirror-only gives no client an answer of green before it is proven', async () => {
    await rolloutOf('mirror-only').promoted();

    expect(ENDPOINTS['mirror-only'].everLive[0]).toEqual({ live: { blue: 100 }, mirror: { green: 50 } });
    expect(sharesOf('mirror-only')).toEqual([100]);
  });

  it('guard-gates rolls back on answers that only a guard looks at', async () => {
    // A fiftieth is slow: the 95th percentile, which has to be proven, does not see it.
    const plan = { ...(await planOf('guard-gates')), endpoint: 'guarded', target: hostOf('guarded') };
    const rollout = await bench.start(plan, endpointOf(BUSY, { slow: 0.02 }));

    const { type, message } = await rollout.failure();
    expect([type, message]).toEqual(['RolledBack', expect.stringMatching(/gate (tail|stuck)/)]);
  });

  it('keep-for-debugging leaves a bad green without traffic, to be looked at', async () => {
    const { type } = await rolloutOf('keep-for-debugging').failure();
    const { deployments, traffic } = ENDPOINTS['keep-for-debugging'];

    expect(type).toBe('RolledBack');
    expect([...deployments.keys()]).toEqual(['blue', 'green']);
    expect(traffic.live).toEqual({ blue: 100 });
  });

  it('unattended goes back where nothing can be proven, and asks nobody', async () => {
    expect((await rolloutOf('unattended').failure()).type).toBe('RolledBack');
  });

  it('adopt-existing goes on from a green that somebody else created', async () => {
    await rolloutOf('adopt-existing').promoted();

    expect(ENDPOINTS['adopt-existing'].writes).not.toContain('create green');
  });
});
