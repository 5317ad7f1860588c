import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  WithStartWorkflowOperation,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  type WorkflowExecutionDescription,
} from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import { endpointArgument } from '../core/command-text.js';
import { TASK_QUEUE } from '../core/names.js';
import { targetName, workflowId, type Plan, type Target } from '../core/plan.js';
import {
  QUEUE_WORKFLOW,
  queueId,
  QueueMessage,
  isKnown,
  placeOf,
  type EnqueueInput,
  type Fate,
  type QueueEntry,
  type QueueMemo,
  type Waiting,
  type WithdrawInput,
} from '../core/queue.js';
import { instantText } from '../core/units.js';
import { GreenlightError, isUnreachable } from './errors.js';
import { chainOf, findRollout } from './find.js';
import { ANSWER_MS, isUnanswered, noAnswer, refusal, throughNewRun } from './send-action.js';
import { startTexts, type Memo, type StartMemo } from './start-rollout.js';
import type { Rollout } from './rollout.js';
import type { Session } from './temporal.js';
import { quoted } from './texts.js';
import { throughOutages, type Waiter } from './through-outages.js';

const ASK_EVERY_MS = 500;
/** Temporal lists what has begun a moment later. */
const LOOKS_FOR_IT = 5;

/** A plan as it waits. Its id is what `withdraw` takes: short, since people type it. */
export function queueEntry(plan: Plan, { by, spec }: Memo): QueueEntry {
  return { id: randomUUID().slice(0, 8), plan, by, spec, ...startTexts(plan), sinceMs: Date.now() };
}

/**
 * Puts a plan into its endpoint's queue, which begins with it where there is none.
 *
 * @returns its place, 1 = next.
 * @throws {GreenlightError} refused, when it cannot wait there; no-worker, when nobody answers within ten seconds;
 *   unreachable, when Temporal went away meanwhile.
 */
export async function enqueue(session: Session, input: EnqueueInput): Promise<number> {
  const { client } = session;
  const { plan, id } = input.entry;
  for (let again = 3; ; again--) {
    try {
      return await client.withDeadline(Date.now() + ANSWER_MS, () =>
        client.workflow.executeUpdateWithStart<never, number, [EnqueueInput]>(QueueMessage.enqueue, {
          args: [input],
          updateId: id,
          startWorkflowOperation: new WithStartWorkflowOperation<never>(QUEUE_WORKFLOW, {
            workflowId: queueId(plan.target, plan.endpoint),
            taskQueue: TASK_QUEUE,
            args: [plan.target, plan.endpoint] as never,
            workflowIdConflictPolicy: 'USE_EXISTING',
            workflowIdReusePolicy: 'ALLOW_DUPLICATE',
            staticSummary: `who waits for ${plan.endpoint}`,
            typedSearchAttributes: [
              { key: defineSearchAttributeKey('RolloutEndpoint', 'KEYWORD'), value: plan.endpoint },
              { key: defineSearchAttributeKey('RolloutTarget', 'KEYWORD'), value: targetName(plan.target) },
            ],
          }),
        }),
      );
    } catch (error) {
      if (error instanceof WorkflowUpdateFailedError && isRefusal(error)) throw refusal(error);
      const unanswered = (): Promise<GreenlightError> => {
        const on = endpointArgument(plan);
        return noAnswer(
          session,
          `The queue of ${plan.endpoint} did not answer to ${id}, which asks to wait there,`,
          `\`greenlight status ${on}\` shows whether it waits; \`greenlight withdraw ${on} --id ${id}\` takes it back.`,
          error,
        );
      };
      if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) throw await unanswered();
      // It came to a queue that was just ending, or going on as a new run; or its answer got lost.
      const place = await placeTaken(session, input.entry).catch(async (why: unknown) => {
        throw isUnreachable(why) ? await unanswered() : why;
      });
      if (place !== undefined) return place;
      if (again === 0) throw isUnreachable(error) ? await unanswered() : error;
    }
  }
}

/** The place that an entry has, or had; undefined where it never came. */
async function placeTaken(session: Session, { id, plan }: QueueEntry): Promise<number | undefined> {
  const queue = await readQueue(session, plan.target, plan.endpoint);
  if (queue !== undefined && isKnown(queue, id)) return placeOf(queue, id);
  const started = await startedFrom(session, plan, id);
  return started === undefined ? undefined : 1;
}

function isRefusal(error: WorkflowUpdateFailedError): boolean {
  return (error.cause as { readonly type?: string } | undefined)?.type === 'NotNow';
}

/** Who waits for an endpoint, and what became of those who did. */
export interface ReadQueue extends QueueMemo {
  readonly running: boolean;
  /** Milliseconds since the epoch; null while it runs. */
  readonly endedAtMs: number | null;
}

