import { WorkflowUpdateFailedError } from '@temporalio/client';
import { describe, expect, it } from 'vitest';

import { bakeStep, by, CREATE, CUTOVER, DELETE_BASELINE, planOf, rampStep } from '../support/plans.js';
import type { Step } from '../../core/plan.js';
import { instantText } from '../../core/units.js';
import { autoscaled, creating, MemoryTarget, outage } from '../support/memory-target.js';
import { useBench, type Rollout } from '../support/rollout-bench.js';

const bench = useBench();

const BLUE = { live: { blue: 100 }, mirror: {} };
const GREEN = { live: { green: 100 }, mirror: {} };
const LONG = rampStep(10, { dwell: { atLeastMs: 60_000, atMostMs: 600_000 } });

async function looks(rollout: Rollout, target: MemoryTarget, count: number) {
  const from = target.looks;
  return rollout.until(() => target.looks >= from + count);
}

describe('while it is paused', () => {
  it('nothing is written, also when what held a write is put right meanwhile', async () => {
    const target = new MemoryTarget();
    const creation = creating(target);
    const rollout = await bench.start(planOf('paused-write', [CREATE, LONG]), target);
    await rollout.until(() => target.deployments.has('green'));
    target.addDeployment('red');
    target.changeTraffic({ live: { blue: 50, red: 50 }, mirror: {} });
    creation.over();
    await rollout.until((s) => s.phase === 'held');

    await rollout.send('pause', by);
    await rollout.send('resolveDrift', { choice: 'restore', ...by });
    await rollout.until((s) => s.phase === 'paused');
    await looks(rollout, target, 10);

    expect(target.traffic).toEqual(BLUE);
    await rollout.send('resume', by);
    await rollout.until((s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10);
    await rollout.send('abort', by);
    await rollout.failure();
  });

  it('an approval is taken, and what comes after it waits', async () => {
    const target = new MemoryTarget();
    const creation = creating(target);
    const approve: Step = { kind: 'approve', withinMs: 60_000, gates: ['errors', 'slow'] };
    const rollout = await bench.start(planOf('paused-approve', [CREATE, approve, CUTOVER]), target);
    await rollout.until(() => target.deployments.has('green'));
    await rollout.send('pause', by);
    creation.over();
    await rollout.until((s) => s.actionsNow.some((action) => action.includes(' approve ')));

    await rollout.send('approve', by);
    await rollout.until((s) => s.stepIndex === 2);
    await looks(rollout, target, 10);

    expect((await rollout.status()).phase).toBe('paused');
    expect(target.traffic).toEqual(BLUE);
    await rollout.send('resume', by);
    expect((await rollout.promoted()).outcome).toBe('promoted');
  });

  it("the baseline's autoscaler keeps what it was held at, also just before the baseline is deleted", async () => {
    const target = autoscaled();
    let reads = 0;
    // The first reads the cutover back.
    const reading = outage(target, 'read', () => target.traffic.live['green'] === 100 && ++reads > 1);
    const rollout = await bench.start(planOf('paused-autoscale', [CREATE, CUTOVER, DELETE_BASELINE]), target);
    await reading.met;
    await rollout.until((s) => s.phase === 'deleting-baseline');

    await rollout.send('pause', by);
    reading.over();
    await looks(rollout, target, 10);

    expect(target.autoscale).toMatchObject({ minimum: 4 });
    await rollout.send('resume', by);
    expect((await rollout.promoted()).outcome).toBe('promoted');
    expect(target.autoscale).toMatchObject({ minimum: 1 });
  });

  it('a cutover under way comes through, which is said, and is not called a promotion before it goes on', async () => {
    const target = new MemoryTarget();
    const writing = outage(target, 'writeTraffic');
    const rollout = await bench.start(planOf('paused-cutover', [CREATE, CUTOVER]), target);
    await writing.met;

    const answer = await rollout.send('pause', by);
    writing.over();
    const paused = await rollout.until(() => target.traffic.live['green'] === 100);
    await looks(rollout, target, 10);

    expect(answer).toBe('paused from green 100 % on, whose write is under way; the gates go on watching');
    expect(paused.phase).toBe('paused');
    expect(await rollout.status()).toMatchObject({
      phase: 'paused',
      next: 'waits for resume (paused by ada: test)',
    });
    await rollout.send('resume', by);
    expect((await rollout.promoted()).outcome).toBe('promoted');
  });
});

describe('a bake', () => {
  const FOR_MS = 4_000;
  const steps = [CREATE, CUTOVER, bakeStep(FOR_MS), DELETE_BASELINE];

  it('does not count the time for which it was held because of somebody else', async () => {
    const target = new MemoryTarget();
    const rollout = await bench.start(planOf('bake-held', steps), target);
    await rollout.until((s) => s.phase === 'baking');
    target.changeTraffic(BLUE);
    await rollout.until((s) => s.phase === 'held');
    const heldAtMs = Date.now();
    await looks(rollout, target, 20);

    const heldMs = Date.now() - heldAtMs;
    await rollout.send('resolveDrift', { choice: 'restore', ...by });
    const { steps: done } = await rollout.promoted();

    const bake = done.find(({ label }) => label.startsWith('bake'));
    expect((bake?.endedAtMs ?? 0) - (bake?.startedAtMs ?? 0)).toBeGreaterThanOrEqual(FOR_MS + heldMs);
  });

  it('counts from its first look: what no worker saw is not baked', async () => {
    const target = new MemoryTarget();
    let workerAway = false;
    target.fault = (call) => {
      // Its own ports are there already; the bake's are not.
      if (call === 'writeTraffic') workerAway = true;
      return undefined;
    };
    const rollout = await bench.start(planOf('bake-unseen', steps), {
      ports: () => {
        if (workerAway) throw new Error('no worker');
        return target.ports();
      },
    });
    const baking = await rollout.until((s) => s.phase === 'baking');
    target.behaviour.set('green', { errors: 1, slow: 0 });
    await rollout.until(() => Date.now() > (baking.stepStartedAtMs ?? 0) + FOR_MS + 500);
    target.fault = () => undefined;
    workerAway = false;

    expect((await rollout.failure()).type).toBe('RolledBack');
    expect(target.traffic).toEqual(BLUE);
  });
});

describe('a bake whose first look comes late', () => {
  it('is shown to end so much later', async () => {
    const target = new MemoryTarget();
    let workerAway = false;
    target.fault = (call) => {
      if (call === 'writeTraffic') workerAway = true;
      return undefined;
    };
    const watching = { intervalMs: 100, warmUpMs: 0, alpha: 0.01, alphaPass: 0.05, windowMs: 300 };
    const steps = [CREATE, CUTOVER, bakeStep(6_000), DELETE_BASELINE];
    const rollout = await bench.start(planOf('bake-late', steps, { watching }), {
      ports: () => {
        if (workerAway) throw new Error('no worker');
        return target.ports();
      },
    });
    const { stepStartedAtMs } = await rollout.until((s) => s.phase === 'baking');
    await rollout.until(() => Date.now() > stepStartedAtMs + 1_500);
    target.fault = () => undefined;
    workerAway = false;

    const looked = await rollout.until((s) => s.verdict.startsWith('guarding'));

    const { sinceMs = 0 } = looked.times ?? {};
    expect(sinceMs).toBeGreaterThanOrEqual(stepStartedAtMs + 1_500);
    expect(looked.next).toBe(`delete-baseline, 6s after ${instantText(sinceMs)}`);
    target.metricsAway = true;
    const { next } = await rollout.until((s) => s.hold?.kind === 'blind');
    expect(next).toBe(`waits for metrics; without them, asks a person at ${instantText(sinceMs + 6_000)}`);
    await rollout.send('abort', by);
    target.metricsAway = false;
    await rollout.failure();
  });
});

describe('a bake of which a part was not seen', () => {
  const FOR_MS = 8_000; // metrics are back long before it would be over
  const AWAY_MS = 2_000;

  it('lasts so much longer, where no gate had seen anything before', async () => {
    const target = new MemoryTarget();
    target.fault = (call) => {
      if (call === 'writeTraffic') target.metricsAway = true;
      return undefined;
    };
    const steps = [CREATE, CUTOVER, bakeStep(FOR_MS), DELETE_BASELINE];
    const rollout = await bench.start(planOf('bake-unseen', steps), target);
    const { stepStartedAtMs } = await rollout.until((s) => s.phase === 'baking');
    await rollout.until(() => Date.now() >= stepStartedAtMs + AWAY_MS);
    target.fault = () => undefined;
    target.metricsAway = false;
    const { steps: done } = await rollout.promoted();

    const bake = done.find(({ label }) => label.startsWith('bake'));
    expect((bake?.endedAtMs ?? 0) - (bake?.startedAtMs ?? 0)).toBeGreaterThanOrEqual(FOR_MS + AWAY_MS - 500);
  });

  it('lasts so much longer, where the counters begin anew after it', async () => {
    const target = new MemoryTarget();
    const steps = [CREATE, CUTOVER, bakeStep(FOR_MS), DELETE_BASELINE];
    const rollout = await bench.start(planOf('bake-lost', steps), target);
    await rollout.until((s) => s.phase === 'baking');
    await looks(rollout, target, 5);

    target.metricsAway = true;
    const awayAtMs = Date.now();
    await rollout.until(() => Date.now() >= awayAtMs + AWAY_MS);
    const sinceMs = Date.now();
    target.distort = (snapshot) => ({ ...snapshot, sinceMs });
    target.metricsAway = false;
    const { steps: done } = await rollout.promoted();

    const bake = done.find(({ label }) => label.startsWith('bake'));
    expect((bake?.endedAtMs ?? 0) - (bake?.startedAtMs ?? 0)).toBeGreaterThanOrEqual(FOR_MS + AWAY_MS - 500);
  });
});

describe('a bake in which green has no request', () => {
  const within = { ...bakeStep(1_500), gates: ['errors'] } as Step;
  const CASES: Readonly<Record<string, readonly Step[]>> = {
    'was compared before': [CREATE, rampStep(50), CUTOVER, bakeStep(1_500), DELETE_BASELINE],
    'has but guards to judge it': [CREATE, CUTOVER, within, DELETE_BASELINE],
  };

  it.each(Object.entries(CASES))(
    'is not proven: it asks a person, with the baseline still there; green %s',
    async (what, steps) => {
      const target = new MemoryTarget();
      // A request that hangs, or never arrives, is in no counter.
      target.fault = (_, traffic) => {
        if (traffic?.live['green'] === 100) target.requestsPerSecond = 0;
        return undefined;
      };
      const rollout = await bench.start(planOf(`bake-${what.split(' ')[0]}`, steps), target);

      const held = await rollout.until((s) => s.hold?.kind === 'undecided' || s.outcome !== null);

      expect(held.hold?.because).toBe('green had no request in the bake');
      expect(target.deployments.has('blue')).toBe(true);
      await rollout.send('abort', by);
      await rollout.failure();
      expect(target.traffic).toEqual(BLUE);
    },
  );
});

describe('a bake in which green has no more requests', () => {
  it('for more than half of it, is not proven', async () => {
    const target = new MemoryTarget();
    const steps = [CREATE, CUTOVER, bakeStep(10_000), DELETE_BASELINE];
    const rollout = await bench.start(planOf('bake-quiet', steps), target);
    await rollout.until((s) => s.phase === 'baking');
    await looks(rollout, target, 3);
    target.requestsPerSecond = 0;

    const held = await rollout.until((s) => s.hold?.kind === 'undecided' || s.outcome !== null);

    expect(held.hold?.because).toMatch(/^green had no request in the last \d.* s of the bake$/);
    await rollout.send('abort', by);
    await rollout.failure();
    expect(target.traffic).toEqual(BLUE);
  });
});

describe('a bake in which green failed all that it was asked', () => {
  it('in one burst, too short for a breach, is not proven: the baseline stays', async () => {
    const target = new MemoryTarget();
    const steps = [CREATE, CUTOVER, bakeStep(10_000), DELETE_BASELINE];
    // Nobody calls it from the cutover on: what it had answered well would count, too.
    target.fault = (_, traffic) => {
      if (traffic?.live['green'] === 100) target.requestsPerSecond = 0;
      return undefined;
    };
    const rollout = await bench.start(planOf('bake-burst', steps), target);
    await rollout.until((s) => s.phase === 'baking');
    target.behaviour.set('green', { errors: 1, slow: 0 });
    await looks(rollout, target, 60); // more than half of it
    target.requestsPerSecond = 2_000;
    let found = 0;
    // One look finds it, and no second one.
    target.fault = (call) => {
      if (call === 'metrics' && ++found > 1) target.requestsPerSecond = 0;
      return undefined;
    };

    const held = await rollout.until((s) => s.hold?.kind === 'undecided' || s.outcome !== null);

    expect(held.hold?.because).toMatch(/^green failed ([\d,]+) of its \1 requests in the bake$/);
    expect(target.deployments.has('blue')).toBe(true);
    await rollout.send('abort', by);
    await rollout.failure();
    expect(target.traffic).toEqual(BLUE);
  });
});

describe('all traffic on green, by somebody else', () => {
  it('is not adopted while green has yet to be compared, and costs no gate its comparison', async () => {
    const target = new MemoryTarget();
    const rollout = await bench.start(planOf('all-on-green', [CREATE, LONG]), target);
    await rollout.until((s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10);
    await looks(rollout, target, 10);
    target.changeTraffic(GREEN);
    await rollout.until((s) => s.phase === 'held');
    await looks(rollout, target, 5);

    const refused: unknown = await rollout
      .send('resolveDrift', { choice: 'adopt', ...by })
      .catch((e: unknown) => e);
    await rollout.send('resolveDrift', { choice: 'restore', ...by });
    await rollout.until((s) => s.phase === 'ramping');
    // Trouble that both share is none of green's.
    for (const name of ['blue', 'green']) target.behaviour.set(name, { errors: 0.1, slow: 0 });
    const after = await looks(rollout, target, 30);

    expect(refused).toBeInstanceOf(WorkflowUpdateFailedError);
    expect(((refused as Error).cause as Error).message).toContain(
      'green has all traffic there, and has yet to be compared with blue; restore or abort',
    );
    expect(after.phase).toBe('ramping');
    await rollout.send('abort', by);
    await rollout.failure();
  });
});
