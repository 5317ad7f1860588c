import { activityInfo, cancellationSignal } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';

import type { TargetPorts } from '../adapters/ports.js';
import type { DeleteDeploymentInput, DeleteDeploymentResult, DriftDetails } from '../core/activities.js';
import { isDrained } from '../core/drain.js';
import { isAnother, isMadeBy, type DeploymentState } from '../core/endpoint.js';
import { FailureType } from '../core/failures.js';
import { PortError } from '../core/port-error.js';
import { hasTraffic, normalTraffic, trafficText, type Traffic } from '../core/traffic.js';
import { answered, askedAgain, isYoungNo, THROTTLED_FOR_MS } from './asked-again.js';
import { beating, poll } from './poll.js';

/** How long a deletion may take; Azure's own take minutes. */
const GONE_WITHIN_MS = 30 * 60_000;

/** How long a creation that was cut off may be on its way. */
const LANDS_WITHIN_MS = 5_000;

/**
 * Deletes a deployment that no traffic can reach, after its requests in flight, and waits until it is gone.
 *
 * Safe to repeat: one that is gone already is fine. One that `madeBy` did not make is left alone, and the target's first no is
 * not the last one then, nor is a busy one left alone for long: a rollback that is done but for this would end as incomplete.
 */
export async function deleteDeployment(
  ports: TargetPorts,
  input: DeleteDeploymentInput,
): Promise<DeleteDeploymentResult> {
  try {
    return { another: (await remove(ports, input)) === 'another' };
  } catch (err) {
    throw input.madeBy === undefined ? err : askedAgain(err);
  }
}

/** @returns what is left under its name: nothing, or another that is somebody else's. */
async function remove(ports: TargetPorts, input: DeleteDeploymentInput): Promise<'gone' | 'another'> {
  const { endpoints } = ports;
  const signal = cancellationSignal();
  const { endpoint, deployment } = input;

  const look = (): Promise<DeploymentState | undefined> =>
    endpoints.readDeployment(endpoint, deployment, { signal });
  let found = await beating(look);
  if (found === undefined) {
    // A creation that was cut off may have left parts of it, or be on its way.
    await beating(() => endpoints.deleteDeployment(endpoint, deployment, { signal }));
    if (input.madeBy !== undefined) found = await poll(look, LANDS_WITHIN_MS);
    if (found === undefined) return 'gone';
  }
  // Shares go by the name that the target tells: under another one, who serves everybody would seem to have none.
  if (found.name !== deployment) {
    throw ApplicationFailure.nonRetryable(
      `Asked for deployment ${deployment}, ${endpoint} shows ${found.name}: whether that one gets traffic cannot be told by the other name, so it is not deleted`,
      FailureType.PortPermanent,
    );
  }
  // Somebody made one of this name before the rollout could: it is theirs.
  const isTheirs = (state: DeploymentState): boolean =>
    input.madeBy !== undefined && !isMadeBy(state, input.madeBy);
  if (isTheirs(found)) return 'another';
  const { traffic } = await beating(() => endpoints.read(endpoint, { signal }));
  refuseServing(input, traffic);
  await drain(ports, input, Object.keys(traffic.live), signal);

  const left = await poll(
    async () => {
      const state = await endpoints.readDeployment(endpoint, deployment, { signal });
      if (state === undefined) return 'gone';
      if (state.state === 'deleting') return undefined;
      // Somebody made one of this name anew, as soon as it was free.
      if (isTheirs(state) || isAnother(state, found)) return 'another';
      // Draining took its time: somebody may have gone back to it.
      refuseServing(input, (await endpoints.read(endpoint, { signal })).traffic);
      await endpoints.deleteDeployment(endpoint, deployment, { signal });
      answered();
      return undefined;
    },
    GONE_WITHIN_MS,
    input.madeBy === undefined ? undefined : THROTTLED_FOR_MS,
  );
  if (left !== undefined) return left;
  throw ApplicationFailure.retryable(
    `Deployment ${deployment} of ${endpoint} is still there ${GONE_WITHIN_MS / 60_000} min after it was asked to go`,
    FailureType.PortTransient,
  );
}

/**
 * @throws where it has traffic. The rollout's own was taken off before, and read back: what shows otherwise a moment
 *   later is asked again.
 */
function refuseServing({ endpoint, deployment, madeBy }: DeleteDeploymentInput, traffic: Traffic): void {
  if (!hasTraffic(traffic, deployment)) return;
  const message = `Deployment ${deployment} of ${endpoint} gets traffic (${trafficText(traffic)}); it is not deleted`;
  if (madeBy === undefined) {
    const details: DriftDetails = { observed: normalTraffic(traffic) };
    throw ApplicationFailure.nonRetryable(message, FailureType.Drift, details);
  }
  const nonRetryable = !isYoungNo();
  const type = nonRetryable ? FailureType.PortPermanent : FailureType.PortTransient;
  throw ApplicationFailure.create({ message, type, nonRetryable });
}

/**
 * Waits until nothing is in flight. A source that cannot tell, or is away, is waited out in full: that is safe too.
 *
 * @param serving - who has the traffic now: their counters say how new the data are when the deployment's own have ended.
 */
async function drain(
  ports: TargetPorts,
  input: DeleteDeploymentInput,
  serving: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { endpoint, deployment, drainWithinMs } = input;
  const sinceMs = Date.now();
  // An attempt before this one may have waited for all of it: its shares are off since before the first.
  const { attempt, scheduledTimestampMs } = activityInfo();
  const passedMs = attempt > 1 ? Math.max(0, sinceMs - scheduledTimestampMs) : 0;
  await poll(async () => {
    try {
      const snapshot = await ports.metrics.read(endpoint, [...new Set([deployment, ...serving])], { signal });
      return isDrained(snapshot, deployment, sinceMs) ? true : undefined;
    } catch (err) {
      if (err instanceof PortError) return undefined;
      throw err;
    }
  }, drainWithinMs - passedMs);
}
