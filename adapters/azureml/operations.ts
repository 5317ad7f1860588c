import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { PortError } from '../ports.js';
import type { ArmAnswer, ArmClient } from './arm-client.js';
import { operationEnded } from './errors.js';
import { OperationStatus } from './resources.js';

// Where the service names no wait: quick at first, because the host on this machine is quick.
const FIRST_POLL_MS = 100;
const LONGEST_POLL_MS = 5_000;
/** However soon, or late, the service says: an operation can be asked for at any time. */
const SHORTEST_POLL_MS = 20;
const LONGEST_WAIT_MS = 60_000;

/** Only what tells whether an operation on the resource is over. */
const AnyResource = z.looseObject({ properties: z.looseObject({ provisioningState: z.string() }) });

export interface Operation {
  /** What was asked, for messages. */
  readonly what: string;
  /** Path of the resource, under the workspace. */
  readonly resource: string;
  /** The answer that began it. */
  readonly answer: ArmAnswer;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Waits until the service has ended what an answer began.
 *
 * Asks the operation's own address; without one, or once the service has forgotten it, the resource itself.
 *
 * @throws {PortError} when it ended as failed or canceled, or cannot be asked.
 */
export async function waitForOperation(arm: ArmClient, operation: Operation): Promise<void> {
  const address = operation.answer.header('azure-asyncoperation');
  if (address !== undefined && arm.trusts(address)) {
    const status = await pollOperation(arm, operation, address);
    if (status !== 'forgotten') return;
  } else if (isOver(operation.answer.body)) {
    return;
  }
  await pollResource(arm, operation);
}

async function pollOperation(
  arm: ArmClient,
  operation: Operation,
  address: string,
): Promise<'done' | 'forgotten'> {
  const { what, signal } = operation;
  let waitMs = operation.answer.retryAfterMs;
  for (let turn = 0; ; turn++) {
    await pause(waitMs ?? backOffMs(turn), signal);
    const answer = await unlessGone(
      arm.call({ what: `follow "${what}"`, method: 'GET', at: address, accept: [200, 202], signal }),
    );
    if (answer === undefined) return 'forgotten';
    waitMs = answer.retryAfterMs;
    const status = arm.parse(OperationStatus, `follow "${what}"`, answer.body);
    if (status.status === 'Succeeded') return 'done';
    if (status.status === 'Failed' || status.status === 'Canceled') {
      throw operationEnded({
        what,
        host: arm.host,
        status: status.status,
        code: status.error?.code,
        message: status.error?.message,
      });
    }
  }
}

async function pollResource(arm: ArmClient, operation: Operation): Promise<void> {
  const { what, resource, signal } = operation;
  let waitMs = operation.answer.retryAfterMs;
  for (let turn = 0; ; turn++) {
    await pause(waitMs ?? backOffMs(turn), signal);
    const answer = await unlessGone(
      arm.call({ what: `follow "${what}"`, method: 'GET', at: resource, accept: [200], signal }),
    );
    // Gone: what was asked was to delete it, or someone else did; the caller reads back in any case.
    if (answer === undefined || isOver(answer.body)) return;
    waitMs = answer.retryAfterMs;
  }
}

/** Whether a resource is at rest. A failed one is too: what it shows is for the caller to judge. */
function isOver(body: unknown): boolean {
  const state = AnyResource.safeParse(body).data?.properties.provisioningState;
  return state === 'Succeeded' || state === 'Failed' || state === 'Canceled';
}

async function unlessGone(call: Promise<ArmAnswer>): Promise<ArmAnswer | undefined> {
  try {
    return await call;
  } catch (thrown) {
    if (isGone(thrown)) return undefined;
    throw thrown;
  }
}

/** Whether the service said that there is no such thing. */
export function isGone(thrown: unknown): thrown is PortError {
  return thrown instanceof PortError && thrown.code === 'ResourceNotFound';
}

function backOffMs(turn: number): number {
  return Math.min(LONGEST_POLL_MS, FIRST_POLL_MS * 1.6 ** turn);
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    const waitMs = Math.min(Math.max(ms, SHORTEST_POLL_MS), LONGEST_WAIT_MS);
    await sleep(waitMs, undefined, signal === undefined ? {} : { signal });
  } catch (thrown) {
    signal?.throwIfAborted();
    throw thrown;
  }
}
