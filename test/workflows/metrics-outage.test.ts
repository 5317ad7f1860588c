import { defineSearchAttributeKey } from '@temporalio/common';
import { describe, expect, it } from 'vitest';

import type { Step, UndecidedPolicy } from '../../core/plan.js';
import type { RolloutStatus } from '../../core/messages.js';
import type { MetricsSnapshot } from '../../core/metrics.js';
import { distorted, SILENT } from '../support/absurd-metrics.js';
import { creating, MemoryTarget, outage } from '../support/memory-target.js';
import {
  APPROVE,
  bakeStep,
  by,
  CREATE,
  CUTOVER,
  DELETE_BASELINE,
  mirrorStep,
  planOf,
  rampStep,
} from '../support/plans.js';
import { useBench, type Rollout } from '../support/rollout-bench.js';

const bench = useBench();

// Looks of 20 ms: as many looks as five minutes have by default (every 5 s) take 1.2 s here.
const watching = { intervalMs: 20, warmUpMs: 0, alpha: 0.01, alphaPass: 0.05 };
const FIVE_MINUTES_MS = 60 * watching.intervalMs;

const LONG = { atLeastMs: 60_000, atMostMs: 600_000 };
const BAKE = bakeStep(600_000);

interface Wait {
  readonly steps: readonly Step[];
  /** It waits there, once its people have done what `pausedBy` does. */
  there(s: RolloutStatus): boolean;
  /** It is paused while green is under creation. */
  readonly early?: true;
  /** How it comes to be paused; left out: it is not. */
  pausedBy?(rollout: Rollout): Promise<unknown>;
  readonly next: RegExp;
}

