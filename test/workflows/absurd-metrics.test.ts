import { describe, expect, it } from 'vitest';

import type { Step } from '../../core/plan.js';
import { sameTraffic, type Traffic } from '../../core/traffic.js';
import { ABSURD } from '../support/absurd-metrics.js';
import { MemoryTarget } from '../support/memory-target.js';
import {
  APPROVE,
  bakeStep,
  CREATE,
  CUTOVER,
  FOR_LONG,
  LONG,
  mirrorStep,
  planOf,
  rampStep,
} from '../support/plans.js';
import { useBench } from '../support/rollout-bench.js';

const bench = useBench();

const SPLIT = { live: { blue: 90, green: 10 }, mirror: {} };

/** Looks that are true before a source begins to lie. */
const TRUE_LOOKS = 5;
/** A stall of the machine among the true looks must not fill it. */
const FOR_MS = 4_000;
const DWELL = { atLeastMs: FOR_MS, atMostMs: FOR_MS };
const watching = { intervalMs: 20, warmUpMs: 0, alpha: 0.01, alphaPass: 0.05 };

/** Steps that gates have to decide within a time, and the traffic that shows that such a one is under way. */
const STEPS: Readonly<Record<string, { steps: readonly Step[]; forLong: Step; traffic: Traffic }>> = {
  mirror: {
    steps: [CREATE, mirrorStep(10, { dwell: DWELL }), CUTOVER],
    forLong: mirrorStep(10, FOR_LONG),
    traffic: { live: { blue: 100 }, mirror: { green: 10 } },
  },
  ramp: { steps: [CREATE, rampStep(10, { dwell: DWELL }), CUTOVER], forLong: LONG, traffic: SPLIT },
  bake: {
    steps: [CREATE, CUTOVER, bakeStep(FOR_MS)],
    forLong: bakeStep(600_000),
    traffic: { live: { green: 100 }, mirror: {} },
  },
};

/** What hides no errors of green from a bake: without histograms, its gate on latency alone sees nothing. */
const SHOWS_ERRORS = ['without blue', 'without histograms'];

/** Of each way to be absurd one: a pause and a hold look as an approval does, which meets them all. */
const WHILE_IT_WAITS = ['not a number', 'beyond counting', 'stale', 'without green'].map(
  (what) => [what, ABSURD[what]!] as const,
);
const BY = { by: 'ada', reason: 'looked myself' };

const IN_STEPS = Object.entries(STEPS).flatMap(([step, there]) =>
  Object.entries(ABSURD)
    // Blue has no traffic in a bake.
    .filter(([what]) => step !== 'bake' || what !== 'without blue')
    .map(([what, distort]) => ({ step, what, distort, ...there })),
);

const PAUSED = Object.entries(STEPS).flatMap(([step, there]) =>
  WHILE_IT_WAITS.map(([what, distort]) => ({ step, what, distort, ...there })),
);

const named = (step: string, what: string): string => `absurd-${step}-${what.replaceAll(' ', '-')}`;

