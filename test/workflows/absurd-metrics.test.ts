import { describe, expect, it } from 'vitest';

import type { Counters, MetricsSnapshot } from '../../core/metrics.js';
import { MemoryTarget } from '../support/memory-target.js';
import { CREATE, CUTOVER, planOf, rampStep } from '../support/plans.js';
import { useBench } from '../support/rollout-bench.js';

const bench = useBench();

const SPLIT = { live: { blue: 90, green: 10 }, mirror: {} };

/** What a broken source may say of a deployment whose requests all go well. */
const ABSURD: Readonly<Record<string, (snapshot: MetricsSnapshot) => MetricsSnapshot>> = {
  'not a number': counters((c) => ({ ...c, requests: NaN, errors: NaN })),
  negative: counters((c) => ({ ...c, requests: -c.requests, errors: -5 })),
  'beyond counting': counters((c) => ({ ...c, requests: 1e18, errors: 1e18, le: c.le.map(() => 1e18) })),
  'more errors than requests': counters((c) => ({ ...c, errors: c.requests + 1000 })),
  'without blue': ({ deployments, ...rest }) => {
    const { green } = deployments;
    return { ...rest, deployments: green === undefined ? {} : { green } };
  },
  stale: (snapshot) => ({ ...snapshot, ageMs: 600_000 }),
  'without green': ({ deployments, ...rest }) => {
    const { blue } = deployments;
    return { ...rest, deployments: blue === undefined ? {} : { blue } };
  },
  'without histograms': counters((c) => ({ ...c, le: [] })),
  'of shrinking buckets': counters((c) => ({ ...c, le: [...c.le].reverse() })),
  'counted anew at every reading': countedAnew(),
};

/** A source that forgets all it has counted before each reading, of both deployments. */
function countedAnew(): (snapshot: MetricsSnapshot) => MetricsSnapshot {
  let left = 1_000_000;
  return (snapshot) => {
    left -= 10;
    return counters((c) => ({ ...c, requests: left, errors: 0, le: c.le.map(() => left) }))(snapshot);
  };
}

function counters(change: (counters: Counters) => Counters): (snapshot: MetricsSnapshot) => MetricsSnapshot {
  return (snapshot) => ({
    ...snapshot,
    deployments: Object.fromEntries(
      Object.entries(snapshot.deployments).map(([name, kinds]) => [
        name,
        Object.fromEntries(Object.entries(kinds).map(([kind, c]) => [kind, change(c)])),
      ]),
    ),
  });
}

describe.each(Object.entries(ABSURD))('metrics that are %s', (what, distort) => {
  it('neither promote nor roll back: the step is held when its time is over, and goes on by a person', async () => {
    const target = new MemoryTarget();
    const rollout = await bench.start(
      planOf(`absurd-${what.replaceAll(' ', '-')}`, [
        CREATE,
        rampStep(10, { dwell: { atLeastMs: 2000, atMostMs: 3000 } }),
        CUTOVER,
      ]),
      target,
    );
    await rollout.until((s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10);

    target.distort = distort;
    const held = await rollout.until((s) => s.hold?.kind === 'undecided');

    expect(held.phase).toBe('held');
    expect(held.hold?.sinceMs).toBeGreaterThan(held.stepStartedAtMs);
    expect(target.traffic).toEqual(SPLIT);
    target.distort = (snapshot) => snapshot;
    await rollout.send('approve', { by: 'ada', reason: 'looked myself' });
    await rollout.promoted();
  });
});

describe('metrics that are absurd already before the first look', () => {
  it.each([
    'not a number',
    'negative',
    'beyond counting',
    'more errors than requests',
    'of shrinking buckets',
  ])('are refused by preflight, in words, and nothing is changed: %s', async (what) => {
    const target = new MemoryTarget();
    target.distort = ABSURD[what] ?? target.distort;
    const plan = planOf(`refused-${what.replaceAll(' ', '-')}`, [CREATE, rampStep(10), CUTOVER]);

    const { type, report } = await (await bench.start(plan, target)).failure();

    expect(type).toBe('Rejected');
    expect(report.reason).toMatch(/^Preflight.*The metric source says of blue \(live\): .* requests, /);
    expect(target.writes).toEqual([]);
  });

  it('hold the first step, whatever they are, until a person lets it go on', async () => {
    const ends = Object.entries(ABSURD).map(async ([what, distort]) => {
      const target = new MemoryTarget();
      target.distort = (snapshot) => (target.writes.length === 0 ? snapshot : distort(snapshot));
      // What a source may well lack before there are requests is no reason to refuse a rollout.
      if (what === 'without blue' || what === 'without histograms') target.distort = distort;
      const ramp = rampStep(10, { dwell: { atLeastMs: 1000, atMostMs: 2000 } });
      const plan = planOf(`from-the-start-${what.replaceAll(' ', '-')}`, [CREATE, ramp, CUTOVER]);
      const rollout = await bench.start(plan, target);
      const held = await rollout.until((s) => s.hold?.kind === 'undecided');
      const { traffic } = target;
      target.distort = (snapshot) => snapshot;
      await rollout.send('approve', { by: 'ada', reason: 'looked myself' });
      const { outcome } = await rollout.promoted();
      return { what, phase: held.phase, traffic, outcome };
    });

    expect(await Promise.all(ends)).toEqual(
      Object.keys(ABSURD).map((what) => ({ what, phase: 'held', traffic: SPLIT, outcome: 'promoted' })),
    );
  });
});

describe('a deployment that someone else deletes', () => {
  it.each(['blue', 'green'])('%s: the rollout is held, and says what is gone', async (name) => {
    const target = new MemoryTarget();
    const rollout = await bench.start(
      planOf(`deleted-${name}`, [CREATE, rampStep(10, { dwell: { atLeastMs: 20_000, atMostMs: 60_000 } })]),
      target,
    );
    await rollout.until((s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10);
    const { looks, writes } = target;
    const written = writes.length;

    target.deployments.delete(name);
    const held = await rollout.until((s) => s.phase === 'held');

    expect(held.hold).toMatchObject({ kind: 'drift', observed: null });
    expect(target.looks - looks).toBeLessThan(20);
    expect(writes.slice(written)).toEqual([]);
    target.addDeployment(name);
    await rollout.send('abort', { by: 'ada', reason: 'test' });
    expect((await rollout.failure()).type).toBe('Aborted');
  });
});
