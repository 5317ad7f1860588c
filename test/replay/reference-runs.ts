import type { WorkflowHandle, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { PortError, type Notifier } from '../../adapters/ports.js';
import { NOTIFY_EVENTS, type NotifyChannel } from '../../core/notification.js';
import type { Plan } from '../../core/plan.js';
import type { RolloutStatus } from '../../core/messages.js';
import {
  QUEUE_WORKFLOW,
  queueId,
  QueueMessage,
  type EnqueueInput,
  type WithdrawInput,
} from '../../core/queue.js';
import { autoscaled, failing, MemoryTarget, ofFour } from '../support/memory-target.js';
import {
  bakeStep,
  CREATE,
  CUTOVER,
  DELETE_BASELINE,
  LONG,
  planOf,
  rampStep,
  SHORT_WINDOWS,
  STANDARD,
} from '../support/plans.js';
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

const QUEUED = planOf('replay-queue', [CREATE, LONG]);
const SUPERSEDED = planOf('replay-superseded', [CREATE, LONG]);
const APPROVE = { kind: 'approve', withinMs: 60_000, gates: ['errors', 'slow'] } as const;

const onGreen = (s: RolloutStatus): boolean => s.phase === 'ramping' && (s.traffic?.live['green'] ?? 0) > 0;
/** What is waited for is given up after 15 s, and green is looked at for as long. */
const TURNS_MS = 60_000;

/** Waits until green is looked at while something else is waited for. */
async function inTurn(rollout: Rollout, target: MemoryTarget): Promise<void> {
  const { looks } = target;
  await rollout.until(() => target.looks > looks + 40, TURNS_MS);
}

const nothing = (): Promise<void> => Promise.resolve();

function healthy(): MemoryTarget {
  return new MemoryTarget();
}

/** Too few to decide by. */
function fewRequests(): MemoryTarget {
  const target = new MemoryTarget();
  target.requestsPerSecond = 100;
  return target;
}

function broken(): MemoryTarget {
  const target = new MemoryTarget();
  target.behaviour.set('green', { errors: 0.5, slow: 0 });
  return target;
}

/** The queue behind a rollout, and a way to wait in it. */
async function queueBehind(plan: Plan, { client, taskQueue }: Bench) {
  const { target, endpoint } = plan;
  const queue = await client.workflow.start(QUEUE_WORKFLOW, {
    workflowId: queueId(target, endpoint),
    taskQueue,
    args: [target, endpoint],
  });
  const enqueue = (id: string, first: boolean): Promise<unknown> => {
    const waiting: Plan = { ...plan, steps: [CREATE, CUTOVER], digest: id };
    const shown = { by: 'ada', spec: 'spec.yml', summary: id, details: id, sinceMs: Date.now() };
    const args: [EnqueueInput] = [{ entry: { id, plan: waiting, ...shown }, first }];
    return queue.executeUpdate(QueueMessage.enqueue, { args });
  };
  return { queue, enqueue };
}

function channel(name: string): NotifyChannel {
  const events = NOTIFY_EVENTS;
  return { name, url: { env: 'HOOK' }, form: 'cloudevents', events, secret: null, linksFor: null };
}

/** Whom the recorded rollouts tell: nobody at all, of whom one does not take it. */
export const NOTIFIER: Notifier = {
  forAll: [],
  send: (to) =>
    to.from === 'plan' && to.channel.name === 'dead'
      ? Promise.reject(new PortError('it knows nobody of that name', { kind: 'permanent', code: 'NotFound' }))
      : Promise.resolve(),
};

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
      watching: SHORT_WINDOWS,
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
    async act(rollout, _target, bench) {
      await rollout.until(onGreen);
      const { queue, enqueue } = await queueBehind(QUEUED, bench);
      for (const id of ['first', 'second']) await enqueue(id, false);
      const withdrawn: [WithdrawInput] = [{ id: 'second', by: 'bob', reason: 'not needed' }];
      await queue.executeUpdate(QueueMessage.withdraw, { args: withdrawn });
      await rollout.send('abort', { by: 'ada', reason: 'make room' });
      await queue.result();
    },
    also: {
      queue: (_, { client }) => client.workflow.getHandle(queueId(QUEUED.target, QUEUED.endpoint)),
    },
  },
  superseding: {
    plan: SUPERSEDED,
    target: healthy,
    async act(rollout, _target, bench) {
      await rollout.until(onGreen);
      const { queue, enqueue } = await queueBehind(SUPERSEDED, bench);
      await enqueue('patient', false);
      await enqueue('superseding', true);
      await rollout.send('abort', { by: 'bob', reason: 'superseded by spec.yml of bob' });
      // The patient one is refused in the end: its green serves already.
      await queue.result();
    },
    also: {
      superseded: ({ handle }, { client }) =>
        client.workflow.getHandle(handle.workflowId, firstRunOf(handle)),
      'superseding-queue': (_, { client }) =>
        client.workflow.getHandle(queueId(SUPERSEDED.target, SUPERSEDED.endpoint)),
    },
  },
  'held-undecided': {
    plan: planOf('replay-undecided', [
      CREATE,
      rampStep(10, { dwell: { atLeastMs: 300, atMostMs: 600 } }),
      CUTOVER,
    ]),
    target() {
      const target = new MemoryTarget();
      target.requestsPerSecond = 100;
      return target;
    },
    async act(rollout) {
      await rollout.until((s) => s.hold?.kind === 'undecided');
      await rollout.send('approve', { by: 'ada', reason: 'tested by hand' });
    },
  },
  'held-without-metrics': {
    plan: planOf('replay-blind', [CREATE, rampStep(10, { dwell: { atLeastMs: 3_000, atMostMs: 600_000 } })]),
    target: healthy,
    async act(rollout, target) {
      await rollout.until(onGreen);
      target.metricsAway = true;
      await rollout.until((s) => s.hold?.kind === 'blind');
      target.metricsAway = false;
      await rollout.until((s) => s.phase !== 'held');
    },
  },
  'scaled-down-and-restored': {
    plan: planOf('replay-scaled', [CREATE, LONG]),
    target: ofFour,
    async act(rollout, target) {
      await rollout.until(onGreen);
      target.changeInstances('blue', 1);
      await rollout.until((s) => s.phase === 'held');
      await rollout.send('resolveDrift', { choice: 'restore', by: 'ada', reason: 'a mistake' });
      await rollout.until(onGreen);
      await rollout.send('abort', { by: 'ada', reason: 'wrong model' });
    },
  },
  'scaled-down-unseen': {
    plan: planOf('replay-unseen', [CREATE, CUTOVER, bakeStep(600_000)], {
      watching: { intervalMs: 600_000, warmUpMs: 0, alpha: 0.01, alphaPass: 0.05 },
    }),
    target: ofFour,
    async act(rollout, target) {
      await rollout.until((s) => s.phase === 'baking' && target.looks > 1);
      target.changeInstances('blue', 0);
      // Back by now, and fewer again.
      target.fault = (call) => {
        if (call === 'writeTraffic') target.changeInstances('blue', 1);
        return undefined;
      };
      await rollout.send('abort', { by: 'ada', reason: 'wrong model' });
    },
  },
  'busy-target': {
    plan: planOf('replay-busy', [CREATE, rampStep(10), rampStep(25)]),
    target() {
      const target = new MemoryTarget();
      target.fault = (_, traffic) => (traffic?.live['green'] === 25 ? 'throttle' : undefined);
      return target;
    },
    async act(rollout, target) {
      await rollout.until((s) => s.stepIndex === 2);
      await inTurn(rollout, target);
      target.fault = () => undefined;
    },
  },
  'restore-in-turns': {
    plan: planOf('replay-restore', [CREATE, LONG]),
    target: ofFour,
    async act(rollout, target) {
      await rollout.until(onGreen);
      target.changeInstances('blue', 1);
      await rollout.until((s) => s.phase === 'held');
      // Its nodes are on their way.
      target.changeInstances = (name, wanted) =>
        target.addDeployment(name, { instances: { wanted, ready: 1 } });
      await rollout.send('resolveDrift', { choice: 'restore', by: 'ada', reason: 'a mistake' });
      await rollout.until(() => target.writes.includes('scale blue to 4'));
      await inTurn(rollout, target);
      target.addDeployment('blue', { instances: { wanted: 4, ready: 4 } });
      await rollout.until(onGreen, TURNS_MS);
      await rollout.send('abort', { by: 'ada', reason: 'wrong model' });
    },
  },
  'autoscaled-rolled-back': {
    plan: planOf('replay-autoscaled-back', [CREATE, LONG]),
    target: autoscaled,
    async act(rollout, target) {
      await rollout.until(onGreen);
      target.behaviour.set('green', { errors: 0.5, slow: 0 });
    },
  },
  'rollback-asked-again': {
    plan: planOf('replay-asked-again', [CREATE, LONG], { rollbackWithinMs: 6_000 }),
    target: healthy,
    async act(rollout, target) {
      await rollout.until(onGreen);
      // Longer than half of its time, after which people are told and it is asked for anew.
      const busyUntilMs = Date.now() + 4_000;
      target.fault = (call) =>
        call === 'writeTraffic' && Date.now() < busyUntilMs ? 'throw-transient' : undefined;
      await rollout.send('abort', { by: 'ada', reason: 'wrong model' });
    },
  },
  'unseen-while-asked': {
    plan: planOf(
      'replay-unseen-asked',
      [CREATE, rampStep(10, { dwell: { atLeastMs: 300, atMostMs: 600 } })],
      { notify: [channel('alive')] },
    ),
    target: fewRequests,
    async act(rollout, target) {
      await rollout.until((s) => s.hold?.kind === 'undecided');
      target.fault = (call) => (call === 'read' ? 'throw-permanent' : undefined);
      // By looks of 100 ms, 1.2 s stand for the minute after which it is told.
      const { looks } = target;
      await rollout.until(() => target.looks > looks + 40, TURNS_MS);
      target.fault = () => undefined;
      await rollout.send('abort', { by: 'ada', reason: 'wrong model' });
    },
  },
  'autoscaled-promoted': {
    plan: planOf('replay-autoscaled', [CREATE, rampStep(50), CUTOVER, DELETE_BASELINE]),
    target: autoscaled,
    act: nothing,
  },
  notified: {
    plan: planOf('replay-notified', [CREATE, rampStep(50), CUTOVER], {
      notify: [channel('alive'), channel('dead')],
    }),
    target: healthy,
    act: nothing,
  },
  'retried-activities': {
    plan: planOf('replay-retried', [CREATE, rampStep(50), CUTOVER]),
    target() {
      const target = new MemoryTarget();
      const faults = [failing('createDeployment', 'lose-answer', 1), failing('writeTraffic', 'throttle', 2)];
      target.fault = (call) => faults.map((fault) => fault(call)).find((how) => how !== undefined);
      return target;
    },
    act: nothing,
  },
  'rollback-incomplete': {
    plan: planOf('replay-incomplete', [CREATE, LONG]),
    target: healthy,
    async act(rollout, target) {
      await rollout.until(onGreen);
      target.fault = (call) => (call === 'writeTraffic' ? 'throw-permanent' : undefined);
      await rollout.send('abort', { by: 'ada', reason: 'wrong model' });
    },
  },
  cancelled: {
    plan: planOf('replay-cancelled', [CREATE, LONG]),
    target: healthy,
    async act(rollout) {
      await rollout.until(onGreen);
      await rollout.handle.cancel();
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
