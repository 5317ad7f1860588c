import { ApplicationFailure, CancelledFailure } from '@temporalio/common';

import type { Secrets } from '../adapters/ports.js';
import type { DeploymentSpec } from '../core/deployment.js';
import { secretNames, withoutSecrets } from '../core/secrets.js';
import { classify } from './classify.js';

/**
 * The same failure, with no secret of a deployment in its words: history, notifications, logs, reports and spans repeat them.
 *
 * A new one, without what caused it and where it was thrown: both quote the message.
 */
export async function quotingNoSecret(
  thrown: unknown,
  secrets: Secrets,
  deployment: DeploymentSpec,
): Promise<unknown> {
  if (secretNames(deployment).length === 0 || thrown instanceof CancelledFailure) return thrown;
  const failure = classify(thrown);
  const text = failure instanceof Error ? failure.message : String(failure);
  const message = await withoutSecrets(text, deployment, secrets);
  if (!(failure instanceof ApplicationFailure)) {
    return ApplicationFailure.create({ message, type: failure instanceof Error ? failure.name : 'Error' });
  }
  const { type, nonRetryable, details, nextRetryDelay, category } = failure;
  return ApplicationFailure.create({
    message,
    nonRetryable: nonRetryable ?? false,
    ...(type == null ? {} : { type }),
    ...(details == null ? {} : { details }),
    ...(nextRetryDelay == null ? {} : { nextRetryDelay }),
    ...(category == null ? {} : { category }),
  });
}
