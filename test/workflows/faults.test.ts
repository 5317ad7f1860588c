import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import { newestBeat } from '../../client/live.js';
import type { WatchBeat } from '../../core/watch.js';
import { creating, failing, inFlight, MemoryTarget } from '../support/memory-target.js';
import { bakeStep, by, CREATE, CUTOVER, DELETE_BASELINE, LONG, planOf, rampStep } from '../support/plans.js';
import { useBench } from '../support/rollout-bench.js';

const bench = useBench();

/** A rollout that has given green its 10 %, for long. */
async function ramping(name: string) {
  const target = new MemoryTarget();
  const rollout = await bench.start(planOf(name, [CREATE, LONG]), target);
  await rollout.until((s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10);
  return { target, rollout };
}

describe.concurrent('a target that fails', () => {
  it('is written once when the write was applied but its answer got lost', async () => {
    const target = new MemoryTarget();
    target.fault = failing('writeTraffic', 'lose-answer', 1);

    const rollout = await bench.start(planOf('lost', [CREATE, rampStep(50), CUTOVER]), target);
    await rollout.promoted();

    expect(target.writes.filter((w) => w.includes('"green":50'))).toHaveLength(1);
  });

  it('creates green once when the answer of the creation got lost', async () => {
    const target = new MemoryTarget();
    target.fault = failing('createDeployment', 'lose-answer', 1);

    const rollout = await bench.start(planOf('lost-create', [CREATE, rampStep(50)]), target);
    await rollout.promoted();

    expect(target.writes.filter((w) => w === 'create green')).toHaveLength(1);
  });

  it('that has a deployment of that name by then, made by somebody else, keeps it', async () => {
    const target = new MemoryTarget();
    target.fault = (call) => {
      if (call !== 'createDeployment') return undefined;
      target.addDeployment('green', { tags: { team: 'other' } });
      return 'throw-transient';
    };
    const rollout = await bench.start(planOf('taken', [CREATE, rampStep(10)]), target);
    const { type, report } = await rollout.failure();

    expect(type).toBe('RolledBack');
    expect(report.reason).toContain('was made by somebody else after preflight had found its name free');
    expect(report.left).toEqual([]);
    expect(report.notes).toEqual([expect.stringContaining('green of taken was left alone')]);
    expect(target.deployments.get('green')?.tags).toEqual({ team: 'other' });
  });

  it('is asked again when it throttles', async () => {
    const target = new MemoryTarget();
    target.fault = failing('writeTraffic', 'throttle', 3);

    const rollout = await bench.start(planOf('throttled', [CREATE, CUTOVER]), target);
    await rollout.promoted();

    expect(target.traffic).toEqual({ live: { green: 100 }, mirror: {} });
  });

  it('that shows a write late is waited for', async () => {
    const target = new MemoryTarget();
    const rollout = await bench.start(planOf('late-show', [CREATE, LONG]), target);
    await rollout.until((s) => s.phase === 'creating' || s.phase === 'ramping');
    await rollout.until((s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10);

    target.shownLater = { live: { blue: 90, green: 10 }, mirror: {} };
    await rollout.send('abort', by);
    await rollout.until(() => target.traffic.live['blue'] === 100);
    const stillRollingBack = await rollout.status();
    target.shownLater = null;
    const { type } = await rollout.failure();

    expect(stillRollingBack.phase).toBe('rolling-back');
    expect(type).toBe('Aborted');
  });

  it('that shows a write before it is in force is waited for, and what is cut off half-way is written again', async () => {
    const { target, rollout } = await ramping('not-in-force');

    target.pending = 'the gateway has not taken it';
    target.traffic = { live: { blue: 100 }, mirror: {} };
    const before = target.writes.length;
    await rollout.send('abort', by);
    await rollout.until(() => target.writes.length > before);
    const stillRollingBack = await rollout.status();
    target.pending = null;
    const { type } = await rollout.failure();

    expect(stillRollingBack.phase).toBe('rolling-back');
    expect(type).toBe('Aborted');
    expect(target.writes.slice(before)).toEqual([
      'traffic {"live":{"blue":100},"mirror":{}}',
      'delete green',
    ]);
  });
});

it('a baseline that cannot be deleted is not asked for for hours', async () => {
  const drainWithinMs = 2_000;
  const steps = [CREATE, CUTOVER, { kind: 'delete-baseline', drainWithinMs } as const];
  const rollout = await bench.start(planOf('lasting', steps), new MemoryTarget());
  await rollout.promoted();

  const { events } = await rollout.handle.fetchHistory();
  const scheduled = events?.map((event) => event.activityTaskScheduledEventAttributes);
  const deletion = scheduled?.find((activity) => activity?.activityType?.name === 'deleteDeployment');
  expect(Number(deletion?.scheduleToCloseTimeout?.seconds)).toBe(35 * 60 + drainWithinMs / 1000);
});

describe.concurrent('rollback', () => {
  it('ends read back although the target refuses five times in a row', async () => {
    const { target, rollout } = await ramping('stubborn');

    target.fault = failing('writeTraffic', 'throttle', 5);
    target.behaviour.set('green', { errors: 1, slow: 0 });
    const { type } = await rollout.failure();

    expect(type).toBe('RolledBack');
    expect(target.traffic).toEqual({ live: { blue: 100 }, mirror: {} });
  });

  it('does not take the first no of the target for the last one', async () => {
    const { target, rollout } = await ramping('no-and-yes');

    target.fault = failing('writeTraffic', 'throw-permanent', 3);
    await rollout.send('abort', by);
    const { type } = await rollout.failure();

    expect(type).toBe('Aborted');
    expect(target.traffic).toEqual({ live: { blue: 100 }, mirror: {} });
  });

  it.each(['readDeployment', 'deleteDeployment'] as const)(
    'nor where it is to delete green: %s',
    async (call) => {
      const { target, rollout } = await ramping(`no-and-yes-${call}`);

      target.fault = failing(call, 'throw-permanent', 1);
      await rollout.send('abort', by);
      const { type, report } = await rollout.failure();

      expect(type).toBe('Aborted');
      expect(report.left).toEqual([]);
      expect(target.deployments.has('green')).toBe(false);
    },
  );

  it('that cannot be done ends as incomplete, with what is left to do', async () => {
    const { target, rollout } = await ramping('forbidden');

    target.fault = (call) => (call === 'writeTraffic' ? 'throw-permanent' : undefined);
    await rollout.send('abort', by);
    const { type, report } = await rollout.failure();

    expect(type).toBe('RollbackIncomplete');
    expect(report.outcome).toBe('rollback-incomplete');
    expect(report.left).toEqual([
      'set the traffic of forbidden to blue 100 % (writeTraffic is forbidden by request of the test)',
      'delete the deployment green of forbidden: `greenlight revert forbidden --target host/forbidden --to blue --delete green` (not before blue has its traffic)',
    ]);
    expect(target.deployments.has('green')).toBe(true);
  });

  it('lets green answer what it is still asked before it deletes it', async () => {
    const { target, rollout } = await ramping('in-flight');

    target.distort = (snapshot) => inFlight(snapshot, 1);
    await rollout.send('abort', by);
    await rollout.until(() => target.traffic.live['blue'] === 100);
    const { looks } = target;
    await rollout.until(() => target.looks > looks + 2 || !target.deployments.has('green'));
    const stillThere = target.deployments.has('green');
    target.distort = (snapshot) => snapshot;
    const { report } = await rollout.failure();

    expect(stillThere).toBe(true);
    expect(report).toMatchObject({ outcome: 'aborted', left: [] });
    expect(target.writes.at(-1)).toBe('delete green');
  });

  it('is not stopped by cancelling the workflow once more', async () => {
    const { target, rollout } = await ramping('cancel-twice');

    target.fault = failing('writeTraffic', 'throttle', 5);
    await rollout.send('abort', by);
    await rollout.until((s) => s.phase === 'rolling-back');
    await rollout.handle.cancel();
    const { type } = await rollout.failure();

    expect(type).toBe('Aborted');
    expect(target.traffic).toEqual({ live: { blue: 100 }, mirror: {} });
  });
});

describe.concurrent('metrics that are away', () => {
  it('are neither good nor bad: the step is held when its time is over', async () => {
    const target = new MemoryTarget();
    const rollout = await bench.start(
      planOf('blind', [CREATE, rampStep(10, { dwell: { atLeastMs: 2000, atMostMs: 3000 } }), CUTOVER]),
      target,
    );
    await rollout.until((s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10);

    target.metricsAway = true;
    target.behaviour.set('green', { errors: 1, slow: 1 });
    const held = await rollout.until((s) => s.phase === 'held');
    target.metricsAway = false;
    target.behaviour.set('green', { errors: 0, slow: 0 });
    await rollout.send('abort', by);
    await rollout.failure();

    expect(held.traffic).toEqual({ live: { blue: 90, green: 10 }, mirror: {} });
  });

  it('at the end of a bake hold it, and the bake goes by policy', async () => {
    const target = new MemoryTarget();
    const rollout = await bench.start(
      planOf('blind-bake', [CREATE, rampStep(50), CUTOVER, bakeStep(4_000), DELETE_BASELINE]),
      target,
    );
    await rollout.until((s) => s.phase === 'baking');

    target.metricsAway = true;
    const held = await rollout.until((s) => s.hold?.kind === 'undecided');
    await rollout.send('approve', { by: 'ada', reason: 'checked by hand' });
    await rollout.promoted();

    expect(held.hold?.because).toMatch(
      /^for .* at the end of the bake, the gates see nothing: the metric source does not answer; /,
    );
  });
});

describe.concurrent('drift', () => {
  const drifted = async (name: string) => {
    const target = new MemoryTarget();
    const rollout = await bench.start(
      planOf(name, [CREATE, rampStep(10, { dwell: { atLeastMs: 3000, atMostMs: 60_000 } }), CUTOVER]),
      target,
    );
    await rollout.until((s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10);
    target.changeTraffic({ live: { blue: 60, green: 40 }, mirror: {} });
    const held = await rollout.until((s) => s.phase === 'held');
    return { target, rollout, held };
  };

  it('is noticed, said, and not overwritten', async () => {
    const { target, rollout, held } = await drifted('drift');

    expect(held.hold).toMatchObject({
      kind: 'drift',
      because:
        'someone else changed it: the rollout wrote blue 90 %, green 10 %, the endpoint shows blue 60 %, green 40 %',
    });
    expect(target.traffic).toEqual({ live: { blue: 60, green: 40 }, mirror: {} });

    await rollout.send('abort', by);
    await rollout.failure();
    expect(target.traffic).toEqual({ live: { blue: 100 }, mirror: {} });
  });

  it('adopted goes on from what stands there', async () => {
    const { target, rollout } = await drifted('drift-adopt');

    await rollout.send('resolveDrift', { choice: 'adopt', by: 'ada', reason: 'that was me' });
    const after = await rollout.until((s) => s.phase === 'ramping');
    await rollout.promoted();

    expect(after.traffic).toEqual({ live: { blue: 60, green: 40 }, mirror: {} });
    expect(target.writes.filter((w) => w.includes('"green":10}'))).toHaveLength(1);
  });

  it('restored is written again', async () => {
    const { target, rollout } = await drifted('drift-restore');

    await rollout.send('resolveDrift', { choice: 'restore', by: 'ada', reason: 'a mistake' });
    await rollout.until((s) => s.phase === 'ramping');
    const shares = target.traffic;
    await rollout.promoted();

    expect(shares).toEqual({ live: { blue: 90, green: 10 }, mirror: {} });
  });

  it('found when writing stops the write', async () => {
    const target = new MemoryTarget();
    const creation = creating(target);
    const rollout = await bench.start(planOf('drift-write', [CREATE, rampStep(10)]), target);
    await rollout.until(() => target.deployments.has('green'));

    target.addDeployment('red');
    target.changeTraffic({ live: { blue: 50, red: 50 }, mirror: {} });
    creation.over();
    const held = await rollout.until((s) => s.phase === 'held');
    await rollout.send('abort', by);
    await rollout.failure();

    expect(held.hold?.because).toContain('the endpoint shows blue 50 %, red 50 %');
    expect(target.writes.filter((w) => w.includes('green":10}'))).toEqual([]);
  });
});

describe('a worker that goes', () => {
  it('in the middle of a window leaves its evidence to the next one', async () => {
    const target = new MemoryTarget();
    const rollout = await bench.start(planOf('worker', [CREATE, LONG]), target);
    /** The newest look that Temporal knows of, when it is such a one. */
    const beatThat = async (is: (beat: WatchBeat) => boolean): Promise<WatchBeat> => {
      for (const endMs = Date.now() + 20_000; Date.now() < endMs; await sleep(50)) {
        const beat = await newestBeat(bench.client, await rollout.handle.describe());
        if (beat !== undefined && is(beat)) return beat;
      }
      throw new Error('there was none within 20 s');
    };
    const before = await beatThat((beat) => requestsOf(beat) > 0);

    await bench.replaceWorker();
    const left = await beatThat(() => true);
    const after = await beatThat(
      ({ memory }) => memory.collector?.clockMs !== left.memory.collector?.clockMs,
    );
    await rollout.send('abort', by);
    const { report } = await rollout.failure();

    expect(after.memory.enteredAtMs).toBe(before.memory.enteredAtMs);
    expect(requestsOf(after)).toBeGreaterThanOrEqual(requestsOf(before));
    expect(target.writes.filter((w) => w.startsWith('traffic'))).toHaveLength(2);
    expect(report.outcome).toBe('aborted');
  });
});

const requestsOf = ({ evidence }: WatchBeat): number =>
  evidence.reduce((sum, { green }) => sum + green.requests, 0);
