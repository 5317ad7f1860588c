import { describe, expect, it } from 'vitest';

import { MessageName } from '../../core/messages.js';
import { MemoryTarget } from '../support/memory-target.js';
import { CREATE, CUTOVER, planOf, rampStep } from '../support/plans.js';
import { useBench } from '../support/rollout-bench.js';

const bench = useBench();

/** Lines of the worker's metrics that name the endpoint. */
async function counted(endpoint: string): Promise<string[]> {
  const text = await bench.metrics.registry.metrics();
  return text.split('\n').filter((line) => line.includes(`endpoint="${endpoint}"`));
}

const name = (endpoint: string): string => `endpoint="${endpoint}",target="host/${endpoint}"`;

describe("a worker's metrics of rollouts", () => {
  it('count a promotion, its steps and how long they took', async () => {
    const rollout = await bench.start(planOf('counted', [CREATE, rampStep(50), CUTOVER]), new MemoryTarget());
    await rollout.promoted();

    const lines = await counted('counted');
    expect(lines).toContain(`rollout_begun_total{${name('counted')}} 1`);
    expect(lines).toContain(`rollout_ended_total{${name('counted')},outcome="promoted"} 1`);
    // A series has to begin at 0, or its first increase is not seen.
    expect(lines).toContain(`rollout_ended_total{${name('counted')},outcome="rollback-incomplete"} 0`);
    const text = await bench.metrics.registry.metrics();
    expect(text).toContain('rollout_step_duration_seconds_count{phase="ramping",result="done"} 1');
    expect(text).toContain('rollout_duration_seconds_count{outcome="promoted"} 1');
  });

  it('count a rollback, and how long it took to be read back', async () => {
    const target = new MemoryTarget();
    target.behaviour.set('green', { errors: 0.5, slow: 0 });
    const rollout = await bench.start(planOf('went-back', [CREATE, rampStep(50), CUTOVER]), target);
    await rollout.failure();

    expect(await counted('went-back')).toContain(
      `rollout_ended_total{${name('went-back')},outcome="rolled-back"} 1`,
    );
    expect(await bench.metrics.registry.metrics()).toMatch(/rollout_rollback_duration_seconds_count 1/);
  });

  it('show the share of green while it is watched, and count a hold once, also through another worker', async () => {
    const hold = rampStep(10, { dwell: { atLeastMs: 100, atMostMs: 300 } });
    const target = new MemoryTarget();
    target.requestsPerSecond = 0;
    const rollout = await bench.start(planOf('held', [CREATE, hold, CUTOVER]), target);
    await rollout.until((status) => status.phase === 'held');

    await expect
      .poll(() => counted('held'))
      .toContain(`rollout_green_share_percent{${name('held')},kind="live"} 10`);
    await bench.replaceWorker();
    await rollout.send(MessageName.abort, { by: 'ada', reason: 'enough' });
    await rollout.failure();

    const lines = await counted('held');
    expect(lines).toContain(`rollout_holds_total{${name('held')},kind="undecided"} 1`);
    expect(lines).toContain(`rollout_ended_total{${name('held')},outcome="aborted"} 1`);
    // The look under way hears of its end with its next heartbeat.
    await expect
      .poll(async () =>
        (await counted('held')).filter((line) => line.startsWith('rollout_green_share_percent')),
      )
      .toEqual([]);
  });
});
