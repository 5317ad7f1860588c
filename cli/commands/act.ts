import { randomUUID } from 'node:crypto';
import {
  ApplicationFailure,
  isGrpcServiceError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { MessageName, type ActionInput, type ResolveDriftInput } from '../../core/messages.js';
import { whoActs } from '../context.js';
import { CliError } from '../errors.js';
import type { CommandFunction, Options } from '../program.js';
import { lastEnd, needRollout, type KnownRollout } from '../rollouts.js';
import { withTemporal, type Session } from '../temporal.js';
import { noWorkerText, pollingWorkers } from '../workers.js';

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

/** The commands by which people steer a rollout: each sends one message and prints the answer. */
export function act(name: ActName): CommandFunction {
  return async (ctx, [endpoint = ''], options) => {
    const {
      by,
      reason,
      requestId = randomUUID(),
    } = options as { by?: string; reason: string; requestId?: string };
    const common: ActionInput = { by: whoActs(by, ctx.env), reason };
    const input = name === 'drift' ? { ...common, choice: choiceOf(options) } : common;
    return withTemporal(ctx, async (session) => {
      const known = await needRollout(ctx, session, endpoint);
      if (!known.running) {
        throw new CliError(
          'not-found',
          `No rollout of ${endpoint} runs now. The last one ended at ${known.description.closeTime?.toISOString() ?? 'an unknown time'}: ${await lastEnd(known)}`,
        );
      }
      const answer = await send(session, known, name, input, requestId);
      ctx.out.result(`${endpoint}: ${answer}`, { endpoint, action: name, ...input, answer, requestId });
      return 'ok';
    });
  };
}

function choiceOf(options: Options): ResolveDriftInput['choice'] {
  const { adopt = false, restore = false } = options as { adopt?: boolean; restore?: boolean };
  if (adopt !== restore) return adopt ? 'adopt' : 'restore';
  throw new CliError(
    'usage',
    `${adopt ? 'Both --adopt and --restore were given' : 'Neither --adopt nor --restore was given'}; expected one of them: ` +
      '--adopt goes on from the traffic that stands there now, --restore writes again what the rollout wanted',
  );
}

async function send(
  session: Session,
  { handle, description }: KnownRollout,
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
        `The rollout ${description.workflowId} ended before it could be told to ${name}.`,
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

function refusal(error: WorkflowUpdateFailedError): CliError {
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
