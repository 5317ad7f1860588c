import { defineSearchAttributeKey } from '@temporalio/common';
import { describe, expect, it } from 'vitest';

import type { Step } from '../../core/plan.js';
import type { RolloutStatus } from '../../core/messages.js';
import { MemoryTarget } from '../support/memory-target.js';
import { CREATE, CUTOVER, mirrorStep, planOf, rampStep } from '../support/plans.js';
import { useBench, type Rollout } from '../support/rollout-bench.js';

const bench = useBench();

// Looks of 20 ms: as many looks as five minutes have by default (every 5 s) take 1.2 s here.
const watching = { intervalMs: 20, warmUpMs: 0, alpha: 0.01, alphaPass: 0.05 };
const FIVE_MINUTES_MS = 60 * watching.intervalMs;

const LONG = { atLeastMs: 60_000, atMostMs: 600_000 };
const gates = ['errors', 'slow'];
const APPROVE: Step = { kind: 'approve', withinMs: 600_000, gates };
const BAKE: Step = { kind: 'bake', forMs: 600_000, gates, undecided: 'hold' };
const by = { by: 'ada', reason: 'test' };

/** Where a rollout waits, and what its plan and its people do to get there. */
const WAITS: Readonly<
  Record<string, { steps: readonly Step[]; there(s: RolloutStatus): boolean; pause?: boolean; next: RegExp }>
> = {
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
  pause: {
    steps: [CREATE, rampStep(10, { dwell: LONG })],
    there: (s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10,
    pause: true,
    next: /^waits for resume \(paused by ada: test\)$/,
  },
  bake: {
    steps: [CREATE, CUTOVER, BAKE],
    there: (s) => s.phase === 'baking',
    next: /^waits for metrics; without them, asks a person at /,
  },
};

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

describe('five minutes without metrics', () => {
  it.each(Object.entries(WAITS))(
    'in %s neither abort nor promote; the hold is seen, with since when, and ends when they are back',
    async (what, { steps, there, pause, next }) => {
      const target = new MemoryTarget();
      const name = `outage-${what.replaceAll(' ', '-')}`;
      const rollout = await bench.start(planOf(name, steps, { watching }), target);
      await rollout.until(there);
      if (pause === true) await rollout.send('pause', by);
      const before = await rollout.status();
      const { looks } = target;
      await rollout.until(() => target.looks > looks + 2);
      const { traffic, writes } = { traffic: target.traffic, writes: [...target.writes] };

      const awayAtMs = Date.now();
      target.metricsAway = true;
      target.behaviour.set('green', { errors: 0.01, slow: 0 });
      const held = await rollout.until((s) => s.phase === 'held');
      const later = await fiveMinutesOn(rollout, target);
      const shown = await shownInTheUi(rollout);

      expect(held.hold).toMatchObject({
        kind: 'blind',
        because: 'the gates see nothing: the metric source does not answer; nothing is concluded from that',
      });
      expect(held.hold?.sinceMs).toBeGreaterThanOrEqual(awayAtMs - watching.intervalMs);
      expect(held.hold?.sinceMs).toBeLessThan(awayAtMs + 2_000);
      expect(held.next).toMatch(next);
      expect(later.hold).toEqual(held.hold);
      expect(later.stepIndex).toBe(before.stepIndex);
      expect(shown.phase).toBe('held');
      expect(shown.details).toContain('the metric source does not answer');
      expect(shown.details).toContain('(since ');
      expect({ traffic: target.traffic, writes: target.writes }).toEqual({ traffic, writes });

      target.behaviour.set('green', { errors: 0, slow: 0 });
      target.metricsAway = false;
      const back = await rollout.until((s) => s.phase !== 'held');
      expect(back).toMatchObject({ phase: pause === true ? 'paused' : before.phase, hold: null });
      await rollout.send('abort', by);
      await rollout.failure();
    },
  );

  it.each(['hold', 'roll-back', 'proceed'] as const)(
    'of a ramp whose time is over meanwhile go by its policy: %s',
    async (undecided) => {
      const target = new MemoryTarget();
      const ramp = rampStep(10, { dwell: { atLeastMs: 1_500, atMostMs: 1_500 }, undecided });
      const rollout = await bench.start(planOf(`policy-${undecided}`, [CREATE, ramp], { watching }), target);
      await rollout.until((s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10);

      target.metricsAway = true;
      await rollout.until((s) => s.hold?.kind === 'blind');

      if (undecided === 'roll-back') {
        await rollout.until((s) => s.phase === 'rolling-back');
        target.metricsAway = false; // or green is given half a minute to drain, since nobody knows
        expect((await rollout.failure()).report.reason).toMatch(/^undecided, rolls back by policy: /);
      } else if (undecided === 'proceed') {
        expect((await rollout.promoted()).steps[1]?.result).toMatch(/^undecided, goes on by policy: /);
      } else {
        await rollout.until((s) => s.hold?.kind === 'undecided');
        target.metricsAway = false;
        await rollout.send('abort', by);
        await rollout.failure();
      }
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
