import { cancellationSignal } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';

import type { TargetPorts } from '../adapters/ports.js';
import type { NotScaledDetails, ScaleDeploymentInput } from '../core/activities.js';
import { FailureType } from '../core/failures.js';
import { durationText } from '../core/units.js';
import { firstNo, THROTTLED_FOR_MS } from './asked-again.js';
import { classify, isPortError } from './classify.js';
import { isReady } from './create-deployment.js';
import { poll } from './poll.js';

/**
 * Gives a deployment its instances back, and waits until they are ready.
 *
 * Safe to repeat: one that has as many, or more, is only waited for.
 */
export async function scaleDeployment(ports: TargetPorts, input: ScaleDeploymentInput): Promise<void> {
  const { endpoints } = ports;
  const { endpoint, deployment, instances } = input;
  const signal = cancellationSignal();
  let ready: number | null = null;
  const done = await poll(
    async () => {
      const state = await endpoints.readDeployment(endpoint, deployment, { signal }).catch((err: unknown) => {
        throw firstNo(err);
      });
      if (state === undefined) {
        throw ApplicationFailure.nonRetryable(
          `Deployment ${deployment} of ${endpoint} is gone; it cannot get its ${instances} instances back`,
          FailureType.PortPermanent,
          { ready: 0 } satisfies NotScaledDetails,
        );
      }
      ({ ready } = state.instances);
      if (state.instances.wanted >= instances) return isReady(state) ? true : undefined;
      await endpoints.scale(endpoint, deployment, instances, { signal }).catch((refused: unknown) => {
        // With an instance that answers, clients need not wait for the others.
        const err = ready ? refused : firstNo(refused);
        throw isPortError(err) && err.kind === 'permanent'
          ? classify(err, { ready } satisfies NotScaledDetails)
          : err;
      });
      return undefined;
    },
    input.readyWithinMs,
    THROTTLED_FOR_MS,
  );
  if (done === true) return;
  throw ApplicationFailure.nonRetryable(
    `Deployment ${deployment} of ${endpoint} did not have its ${instances} instances ready within ${durationText(input.readyWithinMs)}`,
    FailureType.PortTransient,
    { ready } satisfies NotScaledDetails,
  );
}
