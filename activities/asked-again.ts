import { activityInfo } from '@temporalio/activity';

import { MENDED_BY_PEOPLE } from '../core/failures.js';
import { PortError } from '../core/port-error.js';
import { classify } from './classify.js';

/** The longest wait that a target may ask for where clients wait: the service may name minutes. */
export const THROTTLED_FOR_MS = 10_000;

/** So long a no that should be for good is asked again where clients wait: a role may be on its way, an answer a proxy's. */
const YOUNG_MS = 15_000;

/**
 * In which attempt this worker heard the first no of those that it has heard since any other answer, by activity and who is
 * asked. Of more than any worker runs at once, the oldest are forgotten: what ends otherwise leaves its own behind.
 */
const firstNos = new Map<string, number>();
const NOS_KEPT = 10_000;

const TARGET = 'target';

/**
 * What a failed call of something that clients wait for is taken for: the first no is not the last one, nor is one that
 * somebody may mend, as by renewing a credential that has run out; and who names a long wait is asked sooner.
 *
 * @param waits - whether there is nothing else to be done until somebody has mended it.
 */
export function askedAgain(err: unknown, waits = true): unknown {
  const answer = firstNo(err, waits);
  const isLong =
    answer instanceof PortError &&
    answer.kind === 'throttled' &&
    (answer.retryAfterMs ?? 0) > THROTTLED_FOR_MS;
  return isLong ? classify(answer, {}, { retryAfterMs: THROTTLED_FOR_MS }) : answer;
}

/**
 * The half of it for what is polled, where the poll itself waits for who throttles.
 *
 * @param asked - who else than the target: whose noes are counted by themselves.
 */
export function firstNo(err: unknown, waits = true, asked = TARGET): unknown {
  if (!(err instanceof PortError)) return err;
  if (err.kind !== 'permanent') {
    // What is said after an outage is no older than its end.
    answered(asked);
    return err;
  }
  const mayPass = isYoungNo(asked) || (waits && MENDED_BY_PEOPLE.has(err.code));
  return mayPass ? classify(err, {}, { kind: 'transient' }) : err;
}

/** To be told once what is wanted was taken: a no that comes after it is the first one again. */
export function answered(asked = TARGET): void {
  firstNos.delete(activityKey(asked));
}

/**
 * To be asked at each no: whether the waits between the attempts since the first one come to no more than that yet. The
 * time itself may have passed without a worker: nobody had an answer then. One that has heard none yet counts anew.
 */
export function isYoungNo(asked = TARGET): boolean {
  const { attempt, retryPolicy = {} } = activityInfo();
  const key = activityKey(asked);
  const first = firstNos.get(key) ?? attempt;
  firstNos.set(key, first);
  const [oldest] = firstNos.keys();
  if (firstNos.size > NOS_KEPT && oldest !== undefined) firstNos.delete(oldest);
  // Numbers of milliseconds where the server tells them, which fills in what was left out as here.
  const { initialInterval = 1_000, backoffCoefficient = 2, maximumInterval = Infinity } = retryPolicy;
  let waitedMs = 0;
  for (let n = first; n < attempt && waitedMs < YOUNG_MS; n++) {
    waitedMs += Math.min(Number(initialInterval) * backoffCoefficient ** (n - 1), Number(maximumInterval));
  }
  return waitedMs < YOUNG_MS;
}

function activityKey(asked: string): string {
  const { workflowExecution, activityId } = activityInfo();
  return `${workflowExecution?.runId}/${activityId}/${asked}`;
}
