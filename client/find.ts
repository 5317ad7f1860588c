import {
  ApplicationFailure,
  CancelledFailure,
  TerminatedFailure,
  WorkflowFailedError,
  WorkflowNotFoundError,
  type WorkflowExecutionDescription,
  type WorkflowHandle,
} from '@temporalio/client';
import { endpointArgument, type Located } from '../core/command-text.js';
import { FailureType } from '../core/failures.js';
import { MessageName, type RolloutStatus } from '../core/messages.js';
import { workflowId, type Target } from '../core/plan.js';
import type { RolloutReport } from '../core/run.js';
import type { WatchBeat } from '../core/watch.js';
import { detailsOf, isCodecError, isUnreachable } from './errors.js';
import { newestBeat } from './live.js';
import { retryingOf } from './retrying.js';
import type { Session } from './temporal.js';

/** How long a worker may take to answer a question, milliseconds. */
const ANSWER_MS = 5_000;

/** A rollout that Temporal knows. */
export interface KnownRollout {
  readonly handle: WorkflowHandle;
  readonly description: WorkflowExecutionDescription;
  readonly running: boolean;
}

/** How a rollout ended: with a report, or without one because it was stopped from outside Greenlight. */
export type Ended =
  | { readonly kind: 'report'; readonly report: RolloutReport }
  | { readonly kind: 'lost'; readonly because: string };

/** A rollout's answer, and the newest look of the watch under way; or why there is no answer. */
export type Answer =
  { readonly status: RolloutStatus; readonly look: WatchBeat | undefined } | { readonly silent: string };

/**
 * The runs that one rollout is: it goes on as new ones, and after a reset as another. The workflow's id alone names
 * whichever rollout has the endpoint now.
 */
export interface Chain {
  readonly workflowId: string;
  /** The run that it began with; empty where nobody told it: the newest run counts as its own then. */
  readonly firstRunId: string;
  /** The newest of its runs that was seen. */
  readonly seenRunId: string;
}

export function chainOf(description: WorkflowExecutionDescription): Chain {
  const { workflowId, runId } = description;
  return { workflowId, firstRunId: firstRunOf(description), seenRunId: runId };
}

/**
 * @param runId - any run of the rollout that is meant, also where the endpoint has had another since; left out: the newest.
 * @returns undefined when no such rollout of that endpoint is known: there was none, or it is too long ago.
 */
export async function findRollout(
  session: Session,
  target: Target,
  endpoint: string,
  runId?: string,
): Promise<KnownRollout | undefined> {
  const id = workflowId(target, endpoint);
  const description = await (runId === undefined ? describe(session, id) : newestFrom(session, id, runId));
  if (description === undefined) return undefined;
  // What is said to it reaches it, or nobody: the endpoint may have another rollout by then.
  const only = { firstExecutionRunId: firstRunOf(description) };
  const handle = session.client.workflow.getHandle(id, undefined, only);
  return { handle, description, running: description.status.name === 'RUNNING' };
}

/** The newest run of the rollout that a run is of. */
async function newestFrom(
  session: Session,
  id: string,
  runId: string,
): Promise<WorkflowExecutionDescription | undefined> {
  // Before the run itself: Temporal forgets the one that a rollout began with first, in the middle of a long one.
  const newest = await newestRun(session, { workflowId: id, firstRunId: runId, seenRunId: runId });
  if (newest !== undefined) return newest;
  const named = await describe(session, id, runId);
  return named && lastRun(session, chainOf(named));
}

