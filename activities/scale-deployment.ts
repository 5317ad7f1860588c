import { cancellationSignal } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';

import type { TargetPorts } from '../adapters/ports.js';
import type { NotScaledDetails, ScaleDeploymentInput, ScaleDeploymentResult } from '../core/activities.js';
import { isReady } from '../core/endpoint.js';
import { FailureType } from '../core/failures.js';
import { PortError } from '../core/port-error.js';
import { durationText } from '../core/units.js';
import { answered, askedAgain, firstNo, THROTTLED_FOR_MS } from './asked-again.js';
import { classify, notYet } from './classify.js';
import { endingItself, poll } from './poll.js';

/**
 * Gives a deployment its instances back, and waits until they are ready.
 *
 * Safe to repeat: one that has as many, or more, is only waited for; so is one that has what its autoscaler wants.
 */
export async function scaleDeployment(
  ports: TargetPorts,
  input: ScaleDeploymentInput,
): Promise<ScaleDeploymentResult> {
  const { endpoints } = ports;
  const { endpoint, deployment, instances, readyWithinMs, leftMs = readyWithinMs, givesWayAfterMs } = input;
  const { someAfterMs = Infinity, least = 1 } = input;
  const someAtMs = Date.now() + someAfterMs;
  // Where it gives way, green is looked at between the turns.
  const waits = givesWayAfterMs === undefined;
  const signal = cancellationSignal();
  let ready: number | null = null;
  let there = true;
  let why = '';
  const mayLack = (): boolean => someAfterMs < Infinity && (ready ?? 0) >= least;
  // Those that are on their way out still answer: what was not taken is never all there.
  const lacking = (goal: number): ScaleDeploymentResult => ({
    missing: Math.max(1, goal - (ready ?? 0)),
    there,
  });
  const done = await poll(
    async () => {
      const state = await endpoints.readDeployment(endpoint, deployment, { signal }).catch((err: unknown) => {
        throw firstNo(err, waits);
      });
      if (state === undefined) {
        throw ApplicationFailure.nonRetryable(
          `Deployment ${deployment} of ${endpoint} is gone; it cannot get its ${instances} instances back`,
          FailureType.PortPermanent,
          { ready: 0 } satisfies NotScaledDetails,
        );
      }
      ({ ready } = state.instances);
      const { wanted } = state.instances;
      try {
        // An autoscaler takes back what others ask for, and is to know how many it takes; of none it makes no more by itself.
        const fewer =
          wanted > 0 &&
          wanted < instances &&
          (await endpoints.isAutoscaled(endpoint, deployment, { signal }));
        const goal = fewer ? wanted : instances;
        if (isReady(state, goal)) return { missing: 0, there };
        if (mayLack() && Date.now() >= someAtMs) return lacking(goal);
        if (wanted < goal) {
          there = false;
          await endpoints.scale(endpoint, deployment, instances, { signal });
        }
        answered();
        return undefined;
      } catch (no) {
        const isNo = no instanceof PortError && no.kind === 'permanent';
        if (isNo && mayLack()) return lacking(instances);
        // With an instance that answers, a person is told at once, and green looked at.
        const err = ready && !waits ? no : firstNo(no, waits);
        throw err instanceof PortError && err.kind === 'permanent'
          ? classify(err, { ready } satisfies NotScaledDetails)
          : err;
      }
    },
    givesWayAfterMs ?? endingItself(leftMs),
    THROTTLED_FOR_MS,
  ).catch((err: unknown) => {
    if (!(err instanceof PortError) || err.kind === 'permanent') throw err;
    if (mayLack()) return lacking(instances);
    // A target that is away, or busy, now: no less to be asked again. Where its time is over, clients go to who answers.
    if (givesWayAfterMs === undefined && !ready) throw askedAgain(err);
    why = ` (${err.message})`;
    return undefined;
  });
  if (done !== undefined) return done;
  if (givesWayAfterMs !== undefined) {
    throw notYet(
      `Deployment ${deployment} of ${endpoint} does not have its ${instances} instances ready yet`,
      { againInMs: 0, askedMs: givesWayAfterMs },
    );
  }
  throw ApplicationFailure.nonRetryable(
    `Deployment ${deployment} of ${endpoint} did not have its ${instances} instances ready within ${durationText(readyWithinMs)}${why}`,
    FailureType.PortTransient,
    { ready } satisfies NotScaledDetails,
  );
}
