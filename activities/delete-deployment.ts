import { activityInfo, cancellationSignal } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';

import type { TargetPorts } from '../adapters/ports.js';
import type { DeleteDeploymentInput, DeleteDeploymentResult, DriftDetails } from '../core/activities.js';
import { isDrained } from '../core/drain.js';
import { greenMissed } from '../core/drift.js';
import { isAnother, isMadeBy, type DeploymentState, type EndpointState } from '../core/endpoint.js';
import { FailureType } from '../core/failures.js';
import { PortError } from '../core/port-error.js';
import { hasTraffic, normalTraffic, trafficText } from '../core/traffic.js';
import { answered, askedAgain, isYoungNo, THROTTLED_FOR_MS } from './asked-again.js';
import { beating, endingItself, poll } from './poll.js';

/** How long a deletion may take; Azure's own take minutes. */
const GONE_WITHIN_MS = 30 * 60_000;

/** An attempt that is refused for longer ends as that: people are told what the last one ended with, and not what one hears. */
const REFUSED_FOR_MS = 5_000;

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
  const shown = await beating(() => endpoints.read(endpoint, { signal }));
  refuseServing(input, shown);
  // What was asked to go already cannot be kept.
  if (found.state !== 'deleting') isAlone(input, shown);
  await drain(ports, input, Object.keys(shown.traffic.live), signal);

  let alone = false;
  const gone = async () => {
    const state = await endpoints.readDeployment(endpoint, deployment, { signal });
    if (state === undefined) return 'gone';
    if (state.state === 'deleting') return undefined;
    // Somebody made one of this name anew, as soon as it was free.
    if (isTheirs(state) || isAnother(state, found)) return 'another';
    // Draining took its time: somebody may have gone back to it, or taken away who serves instead.
    const now = await endpoints.read(endpoint, { signal });
    refuseServing(input, now);
    alone = isAlone(input, now);
    if (alone) return undefined;
    await endpoints.deleteDeployment(endpoint, deployment, { signal });
    answered();
    return undefined;
  };
  const left =
    input.madeBy === undefined
      ? await poll(gone, GONE_WITHIN_MS)
      : ((await poll(gone, endingItself(REFUSED_FOR_MS), THROTTLED_FOR_MS)) ??
        (await poll(gone, GONE_WITHIN_MS - REFUSED_FOR_MS, THROTTLED_FOR_MS)));
  if (left !== undefined) return left;
  const why = alone
    ? `is not asked to go: none of ${input.written?.green}'s instances has answered for a while`
    : `is still there ${GONE_WITHIN_MS / 60_000} min after it was asked to go`;
  throw ApplicationFailure.retryable(
    `Deployment ${deployment} of ${endpoint} ${why}`,
    FailureType.PortTransient,
  );
}

/**
 * @throws where it has traffic. The rollout's own was taken off before, and read back: what shows otherwise a moment
 *   later is asked again.
 */
function refuseServing(
  { endpoint, deployment, madeBy }: DeleteDeploymentInput,
  { traffic }: EndpointState,
): void {
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
 * Nobody looks at green any more while requests of the baseline end.
 *
 * @returns whether nobody else answers now, so that it is not to go yet.
 * @throws `Drift` where that will not pass by itself: it is what is left to go back to.
 */
function isAlone({ endpoint, deployment, written }: DeleteDeploymentInput, now: EndpointState): boolean {
  const missed = written === undefined ? null : greenMissed(written, now);
  if (written === undefined || missed === null) return false;
  if (missed === 'silent') return true;
  const { green } = written;
  const isGone = missed === 'gone';
  const details: DriftDetails = {
    observed: isGone ? null : normalTraffic(now.traffic),
    off: isGone ? [] : [green],
  };
  throw ApplicationFailure.nonRetryable(
    `${green} of ${endpoint}, which serves instead of ${deployment}, ${isGone ? 'is gone' : 'was scaled to nothing'}; ${deployment} is not deleted`,
    FailureType.Drift,
    details,
  );
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
