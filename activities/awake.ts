import { ApplicationFailure } from '@temporalio/common';

import { FailureType } from '../core/failures.js';

/**
 * From such a gap on, a process stood still. Heartbeats are sent every three seconds, and missed after ten
 * (workflows/proxies.ts): for at least two more, no other worker has begun the attempt anew.
 */
const STOOD_STILL_MS = 5_000;
const LOOK_EVERY_MS = 1_000;

/**
 * Runs one attempt that writes, and tells it when it no longer may: a worker that was frozen, not killed (a paused machine,
 * a closed lid), goes on in the middle of a call, after others have gone on with the rollout, or back.
 *
 * The gap is remembered: after it, timers may run before the answer that the attempt waited for.
 *
 * @param work - is given a function that throws a retryable failure once the process stood still during the attempt.
 */
export async function whileAwake<T>(work: (confirm: () => void) => Promise<T>): Promise<T> {
  let lastMs = Date.now();
  let longestMs = 0;
  const look = (): void => {
    const nowMs = Date.now();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  try {
    return await work(() => {
      look();
      if (longestMs <= STOOD_STILL_MS) return;
      throw ApplicationFailure.retryable(
        `This worker stood still for ${Math.round(longestMs / 1000)} s, and another may have gone on meanwhile; nothing more is written before the endpoint is read again`,
        FailureType.PortTransient,
      );
    });
  } finally {
    clearInterval(timer);
  }
}
