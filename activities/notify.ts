import { cancellationSignal } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';

import type { Notifier } from '../adapters/ports.js';
import type { NotifyInput, PreflightResult, RejectedDetails } from '../core/activities.js';
import { FailureType } from '../core/failures.js';
import { classify } from './classify.js';

/** One attempt to deliver a notification; Temporal's retry policy makes the others. */
export async function notify(notifier: Notifier | undefined, input: NotifyInput): Promise<void> {
  if (notifier === undefined) {
    throw ApplicationFailure.nonRetryable('this worker sends no notifications', FailureType.PortPermanent);
  }
  try {
    await notifier.send(input.channel, input.notification, { signal: cancellationSignal() });
  } catch (err) {
    throw classify(err);
  }
}

/** A preflight whose answer, yes or no, also says whom this worker tells of every rollout. */
export async function namingChannels(
  notifier: Notifier | undefined,
  preflight: () => Promise<PreflightResult>,
): Promise<PreflightResult> {
  const channels = notifier?.forAll ?? [];
  if (channels.length === 0) return preflight();
  try {
    return { ...(await preflight()), channels };
  } catch (err) {
    if (!(err instanceof ApplicationFailure) || err.type !== FailureType.Rejected) throw err;
    const details: RejectedDetails = { ...(err.details?.[0] as RejectedDetails), channels };
    throw ApplicationFailure.nonRetryable(err.message, FailureType.Rejected, details);
  }
}
