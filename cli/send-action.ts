import {
  ApplicationFailure,
  isGrpcServiceError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  type WorkflowHandle,
} from '@temporalio/client';
import { MessageName, type ActionInput, type ResolveDriftInput } from '../core/messages.js';
import { CliError } from './errors.js';
import type { Session } from './temporal.js';
import { noWorkerText, pollingWorkers } from './workers.js';

/** A worker takes a message within a second; one that takes longer is not there. */
const ANSWER_MS = 10_000;

/** gRPC status, which the client's packages do not export. */
const FAILED_PRECONDITION = 9;

const MESSAGE_OF = {
  approve: MessageName.approve,
  reject: MessageName.reject,
  pause: MessageName.pause,
  resume: MessageName.resume,
  abort: MessageName.abort,
  drift: MessageName.resolveDrift,
} as const;
export type ActName = keyof typeof MESSAGE_OF;

/**
 * Sends one message to a rollout, and waits for its answer.
 *
 * @param updateId - a name for this request: sent twice, it acts once.
 * @returns the rollout's answer, in words.
 * @throws {CliError} refused, when it does not fit now; no-worker, when nobody answers within ten seconds.
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
    if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)
      throw await noAnswer(session, name, updateId, error);
    if (error instanceof WorkflowNotFoundError) {
      throw new CliError(
        'not-found',
        `The rollout ${handle.workflowId} ended before it could be told to ${name}.`,
      );
    }
    throw error;
  }
}

/** The server refuses an update that meets a rollout just going on as a new run: it is sent again, to that one. */
async function throughNewRun<T>(send: () => Promise<T>): Promise<T> {
  for (let again = 3; ; again--) {
    try {
      return await send();
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined;
      if (again === 0 || !isGrpcServiceError(cause) || cause.code !== FAILED_PRECONDITION) throw error;
    }
  }
}

/** What the workflow said to a message that it refused. */
export function refusal(error: WorkflowUpdateFailedError): CliError {
  const why =
    error.cause instanceof ApplicationFailure ? error.cause.message : (error.cause?.message ?? error.message);
  return new CliError('refused', why, { cause: error });
}

async function noAnswer(session: Session, name: string, updateId: string, cause: Error): Promise<CliError> {
  const workers = await pollingWorkers(session, Date.now());
  const why =
    workers.length === 0
      ? noWorkerText(session)
      : `A worker polls (${workers.join(', ')}), and did not answer: it may be busy, or have died just now.`;
  return new CliError(
    'no-worker',
    `The rollout did not answer to ${name} within ${ANSWER_MS / 1_000} s; it may still do it when a worker is back.\n${why}\n` +
      `To repeat it without acting twice, add --request-id ${updateId}.`,
    { cause },
  );
}
