import { cancellationSignal } from '@temporalio/activity';

import type { TargetPorts } from '../adapters/ports.js';
import type { EndpointRef, SetMinimumInput } from '../core/activities.js';
import type { Autoscale } from '../core/autoscale.js';
import { askedAgain } from './asked-again.js';
import { beating } from './poll.js';

/** How the deployment's instances are counted now; null where no autoscaler does it. */
export async function readAutoscale(
  { autoscaling }: TargetPorts,
  { endpoint, deployment }: EndpointRef & { readonly deployment: string },
): Promise<Autoscale | null> {
  if (autoscaling === undefined) return null;
  return beating(() => autoscaling.read(endpoint, deployment, { signal: cancellationSignal() }));
}

/**
 * Changes an autoscaler's fewest instances. Safe to repeat: one that was changed already, by whomever, is left alone. The
 * target's first no is not the last one where it goes back: a rollback that is done but for this would end as incomplete.
 */
export async function setMinimum({ autoscaling }: TargetPorts, input: SetMinimumInput): Promise<void> {
  const signal = cancellationSignal();
  try {
    await beating(async () =>
      autoscaling?.setMinimum(input.endpoint, input.deployment, input.minimum, { signal }),
    );
  } catch (err) {
    throw input.goesBack === true ? askedAgain(err) : err;
  }
}
