import { WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import type { Step } from '../../core/plan.js';
import { MemoryTarget, outage } from '../support/memory-target.js';
import { CREATE, CUTOVER, DELETE_BASELINE, planOf, rampStep } from '../support/plans.js';
import { useBench, type Rollout } from '../support/rollout-bench.js';

const bench = useBench();

const ABORT = { by: 'ada', reason: 'at the last moment' };
const BLUE = { live: { blue: 100 }, mirror: {} };
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
    const ends = await Promise.all(
      LATE_MS.map((lateMs) => abortAfter(`last-cutover-${lateMs}`, CUTOVER, lateMs)),
    );

    for (const { accepted, ...end } of ends) {
      expect(end).toEqual(
        accepted
          ? { outcome: 'aborted', traffic: BLUE, left: ['blue'] }
          : { outcome: 'promoted', traffic: GREEN, left: ['blue', 'green'] },
      );
    }
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
    const target = new MemoryTarget();
    target.autoscale = { minimum: 1, maximum: 8, instances: 4 };
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

describe('an abort while a write is under way', () => {
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
});
