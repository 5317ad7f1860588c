import type { WorkflowHandle, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import type { Plan } from '../../core/plan.js';
import type { RolloutStatus } from '../../core/messages.js';
import {
  QUEUE_WORKFLOW,
  queueId,
  QueueMessage,
  type EnqueueInput,
  type WithdrawInput,
} from '../../core/queue.js';
import { MemoryTarget } from '../support/memory-target.js';
import { bakeStep, CREATE, CUTOVER, planOf, rampStep, STANDARD } from '../support/plans.js';
import type { Bench, Rollout } from '../support/rollout-bench.js';

/** One way in which a rollout can go, whose history is kept for every released behaviour. */
export interface ReferenceRun {
  readonly plan: Plan;
  readonly target: () => MemoryTarget;
  /** What people and others do meanwhile. */
  readonly act: (rollout: Rollout, target: MemoryTarget, bench: Bench) => Promise<void>;
  /** Histories to be kept beside that of the newest rollout on the endpoint, by name. */
  readonly also?: Readonly<Record<string, (rollout: Rollout, bench: Bench) => WorkflowHandle>>;
}

const LONG = rampStep(10, { dwell: { atLeastMs: 600_000, atMostMs: 600_000 } });
const QUEUED = planOf('replay-queue', [CREATE, LONG]);
const APPROVE = { kind: 'approve', withinMs: 60_000, gates: ['errors', 'slow'] } as const;

const onGreen = (s: RolloutStatus): boolean => s.phase === 'ramping' && (s.traffic?.live['green'] ?? 0) > 0;
const nothing = (): Promise<void> => Promise.resolve();

function healthy(): MemoryTarget {
  return new MemoryTarget();
}

function broken(): MemoryTarget {
  const target = new MemoryTarget();
  target.behaviour.set('green', { errors: 0.5, slow: 0 });
  return target;
}

export const REFERENCE_RUNS: Readonly<Record<string, ReferenceRun>> = {
  promoted: { plan: planOf('replay-promoted', STANDARD), target: healthy, act: nothing },
  'rolled-back-by-gate': {
    plan: planOf('replay-gate', [CREATE, rampStep(10), CUTOVER]),
    target: broken,
    act: nothing,
  },
  'rolled-back-in-bake': {
    plan: planOf('replay-bake', [CREATE, rampStep(50), CUTOVER, bakeStep(60_000)]),
    target: healthy,
    async act(rollout, target) {
      await rollout.until((s) => s.phase === 'baking');
      target.behaviour.set('green', { errors: 0.5, slow: 0 });
    },
  },
  aborted: {
    plan: planOf('replay-abort', [CREATE, LONG]),
    target: healthy,
    async act(rollout) {
      await rollout.until(onGreen);
      await rollout.send('abort', { by: 'ada', reason: 'wrong model' });
    },
  },
  'approved-after-pause': {
    plan: planOf('replay-approve', [CREATE, rampStep(50), APPROVE, CUTOVER]),
    target: healthy,
    async act(rollout) {
      await rollout.until((s) => s.phase === 'waiting-for-approval');
      await rollout.send('pause', { by: 'ada', reason: 'lunch' });
      await rollout.send('resume', { by: 'ada', reason: '' });
      await rollout.send('approve', { by: 'ada', reason: 'looks good' });
    },
  },
  'long-bake': {
    plan: planOf('replay-long-bake', [CREATE, rampStep(50), CUTOVER, bakeStep(6_000)], {
      watching: { intervalMs: 20, warmUpMs: 0, alpha: 0.01, alphaPass: 0.05, windowMs: 60 },
    }),
    target: healthy,
    act: nothing,
    also: {
      'long-bake-goes-on-as-new': ({ handle }, { client }) =>
        client.workflow.getHandle(handle.workflowId, firstRunOf(handle)),
    },
  },
  queued: {
    plan: QUEUED,
    target: healthy,
    async act(rollout, _target, { client, taskQueue }) {
      await rollout.until(onGreen);
      const { target, endpoint } = QUEUED;
      const queue = await client.workflow.start(QUEUE_WORKFLOW, {
        workflowId: queueId(target, endpoint),
        taskQueue,
        args: [target, endpoint],
      });

      for (const id of ['first', 'second']) {
        const plan: Plan = { ...QUEUED, steps: [CREATE, CUTOVER], digest: id };
        const entry = {
          id,
          plan,
          by: 'ada',
          spec: 'spec.yml',
          summary: id,
          details: id,
          sinceMs: Date.now(),
        };
        const args: [EnqueueInput] = [{ entry, first: false }];
        await queue.executeUpdate(QueueMessage.enqueue, { args });
      }
      const withdrawn: [WithdrawInput] = [{ id: 'second', by: 'bob', reason: 'not needed' }];
      await queue.executeUpdate(QueueMessage.withdraw, { args: withdrawn });
      await rollout.send('abort', { by: 'ada', reason: 'make room' });
      await queue.result();
      await client.workflow.getHandle(rollout.handle.workflowId).result();
    },
    also: {
      queue: (_, { client }) => client.workflow.getHandle(queueId(QUEUED.target, QUEUED.endpoint)),
    },
  },
  'drift-restored': {
    plan: planOf('replay-drift', [CREATE, rampStep(10, { dwell: { atLeastMs: 2000, atMostMs: 60_000 } })]),
    target: healthy,
    async act(rollout, target) {
      await rollout.until(onGreen);
      target.changeTraffic({ live: { blue: 60, green: 40 }, mirror: {} });
      await rollout.until((s) => s.phase === 'held');
      await rollout.send('resolveDrift', { choice: 'restore', by: 'ada', reason: 'a mistake' });
    },
  },
  rejected: {
    plan: planOf('replay-rejected', STANDARD),
    target() {
      const target = new MemoryTarget();
      target.addDeployment('green');
      return target;
    },
    act: nothing,
  },
};

function firstRunOf(handle: WorkflowHandle): string {
  const { firstExecutionRunId } = handle as Partial<WorkflowHandleWithFirstExecutionRunId>;
  if (firstExecutionRunId === undefined) throw new Error('only who started a rollout knows its first run');
  return firstExecutionRunId;
}

/** The names of all histories that a recording makes. */
export const HISTORY_NAMES: readonly string[] = Object.entries(REFERENCE_RUNS).flatMap(([name, { also }]) => [
  name,
  ...Object.keys(also ?? {}),
]);