/** Where a rollout waits by itself. */
const WAITS: Readonly<Record<string, Wait>> = {
  'dwell of a mirror': {
    steps: [CREATE, mirrorStep(10, { dwell: LONG })],
    there: (s) => s.phase === 'mirroring' && s.traffic?.mirror['green'] === 10,
    next: /^waits for metrics; without them, asks a person at /,
  },
  'dwell of a ramp': {
    steps: [CREATE, rampStep(10, { dwell: LONG, undecided: 'roll-back' })],
    there: (s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10,
    next: /^waits for metrics; without them, rolls back at /,
  },
  approval: {
    steps: [CREATE, rampStep(50), APPROVE],
    there: (s) => s.phase === 'waiting-for-approval',
    next: /^waits for metrics, and for approval until .*, then it rolls back$/,
  },
  bake: {
    steps: [CREATE, CUTOVER, BAKE],
    there: (s) => s.phase === 'baking',
    next: /^waits for metrics; without them, asks a person at /,
  },
};

const PAUSED_BY_ADA = /^waits for resume \(paused by ada: test\)$/;
const pause = (rollout: Rollout): Promise<unknown> => rollout.send('pause', by);

/** The same under a pause, and a pause between two steps: before green has any traffic, and before all of it. */
const PAUSED: Readonly<Record<string, Wait>> = {
  ...Object.fromEntries(
    Object.entries(WAITS).map(([what, wait]) => [
      `pause in the ${what}`,
      { ...wait, pausedBy: pause, next: PAUSED_BY_ADA },
    ]),
  ),
  'pause before the first share': {
    steps: [CREATE, rampStep(10, { dwell: LONG })],
    there: (s) => s.phase === 'creating',
    early: true,
    pausedBy: pause,
    next: PAUSED_BY_ADA,
  },
  'pause before a cutover': {
    steps: [CREATE, rampStep(50), APPROVE, CUTOVER],
    there: (s) => s.phase === 'waiting-for-approval',
    pausedBy: async (rollout) => {
      await pause(rollout);
      await rollout.send('approve', by);
      await rollout.until((s) => s.stepIndex === 3);
    },
    next: PAUSED_BY_ADA,
  },
};

/** What a rollout may be held for already, how it gets there, and what its person's answer leads to. */
interface Held {
  readonly steps: readonly Step[];
  /** Too few to decide by, where that is what it is held for. */
  readonly requestsPerSecond?: number;
  /** From there on it is to be held. */
  there(s: RolloutStatus): boolean;
  change(target: MemoryTarget, rollout: Rollout): unknown;
  readonly hold: 'undecided' | 'drift';
  answer(rollout: Rollout): Promise<string>;
  readonly then: Pick<RolloutStatus, 'phase' | 'stepIndex'>;
}

const SOON = { dwell: { atLeastMs: 300, atMostMs: 600 } };
const FEW = {
  requestsPerSecond: 100,
  there: () => true,
  change: () => undefined,
  hold: 'undecided',
  answer: (rollout: Rollout) => rollout.send('approve', by),
} as const;
/** Somebody else's share, put back by a person's word. */
const changedTo = (green: number) =>
  ({
    change: (target: MemoryTarget) =>
      target.changeTraffic({ live: { blue: 100 - green, green }, mirror: {} }),
    hold: 'drift',
    answer: (rollout: Rollout) => rollout.send('resolveDrift', { choice: 'restore', ...by }),
  }) as const;

const HELD: Readonly<Record<string, Held>> = {
  'undecided in a ramp': {
    ...FEW,
    // It waits in the step that comes next, once it was answered.
    steps: [CREATE, rampStep(10, SOON), rampStep(25, { dwell: LONG })],
    then: { phase: 'ramping', stepIndex: 2 },
  },
  'undecided in a mirror': {
    ...FEW,
    steps: [CREATE, mirrorStep(10, SOON), rampStep(10, { dwell: LONG })],
    then: { phase: 'ramping', stepIndex: 2 },
  },
  'undecided in a bake': {
    ...FEW,
    requestsPerSecond: 0, // a few would do
    steps: [CREATE, CUTOVER, bakeStep(600), BAKE],
    then: { phase: 'baking', stepIndex: 3 },
  },
  'drift in a ramp': {
    ...changedTo(40),
    steps: [CREATE, rampStep(10, { dwell: LONG })],
    there: (s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10,
    then: { phase: 'ramping', stepIndex: 1 },
  },
  'drift in a mirror': {
    ...changedTo(40),
    steps: [CREATE, mirrorStep(10, { dwell: LONG })],
    there: (s) => s.phase === 'mirroring' && s.traffic?.mirror['green'] === 10,
    then: { phase: 'mirroring', stepIndex: 1 },
  },
  'drift before an approval': {
    ...changedTo(40),
    steps: [CREATE, rampStep(50), APPROVE],
    there: (s) => s.phase === 'waiting-for-approval',
    then: { phase: 'waiting-for-approval', stepIndex: 2 },
  },
  'drift in a bake': {
    ...changedTo(90),
    steps: [CREATE, CUTOVER, BAKE],
    there: (s) => s.phase === 'baking',
    then: { phase: 'baking', stepIndex: 2 },
  },
  'drift under a pause': {
    ...changedTo(40),
    steps: [CREATE, rampStep(10, { dwell: LONG })],
    there: (s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10,
    change: async (target, rollout) => {
      await pause(rollout);
      changedTo(40).change(target);
    },
    then: { phase: 'paused', stepIndex: 1 },
  },
};

/** A pause and a hold are watched alike wherever they are: those in a ramp meet each source, the others one that is away. */
function ofRampsByEach({ what, source }: { what: string; source: string }): boolean {
  return what.includes('ramp') || source === 'that is away';
}

/** Each case, by each source that tells nothing. */
function bySource<Case>(cases: Readonly<Record<string, Case>>) {
  return Object.entries(cases).flatMap(([what, given]) =>
    Object.entries(SILENT).map(([source, silent]) => ({ what, source, ...silent, ...given })),
  );
}

const named = (what: string, source: string): string => `${what} ${source}`.replaceAll(' ', '-');

async function shownInTheUi(rollout: Rollout): Promise<{ phase: unknown; details: string }> {
  const { typedSearchAttributes } = await rollout.handle.describe();
  const phase = typedSearchAttributes.get(defineSearchAttributeKey('RolloutPhase', 'KEYWORD'));
  const metadata = await rollout.handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
  return { phase, details: metadata.currentDetails };
}

/** Waits for as many more looks as five minutes have. */
async function fiveMinutesOn(rollout: Rollout, target: MemoryTarget): Promise<RolloutStatus> {
  const fromMs = Date.now();
  const { looks } = target;
  return rollout.until(() => Date.now() - fromMs >= FIVE_MINUTES_MS && target.looks >= looks + 30);
}

describe.concurrent('five minutes without metrics', () => {
  it.each([...bySource(WAITS), ...bySource(PAUSED).filter(ofRampsByEach)])(
    'in $what, by a source $source, neither abort nor promote; the hold is seen, with since when, and ends when they are back',
    async ({ what, source, distort, why, steps, there, early, pausedBy, next }) => {
      const target = new MemoryTarget();
      const creation = creating(target);
      if (early === undefined) creation.over();
      const rollout = await bench.start(planOf(named(what, source), steps, { watching }), target);
      await rollout.until(there);
      await pausedBy?.(rollout);
      creation.over();
      const before = await rollout.until(
        (s) => early === undefined || (s.phase === 'paused' && s.stepIndex === 1),
      );
      const { looks } = target;
      await rollout.until(() => target.looks > looks + 2);
      const { traffic, writes } = { traffic: target.traffic, writes: [...target.writes] };

      const awayAtMs = Date.now();
      const { looks: trueLooks } = target;
      const silence = distorted(target, distort);
      target.behaviour.set('green', { errors: 0.01, slow: 0 });
      const held = await rollout.until((s) => s.phase === 'held');
      const later = await fiveMinutesOn(rollout, target);
      const shown = await shownInTheUi(rollout);

      expect(held.hold?.kind).toBe('blind');
      expect(held.hold?.because).toMatch(/^the gates see nothing: .*; nothing is concluded from that$/);
      expect(held.hold?.because).toMatch(why);
      expect(held.hold?.sinceMs).toBeGreaterThanOrEqual(awayAtMs - watching.intervalMs);
      expect(target.looksUntil(held.hold?.sinceMs ?? Infinity, trueLooks)).toBeLessThanOrEqual(3);
      expect(held.next).toMatch(next);
      expect(later.hold).toEqual(held.hold);
      expect(later.stepIndex).toBe(before.stepIndex);
      expect(shown.phase).toBe('held');
      expect(shown.details).toMatch(why);
      expect(shown.details).toContain('(since ');
      expect({ traffic: target.traffic, writes: target.writes }).toEqual({ traffic, writes });

      target.behaviour.set('green', { errors: 0, slow: 0 });
      silence.over();
      const back = await rollout.until((s) => s.phase !== 'held');
      expect(back).toMatchObject({ phase: before.phase, hold: null });
      await rollout.send('abort', by);
      await rollout.failure();
    },
  );

  it.each(bySource(HELD).filter(ofRampsByEach))(
    'in a rollout that is held ($what) leave it to its person, by a source $source; the answer counts, and the gates wait on for metrics',
    async ({ what, source, distort, steps, requestsPerSecond, there, hold, change, answer, then }) => {
      const target = new MemoryTarget();
      target.requestsPerSecond = requestsPerSecond ?? target.requestsPerSecond;
      const rollout = await bench.start(planOf(named(what, source), steps, { watching }), target);
      await rollout.until((s) => there(s) && target.looks > 5);
      await change(target, rollout);
      const held = await rollout.until((s) => s.hold?.kind === hold);
      const { traffic, writes } = { traffic: target.traffic, writes: [...target.writes] };

      const { looks: trueLooks } = target;
      const silence = distorted(target, distort);
      const later = await fiveMinutesOn(rollout, target);

      expect(later).toMatchObject({ phase: 'held', hold: held.hold, stepIndex: held.stepIndex });
      expect({ traffic: target.traffic, writes: target.writes }).toEqual({ traffic, writes });
      await answer(rollout);
      const blind = await rollout.until((s) => s.hold?.kind === 'blind' && s.stepIndex === then.stepIndex);
      expect(target.looksUntil(blind.hold?.sinceMs ?? Infinity, trueLooks)).toBeLessThanOrEqual(3);
      silence.over();
      const back = await rollout.until((s) => s.phase !== 'held');
      expect(back).toMatchObject({ phase: then.phase, hold: null });
      await rollout.send('abort', by);
      await rollout.failure();
    },
  );

  it('hide no breach: what green did meanwhile counts as soon as they are back', async () => {
    const target = new MemoryTarget();
    const steps = [CREATE, rampStep(10, { dwell: LONG })];
    const rollout = await bench.start(planOf('outage-breach', steps, { watching }), target);
    await rollout.until((s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10);

    target.metricsAway = true;
    target.behaviour.set('green', { errors: 1, slow: 0 });
    await rollout.until((s) => s.hold?.kind === 'blind');
    target.metricsAway = false;

    expect((await rollout.failure()).type).toBe('RolledBack');
    expect(target.traffic).toEqual({ live: { blue: 100 }, mirror: {} });
  });
});

it('a bake that is shorter than its metrics are behind ends by what they tell of it', async () => {
  const LAG_MS = 3_000;
  const target = new MemoryTarget();
  const past: MetricsSnapshot[] = [];
  distorted(target, (now) => {
    past.push(now);
    if (target.traffic.live['green'] === 100) target.behaviour.set('green', { errors: 1, slow: 0 });
    const told = past.findLast(({ atMs }) => atMs <= now.atMs - LAG_MS) ?? (past[0] as MetricsSnapshot);
    return {
      ...told,
      atMs: now.atMs,
      ageMs: Math.max(LAG_MS, now.atMs - told.atMs),
      cadence: { everyMs: 100, behindMs: LAG_MS },
    };
  });

  const rollout = await bench.start(
    planOf('behind', [CREATE, rampStep(50), CUTOVER, bakeStep(2_000)]),
    target,
  );

  expect((await rollout.failure()).type).toBe('RolledBack');
  expect(target.traffic).toEqual({ live: { blue: 100 }, mirror: {} });
});

describe('a step that waits for no metrics, after one that did', () => {
  const SHOWN: Readonly<
    Record<string, { steps: readonly Step[]; call: 'writeTraffic' | 'deleteDeployment' }>
  > = {
    'cutting-over': { steps: [CREATE, rampStep(50), APPROVE, CUTOVER], call: 'writeTraffic' },
    'deleting-baseline': {
      steps: [CREATE, CUTOVER, { ...BAKE, forMs: 5_000, undecided: 'proceed' }, DELETE_BASELINE],
      call: 'deleteDeployment',
    },
  };

  it.each(Object.entries(SHOWN))('is shown as what it is: %s', async (phase, { steps, call }) => {
    const target = new MemoryTarget();
    const working = outage(target, call, () => target.metricsAway);
    const rollout = await bench.start(planOf(`shown-${phase}`, steps, { watching }), target);
    await rollout.until((s) => s.phase === 'waiting-for-approval' || s.phase === 'baking');

    target.metricsAway = true;
    await rollout.until((s) => s.hold?.kind === 'blind');
    if (steps.includes(APPROVE)) await rollout.send('approve', by);
    await working.met;
    const shown = await rollout.status();
    const ui = await shownInTheUi(rollout);
    target.metricsAway = false;
    working.over();

    expect(shown).toMatchObject({ phase, hold: null, next: 'done' });
    expect(ui.phase).toBe(phase);
    await rollout.promoted();
  });

  it('is shown as what it is: the deletion of a baseline after a hold in which gates went blind', async () => {
    const target = new MemoryTarget();
    const working = outage(target, 'deleteDeployment', () => target.metricsAway);
    const steps = [CREATE, CUTOVER, bakeStep(500), { ...DELETE_BASELINE, drainWithinMs: 3_000 }];
    target.active = 1; // there is time to go back to the baseline while it drains
    const rollout = await bench.start(planOf('shown-after-a-hold', steps, { watching }), target);
    await rollout.until((s) => s.phase === 'deleting-baseline');
    target.changeTraffic({ live: { blue: 10, green: 90 }, mirror: {} });
    await rollout.until((s) => s.hold?.kind === 'drift');

    target.metricsAway = true;
    const { looks } = target;
    await rollout.until(() => target.looks > looks + 30);
    target.changeTraffic({ live: { green: 100 }, mirror: {} });
    await working.met;
    const shown = await rollout.status();
    const ui = await shownInTheUi(rollout);
    target.metricsAway = false;
    working.over();

    expect(shown).toMatchObject({ phase: 'deleting-baseline', hold: null });
    expect(ui.phase).toBe('deleting-baseline');
    await rollout.promoted();
  });
});

describe.concurrent('a step whose time is over while its gates see nothing', () => {
  const WITHIN_MS = 4_000;
  const dwell = { atLeastMs: WITHIN_MS, atMostMs: WITHIN_MS };
  const TIMED: Readonly<Record<string, (undecided: UndecidedPolicy) => readonly Step[]>> = {
    mirror: (undecided) => [CREATE, mirrorStep(10, { dwell, undecided })],
    ramp: (undecided) => [CREATE, rampStep(10, { dwell, undecided })],
    bake: (undecided) => [CREATE, CUTOVER, { ...bakeStep(WITHIN_MS), undecided }],
  };
  const POLICIES = ['hold', 'roll-back', 'proceed'] as const;
  const CASES = Object.fromEntries(
    Object.entries(TIMED).flatMap(([kind, steps]) =>
      POLICIES.map((policy) => [`${kind} ${policy}`, { kind, policy, steps: steps(policy) }] as const),
    ),
  );

  it.each(bySource(CASES))(
    'goes by its policy: $kind, $policy, by a source $source',
    async ({ what, source, distort, why, kind, policy, steps }) => {
      const target = new MemoryTarget();
      const silence = distorted(target, distort, () => target.looks > 5);
      const rollout = await bench.start(planOf(named(`policy ${what}`, source), steps, { watching }), target);
      const because = kind === 'bake' ? /for .* at the end of the bake, the gates see nothing/ : why;

      if (policy === 'roll-back') {
        await rollout.until((s) => s.phase === 'rolling-back');
        silence.over(); // or green is given half a minute to drain, since nobody knows
        const { reason } = (await rollout.failure()).report;
        expect(reason).toMatch(/^undecided, rolls back by policy: /);
        expect(reason).toMatch(because);
      } else if (policy === 'proceed') {
        const result = (await rollout.promoted()).steps.at(-1)?.result;
        expect(result).toMatch(/^undecided, goes on by policy: /);
        expect(result).toMatch(because);
      } else {
        const { hold } = await rollout.until((s) => s.hold?.kind === 'undecided');
        expect(hold?.because).toMatch(because);
        silence.over();
        await rollout.send('abort', by);
        await rollout.failure();
      }
    },
  );

  it('rolls back what nobody approved: to see nothing is no approval, and stops no clock', async () => {
    const steps = [CREATE, rampStep(50), { ...APPROVE, withinMs: WITHIN_MS }, CUTOVER];
    const target = new MemoryTarget();
    const rollout = await bench.start(planOf('policy-approval', steps, { watching }), target);
    await rollout.until((s) => s.phase === 'waiting-for-approval');

    target.metricsAway = true;
    await rollout.until((s) => s.phase === 'rolling-back');
    target.metricsAway = false;
    const { type, report } = await rollout.failure();

    expect({ type, reason: report.reason }).toEqual({
      type: 'RolledBack',
      reason: 'nobody approved within 4s',
    });
    expect(target.everLive).not.toContainEqual({ live: { green: 100 }, mirror: {} });
  });
});