describe.concurrent('metrics that become absurd', () => {
  it.each(IN_STEPS)(
    'neither end a $step nor roll it back: it is held when its time is over, and goes on by a person: $what',
    async ({ step, what, distort, steps, traffic }) => {
      const target = new MemoryTarget();
      let looks = 0;
      target.distort = (snapshot) =>
        sameTraffic(target.traffic, traffic) && ++looks > TRUE_LOOKS ? distort(snapshot) : snapshot;
      const rollout = await bench.start(planOf(named(step, what), steps, { watching }), target);

      const held = await rollout.until((s) => s.hold?.kind === 'undecided');

      expect(held.phase).toBe('held');
      expect(held.hold?.sinceMs).toBeGreaterThan(held.stepStartedAtMs);
      expect(target.traffic).toEqual(traffic);
      target.distort = (snapshot) => snapshot;
      await rollout.send('approve', BY);
      await rollout.promoted();
    },
  );

  it.each(Object.entries(ABSURD))(
    'neither approve nor roll back what waits for approval, and a person may still: %s',
    async (what, distort) => {
      const target = new MemoryTarget();
      const plan = planOf(named('approval', what), [CREATE, rampStep(50), APPROVE, CUTOVER], { watching });
      const rollout = await bench.start(plan, target);
      await rollout.until((s) => s.phase === 'waiting-for-approval');
      const { traffic } = target;

      const fromMs = Date.now();
      const { looks: trueLooks } = target;
      target.distort = distort;
      const held = await rollout.until((s) => s.hold !== null);
      const { looks } = target;
      const later = await rollout.until(() => target.looks > looks + 30);

      expect(held).toMatchObject({ phase: 'held', stepIndex: 2, outcome: null, hold: { kind: 'blind' } });
      expect(held.hold?.because).toMatch(/^the gates see nothing: .*; nothing is concluded from that$/);
      expect(held.hold?.sinceMs).toBeGreaterThanOrEqual(fromMs - watching.intervalMs);
      expect(target.looksUntil(held.hold?.sinceMs ?? Infinity, trueLooks)).toBeLessThanOrEqual(3);
      expect(later).toMatchObject({ stepIndex: 2, outcome: null, hold: held.hold });
      expect(target.traffic).toEqual(traffic);
      await rollout.send('approve', BY);
      await rollout.promoted();
    },
  );

  it.each(PAUSED)(
    'neither end a $step that is paused nor roll it back, and a person may still: $what',
    async ({ step, what, distort, forLong, traffic }) => {
      const target = new MemoryTarget();
      const steps = [CREATE, ...(step === 'bake' ? [CUTOVER] : []), forLong];
      const rollout = await bench.start(planOf(named(`pause-${step}`, what), steps, { watching }), target);
      const inStep = ({ stepIndex }: { stepIndex: number }) => stepIndex === steps.length - 1;
      await rollout.until((s) => inStep(s) && sameTraffic(target.traffic, traffic));
      const { looks: before } = target;
      await rollout.until(() => target.looks > before + TRUE_LOOKS);
      await rollout.send('pause', BY);

      target.distort = distort;
      const held = await rollout.until((s) => s.hold !== null);
      const { looks } = target;
      const later = await rollout.until(() => target.looks > looks + 30);

      expect(held).toMatchObject({ phase: 'held', outcome: null, hold: { kind: 'blind' } });
      expect(inStep(held)).toBe(true);
      expect(later).toMatchObject({ stepIndex: held.stepIndex, outcome: null, hold: held.hold });
      expect(target.traffic).toEqual(traffic);
      target.distort = (snapshot) => snapshot;
      await rollout.until((s) => s.phase === 'paused');
      await rollout.send('abort', BY);
      expect((await rollout.failure()).type).toBe('Aborted');
    },
  );

  it.each(WHILE_IT_WAITS)(
    'change nothing about what a rollout is held for, and its person may still answer: %s',
    async (what, distort) => {
      const target = new MemoryTarget();
      target.requestsPerSecond = 100; // too few to decide
      const ramp = rampStep(10, { dwell: { atLeastMs: 300, atMostMs: 600 } });
      const rollout = await bench.start(
        planOf(named('hold', what), [CREATE, ramp, CUTOVER], { watching }),
        target,
      );
      const held = await rollout.until((s) => s.hold?.kind === 'undecided');

      target.distort = distort;
      const { looks } = target;
      const later = await rollout.until(() => target.looks > looks + 30);

      expect(later).toMatchObject({ phase: 'held', stepIndex: 1, outcome: null, hold: held.hold });
      expect(target.traffic).toEqual(SPLIT);
      await rollout.send('approve', BY);
      await rollout.promoted();
    },
  );

  it.each(SHOWS_ERRORS)('hide no errors from a bake: %s', async (what) => {
    const target = new MemoryTarget();
    const plan = planOf(named('bake', what), [CREATE, rampStep(50), CUTOVER, bakeStep(60_000)], { watching });
    const rollout = await bench.start(plan, target);
    await rollout.until((s) => s.phase === 'baking');

    target.distort = ABSURD[what] ?? target.distort;
    target.behaviour.set('green', { errors: 0.5, slow: 0 });

    expect((await rollout.failure()).report.reason).toContain('with an error');
    expect(target.traffic).toEqual({ live: { blue: 100 }, mirror: {} });
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
      await rollout.send('approve', BY);
      const { outcome } = await rollout.promoted();
      return { what, phase: held.phase, traffic, outcome };
    });

    expect(await Promise.all(ends)).toEqual(
      Object.keys(ABSURD).map((what) => ({ what, phase: 'held', traffic: SPLIT, outcome: 'promoted' })),
    );
  });
});
