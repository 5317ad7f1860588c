import {
  ActivityFailure,
  ApplicationFailure,
  isCancellation,
  rootCause,
  TimeoutFailure,
} from '@temporalio/workflow';
import { RetryState, TimeoutType } from '@temporalio/common';

import type { DriftDetails, NotYetDetails, RejectedDetails } from '../core/activities.js';
import type { Drift } from '../core/drift.js';
import { FailureType } from '../core/failures.js';
import type { RanOut } from '../core/patience.js';

/** Ends the forward run: everything is taken back. Never leaves the workflow. */
export class Stop extends Error {
  override readonly name = 'Stop';
  readonly outcome: 'rolled-back' | 'aborted' | 'rejected';

  constructor(outcome: 'rolled-back' | 'aborted' | 'rejected', reason: string) {
    super(reason);
    this.outcome = outcome;
  }
}

/** Why the forward run ended, whatever was thrown. */
export function asStop(err: unknown): Stop {
  if (err instanceof Stop) return err;
  if (isCancellation(err)) return new Stop('aborted', 'cancelled from outside Greenlight');
  const failure = applicationFailure(err);
  if (failure?.type === FailureType.Rejected) return new Stop('rejected', failure.message);
  return new Stop('rolled-back', reasonOf(err));
}

/** What an activity failed of, in words for people. */
export function reasonOf(err: unknown): string {
  const failure = applicationFailure(err);
  if (failure !== undefined) return failure.message;
  if (err instanceof ActivityFailure && err.cause instanceof TimeoutFailure) {
    const { timeoutType, cause } = err.cause;
    if (ranOut(err) === 'unheard') return `${err.activityType} did not begin in time: no worker took it up`;
    return `${err.activityType} did not end in time (${timeoutType}): ${cause === undefined ? 'it was under way still, or nobody was there' : rootCause(cause)}`;
  }
  return rootCause(err) ?? String(err);
}

/** How an activity's time was over, if that is why it failed: what it would be refused for good is not asked for again. */
export function ranOut(err: unknown): RanOut | null {
  if (!(err instanceof ActivityFailure)) return null;
  const { cause, retryState } = err;
  if (!(cause instanceof TimeoutFailure)) return retryState === RetryState.TIMEOUT ? 'refused' : null;
  return cause.timeoutType === TimeoutType.SCHEDULE_TO_START ? 'unheard' : 'cut-off';
}

/** The application failure inside an activity's failure, if there is one. */
export function applicationFailure(err: unknown): ApplicationFailure | undefined {
  if (err instanceof ApplicationFailure) return err;
  if (err instanceof ActivityFailure && err.cause instanceof ApplicationFailure) return err.cause;
  return undefined;
}

/**
 * What drifted, if this is a `Drift` failure of an activity.
 *
 * @param instances - that the rollout knows, by deployment.
 */
export function driftOf(err: unknown, instances: Readonly<Record<string, number>>): Drift | undefined {
  const failure = applicationFailure(err);
  if (failure?.type !== FailureType.Drift) return undefined;
  const { observed, off = [] } = failure.details?.[0] as DriftDetails;
  const scaled = off.map((deployment) => ({ deployment, from: instances[deployment] ?? 1, to: 0 }));
  return { observed, scaled };
}

/** When it may be asked for again, if this is a `NotYet` failure of an activity. */
export function notYetOf(err: unknown): NotYetDetails | undefined {
  const failure = applicationFailure(err);
  return failure?.type === FailureType.NotYet ? (failure.details?.[0] as NotYetDetails) : undefined;
}

/** What a preflight found, if this is its `Rejected` failure. */
export function rejectedDetails(err: unknown): RejectedDetails | undefined {
  const failure = applicationFailure(err);
  return failure?.type === FailureType.Rejected ? (failure.details?.[0] as RejectedDetails) : undefined;
}
