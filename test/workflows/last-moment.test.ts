import { WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import type { Step } from '../../core/plan.js';
import type { Traffic } from '../../core/traffic.js';
import { autoscaled, creating, MemoryTarget, outage } from '../support/memory-target.js';
import { CREATE, CUTOVER, DELETE_BASELINE, FOR_LONG, planOf, rampStep } from '../support/plans.js';
import { useBench, type Rollout } from '../support/rollout-bench.js';

const bench = useBench();

const ABORT = { by: 'ada', reason: 'at the last moment' };
const BLUE = { live: { blue: 100 }, mirror: {} };
const LONG = rampStep(20, FOR_LONG);
const GREEN = { live: { green: 100 }, mirror: {} };

/** Whether it said yes; it may say no in words, or be over. Anything else is an answer that got lost. */
async function aborted(rollout: Rollout): Promise<boolean> {
  try {
    await rollout.send('abort', ABORT);
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    if (!(error instanceof WorkflowUpdateFailedError)) throw error;
    expect(error.cause?.message).toMatch(/it is over|nothing to go back to|rolling back already/);
    return false;
  }
}

/** Runs one whose abort is sent so long after the target was asked for its last write. */
async function abortAfter(name: string, last: Step, lateMs: number) {
  const target = new MemoryTarget();
  let begun = (): void => undefined;
  const lastWrite = new Promise<void>((resolve) => (begun = resolve));
  target.fault = (call) => {
    if (call === (last.kind === 'cutover' ? 'writeTraffic' : 'deleteDeployment')) begun();
    return undefined;
  };
  const steps = last.kind === 'cutover' ? [CREATE, last] : [CREATE, CUTOVER, last];
  const rollout = await bench.start(planOf(name, steps), target);
  await lastWrite;
  await sleep(lateMs);
  const accepted = await aborted(rollout);
  const outcome = await rollout.promoted().then(
    (report) => report.outcome,
    async () => (await rollout.failure()).report.outcome,
  );
  return { accepted, outcome, traffic: target.traffic, left: [...target.deployments.keys()] };
}

describe("an abort in a rollout's last moment", () => {
  const LATE_MS = [0, 2, 5, 8, 11, 14, 17, 20, 25, 30, 40, 60];

  it('takes effect where it was accepted, and is refused in words where it was not', async () => {
    await Promise.all(
      [8, 12, 18, 27, 40, 60].map(async (firstMs) => {
        // When that moment is, depends on the machine: each looks for it, until it has aborted before and after it.
        const seen = new Set<boolean>();
        for (let lateMs = firstMs; seen.size < 2;) {
          const { accepted, ...end } = await abortAfter(`last-cutover-${firstMs}`, CUTOVER, lateMs);
          expect(end).toEqual(
            accepted
              ? { outcome: 'aborted', traffic: BLUE, left: ['blue'] }
              : { outcome: 'promoted', traffic: GREEN, left: ['blue', 'green'] },
          );
          seen.add(accepted);
          lateMs = accepted ? lateMs * 2 + 1 : Math.floor(lateMs / 2);
        }
      }),
    );
  });

  it('is refused once the baseline is being deleted: there is nothing to go back to', async () => {
    const ends = await Promise.all(
      LATE_MS.map((lateMs) => abortAfter(`last-delete-${lateMs}`, DELETE_BASELINE, lateMs)),
    );

    for (const end of ends) {
      expect(end).toEqual({ accepted: false, outcome: 'promoted', traffic: GREEN, left: ['green'] });
    }
  });

  it.each([
    ['said to Greenlight', (rollout: Rollout) => aborted(rollout)],
    ['by cancelling the workflow', (rollout: Rollout) => rollout.handle.cancel().then(() => true)],
  ])('keeps the baseline when it comes while its autoscaler is let go: %s', async (how, abort) => {
    const target = autoscaled();
    const lettingGo = outage(target, 'autoscale', () => target.traffic.live['green'] === 100);
    const steps = [CREATE, CUTOVER, DELETE_BASELINE];
    const rollout = await bench.start(planOf(`last-autoscaler-${how.length}`, steps), target);
    await lettingGo.met;

    const accepted = await abort(rollout);
    lettingGo.over();

    expect(accepted).toBe(true);
    expect((await rollout.failure()).report).toMatchObject({ outcome: 'aborted', left: [] });
    expect(target.traffic).toEqual(BLUE);
    expect([...target.deployments.keys()]).toEqual(['blue']);
    expect(target.autoscale).toMatchObject({ minimum: 1 });
  });
});

describe.concurrent('an abort while a write is under way', () => {
  it('waits for that write, and takes it back: none lands after the rollback', async () => {
    const target = new MemoryTarget();
    let asked = (): void => undefined;
    const writing = new Promise<void>((resolve) => (asked = resolve));
    const ports = target.ports();
    const slowOnce: typeof ports.endpoints.writeTraffic = async (...args) => {
      if (args[1].live['green'] === 10) {
        asked();
        await sleep(1_500); // a service that does not hear that its client has left
      }
      await ports.endpoints.writeTraffic(...args);
    };
    const rollout = await bench.start(planOf('abort-in-write', [CREATE, rampStep(10)]), {
      ports: () => ({ ...ports, endpoints: { ...ports.endpoints, writeTraffic: slowOnce } }),
    });
    await writing;

    await rollout.send('abort', ABORT);
    const { report } = await rollout.failure();

    expect(report).toMatchObject({ outcome: 'aborted', left: [] });
    expect(target.writes.filter((write) => !write.startsWith('create'))).toEqual([
      'traffic {"live":{"blue":90,"green":10},"mirror":{}}',
      'traffic {"live":{"blue":100},"mirror":{}}',
      'delete green',
    ]);
  });

  it('takes it back also where it lands after its client has left, when all seemed to be as before', async () => {
    const target = new MemoryTarget();
    let asked = (): void => undefined;
    const writing = new Promise<void>((resolve) => (asked = resolve));
    const ports = target.ports();
    let left: Traffic | null = null;
    // Hears that its client has left; its service has the request all the same, and is slow.
    const cutOff: typeof ports.endpoints.writeTraffic = async (name, traffic, options) => {
      if (traffic.live['green'] !== 10) {
        await ports.endpoints.writeTraffic(name, traffic, options);
        const late = left;
        left = null;
        // After the rollback has written: until then all seems to be as before.
        if (late !== null) setTimeout(() => target.changeTraffic(late), 1_000);
        return;
      }
      asked();
      await sleep(60_000, undefined, options?.signal === undefined ? {} : { signal: options.signal }).catch(
        (error: unknown) => {
          left = traffic;
          throw error;
        },
      );
    };
    const plan = planOf('abort-late-write', [CREATE, rampStep(10)], { afterRollback: 'keep-green' });
    const rollout = await bench.start(plan, {
      ports: () => ({ ...ports, endpoints: { ...ports.endpoints, writeTraffic: cutOff } }),
    });
    await writing;

    await rollout.send('abort', ABORT);
    const { report } = await rollout.failure();

    expect(report).toMatchObject({ outcome: 'aborted', left: [] });
    expect(target.everLive).toEqual([BLUE, { live: { blue: 90, green: 10 }, mirror: {} }, BLUE]);
  });
});

describe.concurrent('while it is taken back', () => {
  it('an answer to what had been asked before is refused: it would change nothing', async () => {
    const target = new MemoryTarget();
    const approve: Step = { kind: 'approve', withinMs: 600_000, gates: ['errors'] };
    const rollout = await bench.start(planOf('answer-late', [CREATE, rampStep(10), approve]), target);
    await rollout.until((s) => s.phase === 'waiting-for-approval');
    const takingBack = outage(target, 'writeTraffic');
    await rollout.send('abort', ABORT);
    await takingBack.met;

    for (const answer of ['approve', 'reject'] as const) {
      await expect(rollout.send(answer, ABORT)).rejects.toMatchObject({
        cause: { message: expect.stringContaining('it is being aborted already, by ada') as string },
      });
    }
    takingBack.over();
    expect((await rollout.failure()).report.actions.map(({ kind }) => kind)).toEqual(['abort']);
  });

  it('what somebody else had made of the traffic is written over, and said', async () => {
    const target = new MemoryTarget();
    const rollout = await bench.start(planOf('overwritten', [CREATE, rampStep(10), LONG]), target);
    await rollout.until((s) => s.stepIndex === 2 && s.traffic?.live['green'] === 20);
    target.addDeployment('red');
    // In the moment of the abort: no look has found it.
    target.fault = (call) => (call === 'metrics' || call === 'read' ? 'throw-transient' : undefined);
    await rollout.send('abort', ABORT);
    target.changeTraffic({ live: { blue: 50, red: 50 }, mirror: {} });
    target.fault = () => undefined;

    const { report } = await rollout.failure();

    expect(report).toMatchObject({
      outcome: 'aborted',
      left: [],
      notes: ['somebody else had made the traffic blue 50 %, red 50 %: the rollback has overwritten it'],
    });
    expect(target.traffic).toEqual(BLUE);
  });

  it('and said also where a step that was to write had found it', async () => {
    const target = new MemoryTarget();
    const creation = creating(target);
    const rollout = await bench.start(planOf('overwritten-found', [CREATE, LONG]), target);
    await rollout.until(() => target.deployments.has('green'));
    target.addDeployment('red');
    target.changeTraffic({ live: { blue: 50, red: 50 }, mirror: {} });
    creation.over();
    await rollout.until((s) => s.hold?.kind === 'drift');

    await rollout.send('abort', ABORT);

    expect((await rollout.failure()).report.notes).toEqual([
      'somebody else had made the traffic blue 50 %, red 50 %: the rollback has overwritten it',
    ]);
  });
});

describe.concurrent('a change that is adopted', () => {
  it('is the one that was looked at: another that comes meanwhile is held for anew', async () => {
    const target = new MemoryTarget();
    const rollout = await bench.start(planOf('adopt-another', [CREATE, LONG, CUTOVER]), target);
    await rollout.until((s) => s.phase === 'ramping' && s.traffic?.live['green'] === 20);
    target.changeTraffic({ live: { blue: 50, green: 50 }, mirror: {} });
    await rollout.until((s) => s.hold?.kind === 'drift');

    await rollout.send('resolveDrift', { choice: 'adopt', ...ABORT });
    target.changeTraffic(GREEN); // which nobody may adopt before green was compared
    const held = await rollout.until(
      (s) => s.hold?.kind === 'drift' && s.hold.observed?.live['green'] === 100,
    );

    expect(held.next).toBe('waits for a person: restore or abort');
    await rollout.send('abort', ABORT);
    expect((await rollout.failure()).report.outcome).toBe('aborted');
    expect(target.traffic).toEqual(BLUE);
  });
});

it('a baseline that somebody goes back to while it drains is not deleted, and the rollout can be taken back', async () => {
  // As Azure Monitor, which cannot tell what is in flight: draining takes all of its time.
  const target = new MemoryTarget();
  target.active = null;
  let found = false;
  target.fault = (call) => {
    found ||= call === 'readDeployment' && target.traffic.live['green'] === 100;
    if (found && call === 'metrics' && target.everLive.length === 1) target.changeTraffic(BLUE);
    return undefined;
  };
  const steps = [CREATE, CUTOVER, { ...DELETE_BASELINE, drainWithinMs: 1_000 }];
  const rollout = await bench.start(planOf('gone-back', steps), target);

  const { hold } = await rollout.until((s) => s.hold?.kind === 'drift');
  target.active = 0; // nor would green's draining have to take half a minute
  await rollout.send('abort', ABORT);
  const { report } = await rollout.failure();

  expect(hold).toMatchObject({ expected: GREEN, observed: BLUE });
  expect(report).toMatchObject({ outcome: 'aborted' });
  expect(target.writes.filter((write) => write.startsWith('delete'))).toEqual(['delete green']);
  expect(target.traffic).toEqual(BLUE);
});

it.each([
  ['deleted', (target: MemoryTarget) => target.removeDeployment('green'), { observed: null }],
  [
    'scaled to nothing',
    (target: MemoryTarget) => target.changeInstances('green', 0),
    { observed: GREEN, scaled: [{ deployment: 'green', from: 1, to: 0 }] },
  ],
] as const)(
  'a baseline is not deleted where green is %s while it drains, and the rollout can be taken back',
  async (what, takeAway, seen) => {
    const target = new MemoryTarget();
    target.active = null; // nobody can tell what is in flight: draining takes all of its time
    let draining = false;
    target.fault = (call) => {
      draining ||= call === 'readDeployment' && target.traffic.live['green'] === 100;
      if (!draining || call !== 'metrics') return undefined;
      target.fault = () => undefined;
      takeAway(target);
      return undefined;
    };
    const steps = [CREATE, CUTOVER, { ...DELETE_BASELINE, drainWithinMs: 1_000 }];
    const rollout = await bench.start(planOf(`alone-${what.split(' ', 1)[0]}`, steps), target);

    const { hold } = await rollout.until((s) => s.hold?.kind === 'drift' || s.outcome !== null);
    target.active = 0;
    expect(hold).toMatchObject({ expected: GREEN, ...seen });
    await rollout.send('abort', ABORT);
    const { report } = await rollout.failure();

    expect(report).toMatchObject({ outcome: 'aborted' });
    expect(target.deployments.has('blue')).toBe(true);
    expect(target.traffic).toEqual(BLUE);
  },
);