/** @returns undefined when nobody has waited for long. */
export async function readQueue(
  { client }: Session,
  target: Target,
  endpoint: string,
): Promise<ReadQueue | undefined> {
  try {
    const description = await client.workflow.getHandle(queueId(target, endpoint)).describe();
    const running = description.status.name === 'RUNNING';
    const { waiting, fates } = memoOf(description);
    // One that was ended from outside has left its memo behind.
    const endedAtMs = description.closeTime?.getTime() ?? null;
    return { waiting: running ? waiting : [], fates, running, endedAtMs };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/** Who waits behind a rollout, and who was dropped since it began. */
export async function behind(
  session: Session,
  { target, endpoint, startedAtMs }: Pick<Rollout, 'target' | 'endpoint' | 'startedAtMs'>,
): Promise<{ readonly waiting: readonly Waiting[]; readonly dropped: readonly Fate[] }> {
  const { waiting = [], fates = [], endedAtMs = null } = (await readQueue(session, target, endpoint)) ?? {};
  // Only a queue's end drops anybody; one that was over before had to do with an earlier rollout.
  const since = endedAtMs !== null && endedAtMs >= startedAtMs;
  return { waiting, dropped: since ? fates.filter(({ fate }) => fate === 'dropped') : [] };
}

/** Memos of a queue that has only begun are empty. */
export function memoOf({ memo }: Pick<WorkflowExecutionDescription, 'memo'>): QueueMemo {
  const { waiting = [], fates = [] } = (memo ?? {}) as Partial<QueueMemo>;
  return { waiting, fates };
}

/**
 * Waits until an entry waits no more; `aborted` when the waiting was over first. The entry keeps its place then.
 *
 * @throws {GreenlightError} unreachable, when Temporal stays away for five minutes.
 */
export async function untilSettled(
  session: Session,
  entry: QueueEntry,
  waiter: Waiter,
): Promise<Fate | 'aborted'> {
  try {
    for (let missed = 0; ;) {
      const found = await throughOutages(session, () => whereIs(session, entry), waiter);
      if (typeof found === 'object') return found;
      missed = found === 'waits' ? 0 : missed + 1;
      if (missed === LOOKS_FOR_IT) {
        return { id: entry.id, fate: 'dropped', because: 'its queue was ended from outside Greenlight' };
      }
      await sleep(ASK_EVERY_MS, undefined, { signal: waiter.over });
    }
  } catch (error) {
    if (waiter.over.aborted) return 'aborted';
    throw error;
  }
}

async function whereIs(session: Session, { id, plan }: QueueEntry): Promise<Fate | 'waits' | 'nowhere'> {
  const queue = await readQueue(session, plan.target, plan.endpoint);
  const fate = queue?.fates.find((settled) => settled.id === id);
  if (fate !== undefined) return fate;
  if (queue?.waiting.some((waiting) => waiting.id === id) === true) return 'waits';
  // The memo follows within the same task: an entry in neither list was in a queue that is over, and others may have
  // begun the next one since.
  return (await startedFrom(session, plan, id)) ?? 'nowhere';
}

/** The rollout that a queue has started from an entry: the endpoint's newest, or one that is listed. */
async function startedFrom(session: Session, plan: Plan, id: string): Promise<Fate | undefined> {
  const started = (runId: string): Fate => ({ id, fate: 'started', because: '', runId });
  const isIt = (memo: unknown): boolean => (memo as Partial<StartMemo> | undefined)?.queuedAs === id;
  // The list is behind, by seconds on a busy cluster: who has just been started must not hear that nothing was.
  const newest = await findRollout(session, plan.target, plan.endpoint);
  if (newest !== undefined && isIt(newest.description.memo))
    return started(chainOf(newest.description).firstRunId);
  let runId: string | undefined;
  // The newest first: the last of its runs is the one that it began with.
  const query = `WorkflowId = ${quoted(workflowId(plan.target, plan.endpoint))}`;
  for await (const info of session.client.workflow.list({ query })) {
    if (isIt(info.memo)) runId = info.runId;
    else if (runId !== undefined) break;
  }
  return runId === undefined ? undefined : started(runId);
}

/**
 * Takes a waiting plan back.
 *
 * @throws {GreenlightError} refused, when it does not wait any more; no-worker, when nobody answers within ten seconds;
 *   unreachable, when Temporal went away meanwhile.
 */
export async function withdraw(
  session: Session,
  target: Target,
  endpoint: string,
  input: WithdrawInput,
): Promise<string> {
  try {
    const updateId = randomUUID();
    return await session.client.withDeadline(Date.now() + ANSWER_MS, () =>
      throughNewRun(() =>
        session.client.workflow
          .getHandle(queueId(target, endpoint))
          .executeUpdate<string, [WithdrawInput]>(QueueMessage.withdraw, { args: [input], updateId }),
      ),
    );
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError) throw refusal(error);
    if (isUnanswered(error)) {
      throw await noAnswer(
        session,
        `The queue of ${endpoint} did not answer to withdraw`,
        `\`greenlight status ${endpointArgument({ target, endpoint })}\` shows who waits.`,
        error,
      );
    }
    if (error instanceof WorkflowNotFoundError) {
      throw new GreenlightError('not-found', `Nobody waits for ${endpoint} any more.`);
    }
    throw error;
  }
}

/** `3f2a9c01  bob, rollout.yml: the rollout before it …`, as columns. Queues of older workers do not say who. */
export function droppedRows(dropped: readonly Fate[]): string[][] {
  return dropped.map(({ id, by, spec, because }) => [
    id,
    by === undefined ? because : `${by}, ${spec}: ${because}`,
  ]);
}

/** `1  3f2a9c01  bob, rollout.yml (green), since 14:02 UTC`, as columns. */
export function waitingRows(waiting: readonly Waiting[]): string[][] {
  return waiting.map(({ id, by, spec, green, sinceMs }, index) => [
    `${index + 1}.`,
    id,
    `${by}, ${spec} (${green})`,
    `since ${instantText(sinceMs)}`,
  ]);
}
