import { type temporal } from '@temporalio/proto';
import { describe, expect, it } from 'vitest';

import { workflowId } from '../../core/plan.js';
import { MemoryTarget } from '../support/memory-target.js';
import {
  APPROVE,
  bakeStep,
  by,
  CREATE,
  CUTOVER,
  DELETE_BASELINE,
  planOf,
  rampStep,
  SHORT_WINDOWS,
} from '../support/plans.js';
import { useBench } from '../support/rollout-bench.js';

const bench = useBench();

/** By what each stands for, the better part of a day. */
const WINDOWS = 50;
const BAKE = bakeStep(3_600_000);

type Event = temporal.api.history.v1.IHistoryEvent;

/** The histories of a rollout, in order, each continued as the next. */
async function chainOf(id: string, firstRunId: string): Promise<readonly (readonly Event[])[]> {
  const chain: (readonly Event[])[] = [];
  for (let runId: string | null | undefined = firstRunId; runId;) {
    const { events } = await bench.client.workflow.getHandle(id, runId).fetchHistory();
    chain.push(events ?? []);
    runId = events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
  }
  return chain;
}

const watchesIn = (events: readonly Event[]): number =>
  events.filter((e) => e.activityTaskScheduledEventAttributes?.activityType?.name === 'watch').length;

describe.concurrent('a bake of many windows', () => {
  it('goes on as a new run several times, forgets nothing, and a breach late in it still goes back to blue', async ({
    expect,
  }) => {
    const target = new MemoryTarget();
    target.changeInstances('blue', 3);
    const plan = planOf('long-bake', [CREATE, rampStep(50), APPROVE, CUTOVER, BAKE, DELETE_BASELINE], {
      watching: SHORT_WINDOWS,
    });
    const rollout = await bench.start(plan, target);
    const { runId: firstRunId } = await rollout.handle.describe();
    await rollout.until((s) => s.phase === 'waiting-for-approval');
    await rollout.send('approve', { by: 'ada', reason: 'looks good' });
    const baking = await rollout.until((s) => s.phase === 'baking');
    const servedBefore = target.requestsOf('green', 'live');

    // Some four windows a look of ours: until fifty have gone by.
    const id = workflowId(plan.target, plan.endpoint);
    const windows = async (): Promise<number> =>
      (await chainOf(id, firstRunId)).reduce((sum, events) => sum + watchesIn(events), 0);
    await expect.poll(windows, { timeout: 180_000, interval: 1_000 }).toBeGreaterThan(WINDOWS);
    const late = await rollout.status();
    const servedInBake = target.requestsOf('green', 'live') - servedBefore;

    expect(late).toMatchObject({
      phase: 'baking',
      hold: null,
      traffic: { live: { green: 100 }, mirror: {} },
    });
    expect(late.stepStartedAtMs).toBe(baking.stepStartedAtMs);
    expect(late.steps).toEqual(baking.steps);
    expect(late.actions).toEqual(baking.actions);
    const errors = late.evidence.find(({ gate }) => gate === 'errors');
    expect(errors?.green.requests).toBeGreaterThan(0.9 * servedInBake - 4_000);
    expect(errors?.green.requests).toBeLessThanOrEqual(servedInBake + 4_000);

    target.changeInstances('blue', 3);
    target.behaviour.set('green', { errors: 0.5, slow: 0 });
    const { type, report } = await rollout.failure();

    expect(type).toBe('RolledBack');
    expect(report.reason).toMatch(/with an error/);
    expect(report.steps.map((s) => s.label)).toEqual([
      'create',
      'ramp 50 %',
      'approve',
      'cutover',
      'bake 1h',
    ]);
    expect(report.steps[1]?.evidence.length).toBeGreaterThan(0);
    expect(report.actions).toMatchObject([{ kind: 'approve', by: 'ada' }]);
    expect(target.traffic).toEqual({ live: { blue: 100 }, mirror: {} });
    expect([...target.deployments.keys()]).toEqual(['blue']);
    expect(target.writes.filter((w) => w.startsWith('create'))).toHaveLength(1);
    const chain = await chainOf(id, firstRunId);
    expect(chain.length).toBeGreaterThanOrEqual(3);
    expect(Math.max(...chain.map((events) => events.length))).toBeLessThan(200);
    // What one run hands to the next does not grow with the bake.
    const carried = chain.slice(1).map((events) => {
      const payloads = events[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
      return payloads.reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
    });
    expect(Math.max(...carried)).toBeLessThan(64_000);
    expect(Math.max(...carried)).toBeLessThan(1.2 * Math.min(...carried) + 2_000);
  }, 240_000);

  it('that ends well deletes blue once, and not before its time', async () => {
    const target = new MemoryTarget();
    const bake = bakeStep(4_000);
    const plan = planOf('whole-bake', [CREATE, rampStep(50), CUTOVER, bake, DELETE_BASELINE], {
      watching: SHORT_WINDOWS,
    });
    const rollout = await bench.start(plan, target);
    const { runId: firstRunId } = await rollout.handle.describe();

    const { steps } = await rollout.promoted();

    const [bakeRecord] = steps.slice(3);
    expect((bakeRecord?.endedAtMs ?? 0) - (bakeRecord?.startedAtMs ?? 0)).toBeGreaterThanOrEqual(4_000);
    expect(target.writes.filter((w) => w.startsWith('delete'))).toEqual(['delete blue']);
    expect(target.traffic).toEqual({ live: { green: 100 }, mirror: {} });
    const chain = await chainOf(workflowId(plan.target, plan.endpoint), firstRunId);
    expect(chain.reduce((sum, events) => sum + watchesIn(events), 0)).toBeGreaterThan(8);
  });

  it('keeps a change from outside held through new runs, until a person settles it', async ({ expect }) => {
    const target = new MemoryTarget();
    target.changeInstances('blue', 3);
    const plan = planOf('held-bake', [CREATE, rampStep(50), CUTOVER, BAKE], { watching: SHORT_WINDOWS });
    const rollout = await bench.start(plan, target);
    await rollout.until((s) => s.phase === 'baking');
    target.changeInstances('blue', 1);
    const held = await rollout.until((s) => s.hold?.kind === 'drift');
    const { runId } = await rollout.handle.describe();

    await expect.poll(async () => (await rollout.handle.describe()).runId, { interval: 200 }).not.toBe(runId);
    const still = await rollout.until((s) => s.hold?.kind === 'drift');
    await rollout.send('resolveDrift', { choice: 'restore', by: 'ada', reason: 'needed for a rollback' });
    await rollout.until((s) => s.phase === 'baking');

    expect(still.hold).toEqual(held.hold);
    expect(target.deployments.get('blue')?.instances.wanted).toBe(3);
    await rollout.send('abort', by);
    await rollout.failure();
    expect(target.traffic).toEqual({ live: { blue: 100 }, mirror: {} });
  });
});
