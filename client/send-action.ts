import {
  ApplicationFailure,
  isGrpcServiceError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  type WorkflowHandle,
} from '@temporalio/client';
import { MessageName, type ActionInput, type ResolveDriftInput } from '../core/messages.js';
import { detailsOf, GRPC, GreenlightError, isUnreachable } from './errors.js';
import type { Session } from './temporal.js';
import { noWorkerText, pollingWorkers } from './workers.js';

/** A worker takes a message within a second; one that takes longer is not there. */
export const ANSWER_MS = 10_000;

const MESSAGE_OF = {
  approve: MessageName.approve,
  reject: MessageName.reject,
  pause: MessageName.pause,
  resume: MessageName.resume,
  abort: MessageName.abort,
  drift: MessageName.resolveDrift,
} as const;
/** What a person can tell a rollout. */
export type ActName = keyof typeof MESSAGE_OF;

/**
 * Sends one message to a rollout, and waits for its answer.
 *
 * @param updateId - a name for this request: sent twice, it acts once.
 * @returns the rollout's answer, in words.
 * @throws {GreenlightError} refused, when it does not fit now; no-worker, when nobody answers within ten seconds;
 *   unreachable, when Temporal went away meanwhile.
 */
export async function sendAction(
  session: Session,
  handle: WorkflowHandle,
  name: ActName,
  input: ActionInput | ResolveDriftInput,
  updateId: string,
): Promise<string> {
  try {
    return await session.client.withDeadline(Date.now() + ANSWER_MS, () =>
      throughNewRun(() =>
        handle.executeUpdate<string, [ActionInput | ResolveDriftInput]>(MESSAGE_OF[name], {
          args: [input],
          updateId,
        }),
      ),
    );
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError) throw refusal(error);
    if (isUnanswered(error))
      throw await noAnswer(
        session,
        `The rollout did not answer to ${name}`,
        `To repeat it without acting twice, give the same request id: ${updateId}.`,
        error,
      );
    if (error instanceof WorkflowNotFoundError) {
      throw new GreenlightError(
        'not-found',
        `The rollout ${handle.workflowId} ended before it could be told to ${name}.`,
      );
    }
    throw error;
  }
}

/** Whether nobody knows what became of an update: no worker took it in time, or Temporal went away. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof WorkflowUpdateRPCTimeoutOrCancelledError || isUnreachable(error);
}

/** The server refuses an update that meets a rollout just going on as a new run: it is sent again, to that one. */
export async function throughNewRun<T>(send: () => Promise<T>): Promise<T> {
  for (let again = 3; ; again--) {
    try {
      return await send();
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined;
      if (again === 0 || !isGrpcServiceError(cause) || cause.code !== GRPC.failedPrecondition) throw error;
    }
  }
}

/** What the workflow said to a message that it refused. */
export function refusal(error: WorkflowUpdateFailedError): GreenlightError {
  const why =
    error.cause instanceof ApplicationFailure ? error.cause.message : (error.cause?.message ?? error.message);
  return new GreenlightError('refused', why, { cause: error });
}

/**
 * What can be said where no worker took a message in time, or Temporal went away before it told the answer.
 *
 * @param what - who did not answer, and to what.
 */
export async function noAnswer(
  session: Session,
  what: string,
  advice: string,
  cause: unknown,
): Promise<GreenlightError> {
  const { code, why, when } = await whyNoAnswer(session, cause);
  return new GreenlightError(
    code,
    `${what} within ${ANSWER_MS / 1_000} s; it may still do it when ${when}.\n${why}\n${advice}`,
    { cause },
  );
}

interface WhyNoAnswer {
  readonly code: 'no-worker' | 'unreachable';
  readonly why: string;
  /** When what was asked may still be done. */
  readonly when: string;
}

async function whyNoAnswer(session: Session, cause: unknown): Promise<WhyNoAnswer> {
  const away = (what: string, error: unknown): WhyNoAnswer => ({
    code: 'unreachable',
    why: `Temporal at ${session.place.address} ${what}: ${detailsOf(error)}`,
    when: 'Temporal is back, or have done it',
  });
  // A server that has just started knows of no worker yet.
  const timedOut = cause instanceof WorkflowUpdateRPCTimeoutOrCancelledError;
  if (!timedOut && isUnreachable(cause)) return away('went away', cause);
  let workers: readonly string[];
  try {
    workers = await pollingWorkers(session, Date.now());
  } catch (error) {
    // What was asked is worth more than why nobody says who works there.
    return away('does not answer either', error);
  }
  const why =
    workers.length === 0
      ? noWorkerText(session)
      : `A worker polls (${workers.join(', ')}), and did not answer: it may be busy, be of another version, or have died just now; \`greenlight doctor\` shows which versions still have workers.`;
  return { code: 'no-worker', why, when: 'a worker is back' };
}
