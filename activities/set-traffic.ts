import { cancellationSignal } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';

import type { TargetPorts } from '../adapters/ports.js';
import type { DriftDetails, SetTrafficInput } from '../core/activities.js';
import type { EndpointState } from '../core/endpoint.js';
import { FailureType, FIELD_CONFLICT } from '../core/failures.js';
import { normalTraffic, sameTraffic, trafficText, type Traffic } from '../core/traffic.js';
import { isPortError } from './classify.js';
import { beating, poll } from './poll.js';

/** A write that is done may not be visible yet; Azure's own tools wait for half a minute. */
const VISIBLE_WITHIN_MS = 60_000;

/**
 * Writes shares and mirror, and reads them back until the endpoint shows them, in force.
 *
 * Safe to repeat: an endpoint that shows them already is not written again, unless they are not in force: an attempt that
 * was cut off may have left its write half done. One that shows neither these nor what the
 * rollout knew before belongs to someone else's change: nothing is written.
 */
export async function setTraffic(ports: TargetPorts, input: SetTrafficInput): Promise<void> {
  const { endpoints } = ports;
  const signal = cancellationSignal();
  const show = (): Promise<EndpointState> => endpoints.read(input.endpoint, { signal });
  const isThere = ({ traffic, pending }: EndpointState): boolean =>
    sameTraffic(traffic, input.to) && pending === undefined;

  const now = await beating(show);
  if (!isThere(now)) {
    if (input.from !== null && !isOneOf(now.traffic, input.from, input.to)) {
      throw drift(input, input.from, now.traffic);
    }
    await beating(() => write(ports, input, signal)).catch(async (err: unknown) => {
      // Nothing was written: someone else manages the rules now, whatever they show.
      if (input.from !== null && isPortError(err) && err.code === FIELD_CONFLICT) {
        throw drift(input, input.from, (await beating(show)).traffic, err.message);
      }
      throw err;
    });
  }

  let last = now;
  const shown = await poll(async () => {
    last = await show();
    return isThere(last) ? true : undefined;
  }, VISIBLE_WITHIN_MS);
  if (shown === true) return;
  if (input.from !== null && !isOneOf(last.traffic, input.from, input.to)) {
    throw drift(input, input.from, last.traffic);
  }
  throw ApplicationFailure.retryable(
    `${input.endpoint} took the traffic ${trafficText(input.to)} but shows ${trafficText(last.traffic)} after ${VISIBLE_WITHIN_MS / 1000} s${last.pending === undefined ? '' : ` (${last.pending})`}; writing it again`,
    FailureType.PortTransient,
  );
}

function isOneOf(traffic: Traffic, ...known: readonly Traffic[]): boolean {
  return known.some((one) => sameTraffic(traffic, one));
}

function write({ endpoints }: TargetPorts, input: SetTrafficInput, signal: AbortSignal): Promise<void> {
  // To go back, and to restore by a person's word, is to write whoever else does.
  const goesBack = input.from === null;
  const takeOver = goesBack || input.takeOver === true;
  return endpoints.writeTraffic(input.endpoint, input.to, { signal, takeOver, goesBack });
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
