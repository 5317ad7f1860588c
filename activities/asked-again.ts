import { UNAUTHORIZED } from '../core/failures.js';
import { classify, isPortError } from './classify.js';
import { isYoung } from './poll.js';

/** The longest wait that a target may ask for where clients wait: the service may name minutes. */
export const THROTTLED_FOR_MS = 10_000;

/**
 * What a failed call of something that clients wait for is taken for: the first no is not the last one, nor is one to a
 * credential that has run out, which somebody may renew; and who names a long wait is asked sooner.
 *
 * @param waits - whether there is nothing else to be done until the credential is renewed.
 */
export function askedAgain(err: unknown, waits = true): unknown {
  if (isPortError(err) && err.kind === 'throttled' && (err.retryAfterMs ?? 0) > THROTTLED_FOR_MS) {
    return classify(err, {}, { retryAfterMs: THROTTLED_FOR_MS });
  }
  return firstNo(err, waits);
}

/** The half of it for what is polled, where the poll itself waits for who throttles. */
export function firstNo(err: unknown, waits = true): unknown {
  if (!isPortError(err) || err.kind !== 'permanent') return err;
  const mayPass = isYoung() || (waits && err.code === UNAUTHORIZED);
  return mayPass ? classify(err, {}, { kind: 'transient' }) : err;
}
