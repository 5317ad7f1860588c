import { ApplicationFailure } from '@temporalio/common';

import type { NotYetDetails } from '../core/activities.js';
import { FailureType } from '../core/failures.js';
import { PortError, reworded } from '../core/port-error.js';

/**
 * Turns what a port threw into a Temporal failure; the only place that does.
 *
 * `permanent` is not retried, `throttled` waits for as long as the target asks, also where that is longer than the retry
 * policy's longest interval (temporalio/temporal#6063), `transient` follows the retry policy. Anything else is a fault of
 * ours and passes through.
 *
 * @param more - what else the failure's first detail says.
 * @param as - what it is taken for, where that is not what it says of itself.
 */
export function classify(
  err: unknown,
  more: object = {},
  as: Partial<Pick<PortError, 'kind' | 'retryAfterMs'>> = {},
): unknown {
  if (!(err instanceof PortError)) return err;
  const { kind = err.kind, retryAfterMs = err.retryAfterMs } = as;
  const details = [{ code: err.code, ...more }];
  const cause = alone(err);
  switch (kind) {
    case 'permanent':
      return ApplicationFailure.create({
        message: err.message,
        type: FailureType.PortPermanent,
        nonRetryable: true,
        details,
        cause,
      });
    case 'throttled':
      return ApplicationFailure.create({
        message: err.message,
        type: FailureType.PortThrottled,
        details,
        cause,
        // Expected noise: a busy endpoint is not a fault.
        category: 'BENIGN',
        ...(retryAfterMs === undefined ? {} : { nextRetryDelay: retryAfterMs }),
      });
    case 'transient':
      return ApplicationFailure.create({
        message: err.message,
        type: FailureType.PortTransient,
        details,
        cause,
      });
    default:
      return kind satisfies never;
  }
}

/**
 * Without what caused it: a history keeps each cause with its words and its stack, and a library's own may quote the secret
 * that it was given. The port has told the reason in its words, which do not.
 */
function alone(err: PortError): PortError {
  const told = reworded(err, err.message);
  return Object.assign(told, { stack: err.stack });
}

/** For who is to give way: asked for again by the workflow, once it has looked at green. */
export function notYet(message: string, details: NotYetDetails): ApplicationFailure {
  return ApplicationFailure.create({
    message,
    type: FailureType.NotYet,
    nonRetryable: true,
    details: [details],
    category: 'BENIGN',
  });
}
