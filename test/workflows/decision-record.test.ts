import { expect, it } from 'vitest';

import { decisionRecord } from '../../client/decision-record.js';
import { replayGates } from '../../core/decision-record.js';
import { MemoryTarget } from '../support/memory-target.js';
import { bakeStep, CREATE, CUTOVER, mirrorStep, planOf, rampStep } from '../support/plans.js';
import { useBench } from '../support/rollout-bench.js';

const bench = useBench();

it('the history keeps every window, and replayed it decides as the rollout did', async () => {
  const target = new MemoryTarget();
  const plan = planOf('recorded', [CREATE, mirrorStep(10), rampStep(50), CUTOVER, bakeStep(60_000)]);
  const rollout = await bench.start(plan, target);
  await rollout.until((s) => s.phase === 'baking');
  target.behaviour.set('green', { errors: 0.5, slow: 0 });
  const { report } = await rollout.failure();

  const { runId } = await rollout.handle.describe();
  const record = await decisionRecord(bench.client, rollout.handle.workflowId, runId);
  const replay = replayGates(record, plan.gates, plan.watching);

  // What a regression did to the counts is no noise of the endpoint's.
  expect(report.dispersion).toEqual({});
  expect(record.baseline).toBe('blue');
  expect(record.windows.map((w) => [w.label, w.verdict, w.alone])).toEqual([
    ['mirror 10 %', 'pass', false],
    ['ramp 50 %', 'pass', false],
    ['bake 1m', 'breach', true],
  ]);
  expect(record.windows.every((w) => w.looks.length > 0)).toBe(true);
  expect(replay.ok && replay.steps.map((s) => [s.recorded?.decision, s.replayed?.decision])).toEqual([
    ['pass', 'pass'],
    ['pass', 'pass'],
    ['breach', 'breach'],
  ]);
});
