import { WorkflowUpdateFailedError } from '@temporalio/client';
import { describe, expect, it } from 'vitest';

import { MemoryTarget } from '../support/memory-target.js';
import { CREATE, CUTOVER, LONG, planOf, rampStep } from '../support/plans.js';
import { useBench } from '../support/rollout-bench.js';

const bench = useBench();

/** A step that nothing but a breach or a person ends. */
const APPROVE = { kind: 'approve', withinMs: 60_000, gates: ['errors', 'slow'] } as const;

async function refusal(promise: Promise<unknown>): Promise<string> {
  const err: unknown = await promise.then(
    () => new Error('it was accepted'),
    (e: unknown) => e,
  );
  if (!(err instanceof WorkflowUpdateFailedError)) throw err as Error;
  return err.cause?.message ?? '';
}

describe.concurrent('abort', () => {
  it('puts everything back and keeps who and why', async () => {
    const target = new MemoryTarget();
    const rollout = await bench.start(planOf('abort', [CREATE, LONG]), target);
    await rollout.until((s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10);

    await rollout.send('abort', { by: 'ada', reason: 'wrong model' });
    const { type, report } = await rollout.failure();

    expect(type).toBe('Aborted');
    expect(report.reason).toBe('aborted by ada: wrong model');
    expect(report.actions).toMatchObject([{ kind: 'abort', by: 'ada', reason: 'wrong model' }]);
    expect(target.traffic).toEqual({ live: { blue: 100 }, mirror: {} });
    expect([...target.deployments.keys()]).toEqual(['blue']);
  });

  it('during creation takes back what was created', async () => {
    const target = new MemoryTarget();
    target.createDelayMs = 60_000;
    const rollout = await bench.start(planOf('abort-create', [CREATE, LONG]), target);
    await rollout.until(() => target.deployments.has('green'));

    await rollout.send('abort', { by: 'ada', reason: 'too slow' });
    await rollout.failure();

    expect([...target.deployments.keys()]).toEqual(['blue']);
  });

  it('by cancelling the workflow rolls back as well', async () => {
    const target = new MemoryTarget();
    const rollout = await bench.start(planOf('cancel', [CREATE, LONG]), target);
    await rollout.until((s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10);

    await rollout.handle.cancel();
    const { type, report } = await rollout.failure();

    expect(type).toBe('Aborted');
    expect(report.reason).toBe('cancelled from outside Greenlight');
    expect(target.traffic).toEqual({ live: { blue: 100 }, mirror: {} });
  });

  it('needs a reason, and says so', async () => {
    const rollout = await bench.start(planOf('abort-why', [CREATE, LONG]), new MemoryTarget());
    await rollout.until((s) => s.phase === 'ramping');

    expect(await refusal(rollout.send('abort', { by: 'ada', reason: ' ' }))).toBe(
      'abort needs a reason; it is kept with the rollout',
    );

    await rollout.send('abort', { by: 'ada', reason: 'end of test' });
    await rollout.failure();
  });
});

describe.concurrent('approval', () => {
  it('lets the rollout go on, and is recorded', async () => {
    const rollout = await bench.start(
      planOf('approve', [CREATE, rampStep(50), APPROVE, CUTOVER]),
      new MemoryTarget(),
    );
    const waiting = await rollout.until((s) => s.phase === 'waiting-for-approval');
    expect(waiting.actionsNow[0]).toBe('greenlight approve approve --target host/approve');

    await rollout.send('approve', { by: 'ada', reason: 'looks good' });
    const report = await rollout.promoted();

    expect(report.steps[2]?.result).toBe('approved by ada: looks good');
    expect(report.actions).toMatchObject([{ kind: 'approve', by: 'ada' }]);
  });

  it('refused rolls back', async () => {
    const target = new MemoryTarget();
    const rollout = await bench.start(planOf('reject', [CREATE, rampStep(50), APPROVE, CUTOVER]), target);
    await rollout.until((s) => s.phase === 'waiting-for-approval');

    await rollout.send('reject', { by: 'bob', reason: 'not today' });
    const { type, report } = await rollout.failure();

    expect(type).toBe('Aborted');
    expect(report.reason).toBe('rejected by bob: not today');
    expect(target.traffic).toEqual({ live: { blue: 100 }, mirror: {} });
  });

  it('that nobody gives in time rolls back', async () => {
    const target = new MemoryTarget();
    const rollout = await bench.start(
      planOf('late', [CREATE, rampStep(50), { ...APPROVE, withinMs: 700 }, CUTOVER]),
      target,
    );
    const { type, report } = await rollout.failure();

    expect(type).toBe('RolledBack');
    expect(report.reason).toBe('nobody approved within 700ms');
  });

  it('is taken only from those whom the spec names, the step before the whole', async () => {
    const plan = planOf('named', [CREATE, rampStep(50), { ...APPROVE, by: ['bob'] }, CUTOVER], {
      approvers: ['ada'],
    });
    const rollout = await bench.start(plan, new MemoryTarget());
    const waiting = await rollout.until((s) => s.phase === 'waiting-for-approval');
    expect(waiting.next).toMatch(/^cutover, once approved by bob \(until /);

    expect(await refusal(rollout.send('approve', { by: 'ada', reason: '' }))).toBe(
      'The rollout of named is waiting-for-approval, and ada may not approve it: its spec lets only bob do that',
    );
    await rollout.send('approve', { by: ' bob ', reason: '' });
    const report = await rollout.promoted();

    expect(report.actions).toMatchObject([{ kind: 'approve', by: 'bob' }]);
  });

  it('of gates that could not decide needs an approver of the spec; to stop it, nobody does', async () => {
    const target = new MemoryTarget();
    target.requestsPerSecond = 100;
    const undecidable = rampStep(10, { dwell: { atLeastMs: 300, atMostMs: 600 } });
    const plan = planOf('held-named', [CREATE, undecidable, CUTOVER], { approvers: ['ada', 'bob'] });
    const rollout = await bench.start(plan, target);
    const held = await rollout.until((s) => s.phase === 'held');
    expect(held.next).toBe('waits for a person: approve (ada or bob) to go on, reject or abort to roll back');

    expect(await refusal(rollout.send('approve', { by: 'eve', reason: '' }))).toContain(
      'eve may not approve it: its spec lets only ada or bob do that',
    );
    await rollout.send('reject', { by: 'eve', reason: 'not mine to say yes, but no' });
    const { type } = await rollout.failure();

    expect(type).toBe('Aborted');
  });

  it('is needed to adopt what somebody else changed, and not to restore it', async () => {
    const target = new MemoryTarget();
    const rollout = await bench.start(planOf('adopters', [CREATE, LONG], { approvers: ['ada'] }), target);
    await rollout.until((s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10);
    target.changeTraffic({ live: { blue: 60, green: 40 }, mirror: {} });
    await rollout.until((s) => s.phase === 'held');

    const mine = { by: 'eve', reason: 'it was me' };
    expect(await refusal(rollout.send('resolveDrift', { choice: 'adopt', ...mine }))).toContain(
      'eve may not adopt what somebody changed: its spec lets only ada do that',
    );
    await rollout.send('resolveDrift', { choice: 'restore', ...mine });
    await rollout.until((s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10);
    await rollout.send('abort', { by: 'eve', reason: 'end of test' });
    await rollout.failure();
  });

  it('is no shelter: a breach while waiting rolls back', async () => {
    const target = new MemoryTarget();
    const rollout = await bench.start(planOf('waiting', [CREATE, rampStep(50), APPROVE, CUTOVER]), target);
    await rollout.until((s) => s.phase === 'waiting-for-approval');

    target.behaviour.set('green', { errors: 0.5, slow: 0 });
    const { type, message } = await rollout.failure();

    expect(type).toBe('RolledBack');
    expect(message).toContain('with an error');
  });

  it('is refused where nothing asks for it', async () => {
    const rollout = await bench.start(planOf('unasked', [CREATE, LONG]), new MemoryTarget());
    await rollout.until((s) => s.phase === 'ramping');

    expect(await refusal(rollout.send('approve', { by: 'ada', reason: '' }))).toBe(
      'The rollout of unasked is ramping: nothing waits for approval',
    );

    await rollout.send('abort', { by: 'ada', reason: 'end of test' });
    await rollout.failure();
  });
});

describe.concurrent('pause', () => {
  it('stays at the share until resumed, however well the gates are proven', async () => {
    const target = new MemoryTarget();
    const steps = [CREATE, rampStep(10, { dwell: { atLeastMs: 1500, atMostMs: 60_000 } }), CUTOVER];
    const rollout = await bench.start(planOf('pause', steps), target);
    await rollout.until((s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10);

    await rollout.send('pause', { by: 'ada', reason: 'lunch' });
    const pausedAtLook = target.looks;
    const seen = await rollout.until((s) => s.phase === 'paused' && target.looks > pausedAtLook + 25);
    expect(seen.next).toBe('waits for resume (paused by ada: lunch)');
    expect(seen.traffic?.live['green']).toBe(10);
    await rollout.send('resume', { by: 'bob', reason: 'nobody is hungry any more' });
    const report = await rollout.promoted();

    expect(report.actions).toMatchObject([
      { kind: 'pause', by: 'ada', reason: 'lunch' },
      { kind: 'resume', by: 'bob', reason: 'nobody is hungry any more' },
    ]);
    expect(target.traffic).toEqual({ live: { green: 100 }, mirror: {} });
  });

  it('stops the clock of an approval too', async () => {
    const steps = [CREATE, rampStep(50), { ...APPROVE, withinMs: 5_000 }, CUTOVER];
    const target = new MemoryTarget();
    const rollout = await bench.start(planOf('pause-approval', steps), target);
    await rollout.until((s) => s.phase === 'waiting-for-approval');

    await rollout.send('pause', { by: 'ada', reason: 'asking around' });
    const pausedAtLook = target.looks;
    await rollout.until(() => target.looks > pausedAtLook + 60); // longer than the approval waits
    await rollout.send('resume', { by: 'ada', reason: '' });
    await rollout.send('approve', { by: 'ada', reason: '' });

    expect((await rollout.promoted()).outcome).toBe('promoted');
  });

  it('leaves the gates on: a breach while paused rolls back', async () => {
    const target = new MemoryTarget();
    const rollout = await bench.start(planOf('pause-breach', [CREATE, LONG]), target);
    await rollout.until((s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10);
    await rollout.send('pause', { by: 'ada', reason: 'lunch' });

    target.behaviour.set('green', { errors: 1, slow: 0 });
    const { type } = await rollout.failure();

    expect(type).toBe('RolledBack');
  });

  it('many times over goes on as a new run, and nothing is forgotten', async () => {
    const target = new MemoryTarget();
    const rollout = await bench.start(planOf('pauses', [CREATE, LONG]), target);
    const { runId: first } = await rollout.handle.describe();
    await rollout.until((s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10);

    // How many fit into one run depends on how many of them a task of the workflow takes at once.
    let pauses = 0;
    for (let runId = first; runId === first; { runId } = await rollout.handle.describe()) {
      pauses += 1;
      await rollout.send('pause', { by: 'ada', reason: `pause ${pauses}` });
      await rollout.send('resume', { by: 'ada', reason: '' });
    }
    const status = await rollout.until((s) => s.phase === 'ramping');
    await rollout.send('abort', { by: 'ada', reason: 'enough' });
    const { report } = await rollout.failure();

    expect(status.steps.map((s) => s.label)).toEqual(['create']);
    expect(report.actions).toHaveLength(2 * pauses + 1);
    expect(target.traffic).toEqual({ live: { blue: 100 }, mirror: {} });
    expect([...target.deployments.keys()]).toEqual(['blue']);
  });
});

describe.concurrent('a step whose gates cannot decide', () => {
  const undecidable = (undecided: 'hold' | 'roll-back' | 'proceed') =>
    rampStep(10, { dwell: { atLeastMs: 300, atMostMs: 600 }, undecided });
  const quiet = (): MemoryTarget => {
    const target = new MemoryTarget();
    target.requestsPerSecond = 100;
    return target;
  };

  it('is held for a person, who lets it go on', async () => {
    const rollout = await bench.start(planOf('held', [CREATE, undecidable('hold'), CUTOVER]), quiet());
    const held = await rollout.until((s) => s.phase === 'held');
    expect(held.hold?.because).toMatch(/no decision after .* gate \w+ is open/);

    await rollout.send('approve', { by: 'ada', reason: 'low traffic, tested by hand' });
    const report = await rollout.promoted();

    expect(report.steps[1]?.result).toBe('approved by ada: low traffic, tested by hand');
  });

  it('rolls back where the spec says so', async () => {
    const rollout = await bench.start(planOf('undecided-back', [CREATE, undecidable('roll-back')]), quiet());
    const { report } = await rollout.failure();

    expect(report.reason).toMatch(/^undecided, rolls back by policy: no decision after/);
  });

  it('goes on where the spec says so', async () => {
    const rollout = await bench.start(planOf('undecided-on', [CREATE, undecidable('proceed')]), quiet());
    const report = await rollout.promoted();

    expect(report.steps[1]?.result).toMatch(/^undecided, goes on by policy: no decision after/);
  });
});
