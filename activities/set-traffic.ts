import { cancellationSignal } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';

import type { TargetPorts } from '../adapters/ports.js';
import type { DriftDetails, SetTrafficInput } from '../core/activities.js';
import { FailureType, FIELD_CONFLICT } from '../core/failures.js';
import { normalTraffic, sameTraffic, trafficText, type Traffic } from '../core/traffic.js';
import { isPortError } from './classify.js';
import { beating, poll } from './poll.js';

/** A write that is done may not be visible yet; Azure's own tools wait for half a minute. */
const VISIBLE_WITHIN_MS = 60_000;

/**
 * Writes shares and mirror, and reads them back until the endpoint shows them.
 *
 * Safe to repeat: an endpoint that shows them already is not written again. One that shows neither these nor what the
 * rollout knew before belongs to someone else's change: nothing is written.
 */
export async function setTraffic(ports: TargetPorts, input: SetTrafficInput): Promise<void> {
  const { endpoints } = ports;
  const signal = cancellationSignal();
  const show = async (): Promise<Traffic> => (await endpoints.read(input.endpoint, { signal })).traffic;

  const now = await show();
  if (!sameTraffic(now, input.to)) {
    if (input.from !== null && !sameTraffic(now, input.from)) throw drift(input, input.from, now);
    await beating(() => write(ports, input, signal)).catch(async (err: unknown) => {
      // Nothing was written: someone else manages the rules now, whatever they show.
      if (input.from !== null && isPortError(err) && err.code === FIELD_CONFLICT) {
        throw drift(input, input.from, await show(), err.message);
      }
      throw err;
    });
  }

  let last = now;
  const shown = await poll(async () => {
    last = await show();
    return sameTraffic(last, input.to) ? true : undefined;
  }, VISIBLE_WITHIN_MS);
  if (shown === true) return;
  if (input.from !== null && !sameTraffic(last, input.from)) throw drift(input, input.from, last);
  throw ApplicationFailure.retryable(
    `${input.endpoint} took the traffic ${trafficText(input.to)} but shows ${trafficText(last)} after ${VISIBLE_WITHIN_MS / 1000} s; writing it again`,
    FailureType.PortTransient,
  );
}

function write({ endpoints }: TargetPorts, input: SetTrafficInput, signal: AbortSignal): Promise<void> {
  // To go back, and to restore by a person's word, is to write whoever else does.
  const takeOver = input.from === null || input.takeOver === true;
  return endpoints.writeTraffic(input.endpoint, input.to, takeOver ? { signal, takeOver } : { signal });
}

function drift(
  input: SetTrafficInput,
  expected: Traffic,
  observed: Traffic,
  because = 'someone else changed it',
): ApplicationFailure {
  const details: DriftDetails = { expected: normalTraffic(expected), observed: normalTraffic(observed) };
  return ApplicationFailure.nonRetryable(
    `${input.endpoint} shows ${trafficText(observed)}, but the rollout last wrote ${trafficText(expected)}: ${because}`,
    FailureType.Drift,
    details,
  );
}