/** A run of a workflow's id; left out: the newest one, whichever rollout's it is. */
async function describe(
  { client }: Session,
  id: string,
  runId?: string,
): Promise<WorkflowExecutionDescription | undefined> {
  try {
    return await client.workflow.getHandle(id, runId).describe();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/**
 * Asks a rollout where it stands. One that has the endpoint after it is not asked.
 *
 * @throws what Temporal throws that does not answer by itself: only a worker is silent; `CodecError` for an answer that
 *   cannot be read here.
 */
export async function askStatus(session: Session, rollout: Chain, withinMs = ANSWER_MS): Promise<Answer> {
  const { client } = session;
  const untilMs = Date.now() + withinMs;
  const newest = await client.withDeadline(untilMs, () => newestRun(session, rollout));
  if (newest === undefined) return { silent: 'it is over, and another rollout has its endpoint, or none' };
  try {
    return await client.withDeadline(untilMs, async () => {
      const run = runFrom(session, rollout.workflowId, newest.runId);
      const status = await run.query<RolloutStatus>(MessageName.status);
      const retrying = await retryingOf(client, newest, Date.now());
      return { status: { ...status, retrying }, look: await newestBeat(client, newest) };
    });
  } catch (error) {
    if (error instanceof WorkflowNotFoundError || isCodecError(error)) throw error;
    return { silent: detailsOf(error) };
  }
}

/** That run and those that it goes on as: a rollout that somebody starts after it is another one. */
export function runFrom({ client }: Session, workflowId: string, runId: string): WorkflowHandle {
  return client.workflow.getHandle(workflowId, runId);
}

/** The run that a rollout began with, whichever of its runs this is. */
function firstRunOf({ raw, runId }: WorkflowExecutionDescription): string {
  return raw.workflowExecutionInfo?.firstRunId || runId;
}

/** The newest run of a rollout, while no other one has begun after it. */
async function newestRun(
  session: Session,
  { workflowId, firstRunId }: Chain,
): Promise<WorkflowExecutionDescription | undefined> {
  const newest = await describe(session, workflowId);
  if (newest === undefined || firstRunId === '') return newest;
  return firstRunOf(newest) === firstRunId ? newest : undefined;
}

/** The newest run of a rollout, also where another one has begun after it. */
export async function lastRun(session: Session, rollout: Chain): Promise<WorkflowExecutionDescription> {
  const newest = await newestRun(session, rollout);
  if (newest !== undefined) return newest;
  const { workflowId, seenRunId } = rollout;
  for (let at = seenRunId; ;) {
    const run = runFrom(session, workflowId, at);
    const description = await run.describe();
    if (description.status.name !== 'CONTINUED_AS_NEW') return description;
    const last = (await run.fetchHistory()).events?.at(-1);
    at = last?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ?? '';
  }
}

/**
 * Waits for a rollout's end, over continue-as-new and resets. It asks the newest run: Temporal forgets the run that it
 * began with first, in the middle of a long rollout.
 */
export async function endOf(session: Session, rollout: Chain): Promise<Ended> {
  let runId = (await newestRun(session, rollout))?.runId ?? rollout.seenRunId;
  for (;;) {
    const ended = await ending(runFrom(session, rollout.workflowId, runId));
    if (ended.kind === 'report') return ended;
    // `temporal workflow reset` terminates the run that it begins another from.
    const newest = await newestRun(session, rollout);
    if (newest === undefined || newest.runId === runId) return ended;
    runId = newest.runId;
  }
}

/** Waits for the end of a run, over continue-as-new. */
export async function ending(handle: WorkflowHandle): Promise<Ended> {
  try {
    return { kind: 'report', report: (await handle.result()) as RolloutReport };
  } catch (error) {
    if (error instanceof WorkflowFailedError) return endedBy(error);
    throw error;
  }
}

const REPORTED: ReadonlySet<string | null | undefined> = new Set([
  FailureType.Rejected,
  FailureType.RolledBack,
  FailureType.Aborted,
  FailureType.RollbackIncomplete,
]);

function endedBy({ cause, message }: WorkflowFailedError): Ended {
  if (cause instanceof ApplicationFailure && REPORTED.has(cause.type) && cause.details?.[0] !== undefined) {
    return { kind: 'report', report: cause.details[0] as RolloutReport };
  }
  if (cause instanceof TerminatedFailure)
    return { kind: 'lost', because: 'it was terminated from outside Greenlight' };
  if (cause instanceof CancelledFailure)
    return { kind: 'lost', because: 'it was cancelled from outside Greenlight' };
  return { kind: 'lost', because: cause?.message ?? message };
}

/** What is known of a rollout that ended without a report, and what to do about it. */
export function lostText(of: Located, because: string): string {
  const on = endpointArgument(of);
  return (
    `The rollout of ${of.endpoint} ended without a report: ${because}. Nothing was taken back, so its traffic may stand half-way.\n` +
    `Look with \`greenlight endpoint show ${on}\`; \`greenlight revert ${on} --to BASELINE\` puts all traffic back.`
  );
}

/** One sentence: how the last rollout ended, for refusals. */
export async function lastEnd(
  session: Session,
  { workflowId, runId, status }: WorkflowExecutionDescription,
): Promise<string> {
  try {
    const ended = await ending(runFrom(session, workflowId, runId));
    return ended.kind === 'report' ? `${ended.report.outcome}: ${ended.report.reason}` : ended.because;
  } catch (error) {
    if (isUnreachable(error)) throw error;
    return status.name.toLowerCase();
  }
}
