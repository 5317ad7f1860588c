import {
  allHandlersFinished,
  ApplicationFailure,
  condition,
  defineUpdate,
  makeContinueAsNewFunc,
  patched,
  setHandler,
  setWorkflowOptions,
  startChild,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import { defineSearchAttributeKey, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';

import { withDispersion } from '../core/carried.js';
import { FailureType } from '../core/failures.js';
import { DECISION_WITHIN_MS, ROLLOUT_WORKFLOW } from '../core/messages.js';
import { workflowId, type Target } from '../core/plan.js';
import { attributesAtStart } from '../core/search-attributes.js';
import {
  enqueued,
  placeOf,
  QueueMessage,
  queueMemo,
  settled,
  whyNotQueued,
  whyNotWithdrawn,
  type EnqueueInput,
  type Freed,
  type QueueState,
  type WithdrawInput,
} from '../core/queue.js';
import { interruptible } from './interruptible.js';
import { untilFree } from './proxies.js';

const enqueueUpdate = defineUpdate<number, [EnqueueInput]>(QueueMessage.enqueue);
const withdrawUpdate = defineUpdate<string, [WithdrawInput]>(QueueMessage.withdraw);

/** Whoever starts a queue brings the first entry along; so long it may take until that is here. */
const FIRST_ENTRY = '1m';
/** After so many changes it goes on as a new run. Not by the length of the history: see workflows/watching.ts. */
const MANY_CHANGES = 60;

/**
 * Plans that wait for one endpoint, in order: each is started when the rollout that holds it is over. Ends when nobody
 * waits any more.
 *
 * Rollouts are its children in name only: it starts them, exactly once each, and never stops them.
 *
 * @throws ApplicationFailure `QueueStopped`, when a rollout left the endpoint in a state that nobody has proven: nothing
 *   is started upon that.
 */
export async function rolloutQueue(target: Target, endpoint: string, carried?: QueueState): Promise<void> {
  // Once: a patch that a queue meets in the middle would be known from its beginning when it is replayed.
  const asksFirst = patched(ASKS_FIRST);
  const queue = new Queue(target, endpoint, carried ?? { waiting: [], fates: [] });
  queue.install();
  await condition(() => queue.state.waiting.length > 0, FIRST_ENTRY);
  let learned: Freed['dispersion'] = {};
  for (;;) {
    if (queue.state.waiting.length === 0) {
      await condition(allHandlersFinished);
      if (queue.state.waiting.length === 0) return;
      continue;
    }
    // Asked also where the endpoint is free: whoever came to find it held may have to hear how that one ended.
    if (asksFirst || !(await queue.startNext(learned))) {
      const freed = await queue.untilFree();
      learned = freed?.dispersion ?? {};
      if (freed !== null && freed.unproven !== null) throw await queue.stop(freed.unproven);
      if (freed !== null && asksFirst) await queue.startNext(learned);
      await queue.goOnAsNew();
    }
  }
}

/** 2026-11: queues before it try to start first. */
const ASKS_FIRST = 'asks-first';

// A queue may wait for longer than any version lives, and starts its rollouts with the current one. Its code changes by
// `patched` only. Asked at its start, since a server refuses any behaviour of a worker that has no version.
setWorkflowOptions(
  () =>
    workflowInfo().currentDeploymentVersion?.deploymentName ? { versioningBehavior: 'AUTO_UPGRADE' } : {},
  rolloutQueue,
);

class Queue {
  readonly target: Target;
  readonly endpoint: string;
  state: QueueState;
  /** Id of the entry that is on its way into a rollout: it cannot be withdrawn any more. */
  private starting: string | null = null;
  private changes = 0;

  constructor(target: Target, endpoint: string, state: QueueState) {
    this.target = target;
    this.endpoint = endpoint;
    this.state = state;
  }

  install(): void {
    setHandler(
      enqueueUpdate,
      (input) => {
        this.become(enqueued(this.state, input, this.starting));
        return placeOf(this.state, input.entry.id);
      },
      {
        description: 'Wait for the endpoint with a plan.',
        validator: ({ entry }) => {
          const why = whyNotQueued(this.state, entry);
          if (why !== undefined) throw notNow(why);
        },
      },
    );
    setHandler(
      withdrawUpdate,
      ({ id, by, reason }) => {
        const because = `withdrawn by ${by}${reason === '' ? '' : `: ${reason}`}`;
        this.become(settled(this.state, { id, fate: 'withdrawn', because }));
        return because;
      },
      {
        description: 'Take a waiting plan back.',
        validator: (input) => {
          const why = whyNotWithdrawn(this.state, input, this.starting, this.endpoint);
          if (why !== undefined) throw notNow(why);
        },
      },
    );
  }

  /** @returns false when another rollout holds the endpoint. */
  async startNext(learned: Freed['dispersion']): Promise<boolean> {
    const [next] = this.state.waiting;
    if (next === undefined) return true; // withdrawn meanwhile
    const { id, plan, by, spec, summary, details } = next;
    this.starting = id;
    try {
      const { firstExecutionRunId } = await startChild(ROLLOUT_WORKFLOW, {
        workflowId: workflowId(this.target, this.endpoint),
        args: [withDispersion(plan, learned)],
        workflowTaskTimeout: DECISION_WITHIN_MS,
        parentClosePolicy: 'ABANDON',
        cancellationType: 'ABANDON',
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        staticSummary: summary,
        staticDetails: details,
        typedSearchAttributes: attributesAtStart(this.target, this.endpoint).map(([name, value]) => ({
          key: defineSearchAttributeKey(name, 'KEYWORD'),
          value,
        })),
        memo: { digest: plan.digest, by, spec, startedAtMs: Date.now(), queuedAs: id },
      });
      this.become(settled(this.state, { id, fate: 'started', because: '', runId: firstExecutionRunId }));
      return true;
    } catch (err) {
      if (err instanceof WorkflowExecutionAlreadyStartedError) return false;
      throw err;
    } finally {
      this.starting = null;
    }
  }

  /** @returns null when nobody waits any more, or it is still held after hours. */
  async untilFree(): Promise<Freed | null> {
    const ended = await interruptible(
      () =>
        untilFree.executeWithOptions({ summary: `wait until ${this.endpoint} is free` }, [
          { workflowId: workflowId(this.target, this.endpoint) },
        ]),
      () => this.state.waiting.length === 0,
      () => false,
    );
    if (ended.how === 'failed') throw ended.error;
    return ended.how === 'done' ? ended.value : null;
  }

  /** Nothing is started on an endpoint that may stand half-way. */
  async stop(unproven: string): Promise<ApplicationFailure> {
    for (const { id, by, spec } of this.state.waiting) {
      this.state = settled(this.state, { id, fate: 'dropped', because: unproven, by, spec });
    }
    this.become(this.state);
    await condition(allHandlersFinished);
    return ApplicationFailure.nonRetryable(
      `Nothing more is started on ${this.endpoint}: ${unproven}`,
      FailureType.QueueStopped,
    );
  }

  /** @throws {ContinueAsNew} */
  async goOnAsNew(): Promise<void> {
    if (++this.changes < MANY_CHANGES) return;
    if (!allHandlersFinished()) return;
    // The memo to be said: the next run would have that of the first one's start, and look empty until something changes.
    const next = makeContinueAsNewFunc<typeof rolloutQueue>({ memo: queueMemo(this.state) });
    await next(this.target, this.endpoint, this.state);
  }

  private become(state: QueueState): void {
    this.changes += 1;
    this.state = state;
    upsertMemo(queueMemo(state));
  }
}

function notNow(why: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(why, FailureType.NotNow);
}
