import { activityInfo, cancellationSignal } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';

import type { TargetPorts } from '../adapters/ports.js';
import type { DriftDetails, SetTrafficInput, SetTrafficResult } from '../core/activities.js';
import { findDeployment, type EndpointState } from '../core/endpoint.js';
import { FailureType, FIELD_CONFLICT } from '../core/failures.js';
import { normalTraffic, sameTraffic, trafficText, whoGains, type Traffic } from '../core/traffic.js';
import { isPortError } from './classify.js';
import { beating, poll } from './poll.js';

/** A write that is done may not be visible yet; Azure's own tools wait for half a minute. */
const VISIBLE_WITHIN_MS = 60_000;

/** How long who is to get a greater share may be without an instance that answers: a probe that fails once is no end. */
const ANSWERS_WITHIN_MS = 15_000;

/** How long a write that was cut off may be on its way to a target that could have refused it no more. */
const SETTLES_WITHIN_MS = 5_000;

/** After so many attempts that the target would not take, one that goes back where it stands already goes by what is shown. */
const UNSETTLED_ATTEMPTS = 10;

/**
 * Writes shares and mirror, and reads them back until the endpoint shows them, in force.
 *
 * Safe to repeat: an endpoint that shows them already is not written again, unless they are not in force (an attempt that
 * was cut off may have left its write half done), or a write before this one may still land. One that shows neither these
 * nor what the rollout knew before belongs to someone else's change: nothing is written. Nor does a deployment get a
 * greater share while none of its instances answers, unless it is to go back.
 */
export async function setTraffic(ports: TargetPorts, input: SetTrafficInput): Promise<SetTrafficResult> {
  const { endpoints } = ports;
  const signal = cancellationSignal();
  const show = (): Promise<EndpointState> => endpoints.read(input.endpoint, { signal });
  const isThere = ({ traffic, pending }: EndpointState): boolean =>
    sameTraffic(traffic, input.to) && pending === undefined;

  const now = await beating(show);
  const there = isThere(now);
  if (!there) await mayWrite(input, now, show);
  if (!there || input.unsettled === true) {
    await beating(() => write(ports, input, signal)).catch(async (err: unknown) => {
      // Nothing was written: someone else manages the rules now, whatever they show.
      if (input.from !== null && isPortError(err) && err.code === FIELD_CONFLICT) {
        throw drift(input, input.from, (await beating(show)).traffic, err.message);
      }
      // A target that takes no writes will not take the one that was cut off.
      if (there && isPortError(err) && (err.kind === 'permanent' || triedOften())) return;
      throw err;
    });
  }

  let last = now;
  const shown = await poll(async () => {
    last = await show();
    return isThere(last) ? true : undefined;
  }, VISIBLE_WITHIN_MS);
  if (shown !== true) {
    if (input.from !== null && !isOneOf(last.traffic, input.from, input.to)) {
      throw drift(input, input.from, last.traffic);
    }
    throw notShown(input, last, `after ${VISIBLE_WITHIN_MS / 1000} s`);
  }
  if (input.unsettled === true) {
    const other = await poll(async () => {
      const seen = await show();
      return isThere(seen) ? undefined : seen;
    }, SETTLES_WITHIN_MS);
    if (other !== undefined) throw notShown(input, other, 'a moment later');
  }
  return { found: now.traffic };
}

/** @throws `Drift`; `DeploymentFailed` where who gains has nobody who answers. */
async function mayWrite(
  { endpoint, from, to }: SetTrafficInput,
  now: EndpointState,
  show: () => Promise<EndpointState>,
): Promise<void> {
  if (from === null) return;
  let seen = now;
  const isKnown = (): boolean => isOneOf(seen.traffic, from, to);
  const dead = (): readonly string[] =>
    whoGains(seen.traffic, to).filter((name) => nobodyAnswers(seen, name));
  if (isKnown() && dead().length > 0) {
    await poll(async () => {
      seen = await show();
      return !isKnown() || dead().length === 0 ? true : undefined;
    }, ANSWERS_WITHIN_MS);
  }
  if (!isKnown()) throw drift({ endpoint }, from, seen.traffic);
  if (dead().length === 0) return;
  throw ApplicationFailure.nonRetryable(
    `${dead().join(' and ')} of ${endpoint} had no instance that answers for ${ANSWERS_WITHIN_MS / 1000} s, and was to get a greater share: ${trafficText(to)} was not written`,
    FailureType.DeploymentFailed,
  );
}

function nobodyAnswers(endpoint: EndpointState, deployment: string): boolean {
  const found = findDeployment(endpoint, deployment);
  return found === undefined || found.instances.ready === 0;
}

function triedOften(): boolean {
  return activityInfo().attempt > UNSETTLED_ATTEMPTS;
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

function notShown(
  { endpoint, to }: SetTrafficInput,
  { traffic, pending }: EndpointState,
  when: string,
): ApplicationFailure {
  return ApplicationFailure.retryable(
    `${endpoint} took the traffic ${trafficText(to)} but shows ${trafficText(traffic)} ${when}${pending === undefined ? '' : ` (${pending})`}; writing it again`,
    FailureType.PortTransient,
  );
}

function drift(
  { endpoint }: Pick<SetTrafficInput, 'endpoint'>,
  expected: Traffic,
  observed: Traffic,
  because = 'someone else changed it',
): ApplicationFailure {
  const details: DriftDetails = { expected: normalTraffic(expected), observed: normalTraffic(observed) };
  return ApplicationFailure.nonRetryable(
    `${endpoint} shows ${trafficText(observed)}, but the rollout last wrote ${trafficText(expected)}: ${because}`,
    FailureType.Drift,
    details,
  );
}
