import { describe, expect, it, vi } from 'vitest';

import { heldMinimum } from '../../core/autoscale.js';
import type { Step } from '../../core/plan.js';
import { autoscaled, MemoryTarget, outage } from '../support/memory-target.js';
import { bakeStep, by, CREATE, CUTOVER, DELETE_BASELINE, LONG, planOf, rampStep } from '../support/plans.js';
import { useBench } from '../support/rollout-bench.js';

const bench = useBench();

const APPROVE: Step = { kind: 'approve', withinMs: 60_000, gates: ['errors', 'slow'] };
const shape = ({ writes }: MemoryTarget): readonly string[] =>
  writes.map((write) => write.replace(/ \{.*/, ''));

describe.concurrent('an autoscaled baseline', () => {
  it.each([
    [
      { minimum: 1, maximum: 8, instances: 4 },
      { from: 1, to: 4 },
    ],
    [{ minimum: 4, maximum: 8, instances: 4 }, null],
    [
      { minimum: 1, maximum: 3, instances: 4 },
      { from: 1, to: 3 },
    ],
    [{ minimum: 2, maximum: 8, instances: 0 }, null],
  ])('of %o is held by %o', (now, held) => {
    expect(heldMinimum(now)).toEqual(held);
  });

  it('keeps its instances from the first live share until it is replaced', async () => {
    const target = autoscaled();
    const rollout = await bench.start(
      planOf('held', [CREATE, rampStep(50), CUTOVER, DELETE_BASELINE]),
      target,
    );
    await rollout.promoted();

    expect(shape(target)).toEqual([
      'create green',
      'minimum blue 4',
      'traffic',
      'traffic',
      'minimum blue 1',
      'delete blue',
    ]);
  });

  it('keeps what it has by then before each greater share of green, and counts after a rollback as at first', async () => {
    const target = autoscaled();
    const steps = [CREATE, rampStep(10), APPROVE, CUTOVER, bakeStep(60_000)];
    const rollout = await bench.start(planOf('held-again', steps), target);
    await rollout.until((s) => s.phase === 'waiting-for-approval');
    target.autoscale = { minimum: 4, maximum: 8, instances: 7 };
    await rollout.send('approve', { by: 'ada', reason: 'looks good' });
    await rollout.until((s) => s.phase === 'baking');
    await rollout.send('abort', { by: 'ada', reason: 'wrong model' });
    await rollout.failure();

    expect(shape(target)).toEqual([
      'create green',
      'minimum blue 4',
      'traffic',
      'minimum blue 7',
      'traffic',
      'traffic',
      'minimum blue 1',
      'delete green',
    ]);
    expect(await bench.replayed(rollout)).toBeNull();
  });

  it('counts in the end as at first also where nobody knows what it was held at, and the cutover does not wait for that', async () => {
    const target = autoscaled();
    const rollout = await bench.start(planOf('held-at', [CREATE, rampStep(10), APPROVE, CUTOVER]), target);
    await rollout.until((s) => s.phase === 'waiting-for-approval');
    target.autoscale = { minimum: 4, maximum: 8, instances: 7 };
    // It is read, and told to keep 7, which it does.
    const ends = [undefined, 'lose-answer', 'throw-permanent'] as const;
    let asked = 0;
    target.fault = (call) => (call === 'autoscale' ? ends[asked++] : undefined);
    await rollout.send('approve', { by: 'ada', reason: 'looks good' });
    const { notes } = await rollout.promoted();

    expect(shape(target).slice(-4)).toEqual(['traffic', 'minimum blue 7', 'traffic', 'minimum blue 1']);
    expect(notes).toEqual([
      'the autoscaler of blue may keep 4 instances still, and no more: autoscale is forbidden by request of the test',
    ]);
  });

  it('is left to do once where nobody knows what it is held at, and the autoscaler cannot be asked any more', async () => {
    const target = autoscaled();
    const plan = planOf('held-twice', [CREATE, rampStep(10), APPROVE, CUTOVER, bakeStep(60_000)]);
    const rollout = await bench.start(plan, target);
    await rollout.until((s) => s.phase === 'waiting-for-approval');
    target.autoscale = { minimum: 4, maximum: 8, instances: 7 };
    let asked = 0;
    target.fault = (call) => {
      if (call !== 'autoscale') return undefined;
      asked += 1;
      return asked === 1 ? undefined : 'throw-permanent';
    };
    await rollout.send('approve', { by: 'ada', reason: 'looks good' });
    await rollout.until((s) => s.phase === 'baking');
    await rollout.send('abort', by);
    const { report } = await rollout.failure();

    expect(report.left).toEqual([
      expect.stringContaining('set the fewest instances of blue of held-twice to 1 ('),
    ]);
  });

  it('is let go at the very end, when a person can stop nothing any more, also where the gates saw nothing', async () => {
    const target = autoscaled();
    const lettingGo = outage(target, 'autoscale', () => target.traffic.live['green'] === 100);
    const bake: Step = { kind: 'bake', forMs: 2_000, gates: ['errors', 'slow'], undecided: 'proceed' };
    const rollout = await bench.start(planOf('let-go-blind', [CREATE, CUTOVER, bake]), target);
    await rollout.until((s) => s.phase === 'baking');
    target.metricsAway = true;
    await lettingGo.met;

    const refused: unknown = await rollout
      .send('abort', { by: 'ada', reason: 'too late' })
      .catch((e: unknown) => e);
    lettingGo.over();

    expect(((refused as Error).cause as Error).message).toContain('it is over');
    expect((await rollout.promoted()).outcome).toBe('promoted');
    expect(target.autoscale).toMatchObject({ minimum: 1 });
  });

  it('is let go after a rollback, when its traffic is back', async () => {
    const target = autoscaled();
    const rollout = await bench.start(planOf('let-go', [CREATE, LONG, CUTOVER]), target);
    await rollout.until((s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10);
    await rollout.send('abort', { by: 'ada', reason: 'wrong model' });
    await rollout.failure();

    expect(shape(target)).toEqual([
      'create green',
      'minimum blue 4',
      'traffic',
      'traffic',
      'minimum blue 1',
      'delete green',
    ]);
  });

  it('is not let go while its traffic is not back: it has everything to take yet', async () => {
    const target = autoscaled();
    const plan = planOf('not-back', [CREATE, LONG, CUTOVER], { rollbackWithinMs: 2_000 });
    const rollout = await bench.start(plan, target);
    await rollout.until((s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10);
    target.fault = (call) => (call === 'writeTraffic' ? 'throw-permanent' : undefined);
    await rollout.send('abort', { by: 'ada', reason: 'wrong model' });
    const { type, report } = await rollout.failure();

    expect(type).toBe('RollbackIncomplete');
    expect(report.left).toEqual([
      expect.stringContaining('set the traffic of not-back to blue 100 %'),
      'set the fewest instances of blue of not-back to 1 (not before blue has its traffic)',
      'delete the deployment green of not-back: `greenlight revert not-back --target host/not-back --to blue --delete green` (not before blue has its traffic)',
    ]);
    expect(target.autoscale).toMatchObject({ minimum: 4 });
  });

  it('that cannot be asked holds up neither what people see nor their abort', async () => {
    const target = autoscaled();
    target.fault = (call) =>
      call === 'autoscale' && target.deployments.has('green') ? 'throw-transient' : undefined;
    const rollout = await bench.start(planOf('unasked', [CREATE, LONG, CUTOVER]), target);
    await vi.waitFor(async () => {
      const { typedSearchAttributes: shown } = await rollout.handle.describe();
      const listed = shown.getAll().map(({ key, value }) => `${key.name}: ${String(value)}`);
      expect(listed).toEqual(expect.arrayContaining(['RolloutPhase: ramping', 'RolloutGreenShare: 10']));
    }, 60_000);
    await rollout.send('abort', { by: 'ada', reason: 'wrong model' });
    await rollout.failure();

    expect(shape(target)).toEqual(['create green', 'delete green']);
  });

  it('keeps a minimum that somebody else set meanwhile', async () => {
    const target = autoscaled();
    const rollout = await bench.start(planOf('theirs', [CREATE, LONG, CUTOVER]), target);
    await rollout.until((s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10);
    target.autoscale = { minimum: 6, maximum: 8, instances: 6 };
    await rollout.send('abort', { by: 'ada', reason: 'wrong model' });
    await rollout.failure();

    expect(target.autoscale?.minimum).toBe(6);
  });
});

describe.concurrent('traffic rules that someone else took over', () => {
  it.each(['adopt', 'restore'] as const)(
    'hold the rollout, and are taken back once a person chose to %s',
    async (choice) => {
      const target = new MemoryTarget();
      target.rulesOwner = 'kubectl-edit';
      const rollout = await bench.start(planOf(`owner-${choice}`, [CREATE, rampStep(50), CUTOVER]), target);
      const held = await rollout.until((s) => s.phase === 'held');
      await rollout.send('resolveDrift', { choice, by: 'ada', reason: 'it was me' });
      await rollout.promoted();

      expect(held.traffic?.live).toEqual({ blue: 100 });
      expect(target.traffic.live).toEqual({ green: 100 });
    },
  );

  it('since a restore that has written them hold it again: nobody has seen that owner yet', async () => {
    const target = new MemoryTarget();
    const approve = { kind: 'approve', withinMs: 600_000, gates: ['errors', 'slow'] } as const;
    const plan = planOf('owner-since', [CREATE, rampStep(50), approve, CUTOVER]);
    const rollout = await bench.start(plan, target);
    await rollout.until((s) => s.phase === 'waiting-for-approval');
    target.changeTraffic({ live: { blue: 60, green: 40 }, mirror: {} });
    await rollout.until((s) => s.phase === 'held');
    await rollout.send('resolveDrift', { choice: 'restore', by: 'ada', reason: 'a mistake' });
    await rollout.until((s) => s.phase === 'waiting-for-approval');

    target.rulesOwner = 'kubectl-edit';
    await rollout.send('approve', { by: 'ada', reason: 'looks good' });
    const { hold } = await rollout.until((s) => s.phase === 'held');

    expect(hold?.because).toContain("its traffic rules are someone else's now");
    await rollout.send('abort', { by: 'ada', reason: 'wrong model' });
    await rollout.failure();
  });
});
