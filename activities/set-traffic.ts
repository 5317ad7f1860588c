import { activityInfo, cancellationSignal, log } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';

import type { TargetPorts, WriteOptions } from '../adapters/ports.js';
import type { DriftDetails, SetTrafficInput, SetTrafficResult } from '../core/activities.js';
import { scaledIn, type Scaled } from '../core/drift.js';
import type { EndpointState } from '../core/endpoint.js';
import { FailureType, FIELD_CONFLICT, NO_DEPLOYMENT, OUTDATED } from '../core/failures.js';
import { PortError, reworded } from '../core/port-error.js';
import { hasTraffic, normalTraffic, sameTraffic, trafficText, type Traffic } from '../core/traffic.js';
import { whoCannotServe, whoWasSwitchedOff, type Unable } from '../core/unable.js';
import { whileAwake } from './awake.js';
import { answered, askedAgain } from './asked-again.js';
import { byPeople } from './by-people.js';
import { beating, poll } from './poll.js';
import { unlessBusy, type Told } from './unless-busy.js';

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
 * greater share while none of its instances answers, unless the write goes back: then only who was scaled to nothing gets
 * none. One that goes back over anything is made also where the endpoint cannot be read before; it is done when it was read
 * back, as ever.
 */
export function setTraffic(ports: TargetPorts, input: SetTrafficInput): Promise<SetTrafficResult> {
  return whileAwake((confirm) => {
    // What an attempt before this one has sent may have been taken: what the endpoint shows decides, as ever.
    const { givesWayAfterMs: withinMs } = input;
    if (withinMs === undefined || activityInfo().attempt > 1) {
      return attempt(ports, input, { confirm });
    }
    return unlessBusy(withinMs, (told) => attempt(ports, input, { confirm, told }));
  });
}

async function attempt(
  ports: TargetPorts,
  input: SetTrafficInput,
  { confirm, told }: { readonly confirm: () => void; readonly told?: Told },
): Promise<SetTrafficResult> {
  const { endpoints } = ports;
  const { from, to } = input;
  const goesBack = from === null || input.goesBack === true;
  // A restore that waited for a credential would keep green from being looked at.
  const again = (err: unknown): unknown => askedAgain(err, from === null);
  const signal = cancellationSignal();
  let written = false;
  const look = async (): Promise<EndpointState> => {
    confirm();
    return endpoints.read(input.endpoint, { signal });
  };
  const show = (): Promise<EndpointState> =>
    look().catch((err: unknown) => {
      if (!goesBack) throw err;
      const took = `${input.endpoint} took the traffic ${trafficText(to)}, and could not be read back`;
      throw again(written && err instanceof PortError ? reworded(err, `${took}: ${err.message}`) : err);
    });
  const isThere = ({ traffic, pending }: EndpointState): boolean =>
    sameTraffic(traffic, to) && pending === undefined;

  // A rollback writes over whatever is shown, and the write reads by itself what it has to know, which may be less.
  const now = await beating(from === null ? () => look().catch(orNothing) : show);
  let found = now?.traffic;
  const there = now !== null && isThere(now);
  if (now !== null && !there) await mayWrite(input, now, show);
  if (!there || input.unsettled === true) {
    let sent = false;
    const options = {
      signal,
      goesBack,
      confirm: () => {
        confirm();
        sent = true;
        told?.confirm();
      },
      taken: () => told?.taken(),
      mayShow: (shown: Traffic) => {
        found ??= shown;
        return from === null || isOneOf(shown, from, to);
      },
    };
    const send = async (): Promise<void> => {
      await write(ports, input, options);
      written = true;
    };
    await beating(send).catch(async (err: unknown) => {
      if (!(err instanceof PortError)) throw err;
      // Somebody else's change since the look is told at once: the next attempt could not know that nothing was sent.
      if (from !== null && err.code === OUTDATED && !sent) await mayWrite(input, await beating(show), show);
      if (goesBack) {
        // A target that takes no writes will not take the one that was cut off. What nobody would answer for is no way back.
        const settled = (err.kind === 'permanent' && err.code !== NO_DEPLOYMENT) || triedOften();
        if (there && settled) return;
        throw again(err);
      }
      // Not taken: someone else manages the rules now, whatever they show. A part of it may have been, before.
      if (err.code === FIELD_CONFLICT) {
        throw drift(input, from, { observed: (await beating(show)).traffic, written: true }, err.message);
      }
      throw err;
    });
  }

  let last = now;
  const shown = await poll(async () => {
    last = await show();
    // Once both were: one that may be written and never read would be asked for ever.
    if (written) answered();
    return isThere(last) ? last : undefined;
  }, VISIBLE_WITHIN_MS);
  if (shown === undefined) {
    last ??= await beating(show);
    if (from !== null && !isOneOf(last.traffic, from, to)) {
      throw drift(input, from, { observed: last.traffic, written: true });
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
  const scaled = await scaledByPeople(ports, input, shown);
  return { found: found ?? to, ...(scaled.length === 0 ? {} : { scaled }) };
}

/**
 * Who has traffic now and should have fewer instances than the rollout knows. Also where it cannot be told yet who said so:
 * whoever gives them back asks that again, for as long as it takes.
 */
async function scaledByPeople(
  { endpoints }: TargetPorts,
  { endpoint, to, instances = {} }: SetTrafficInput,
  { deployments }: EndpointState,
): Promise<readonly Scaled[]> {
  const signal = cancellationSignal();
  const scaled = scaledIn(deployments, instances).filter(({ deployment }) => hasTraffic(to, deployment));
  return byPeople(scaled, (deployment) =>
    beating(() => endpoints.isAutoscaled(endpoint, deployment, { signal })).catch((err: unknown) => {
      if (!(err instanceof PortError)) throw err;
      return err.kind === 'permanent' ? null : false;
    }),
  );
}

/** What the endpoint shows is not known. */
function orNothing(err: unknown): null {
  if (!(err instanceof PortError)) throw err;
  log.info('The endpoint could not be read; it is written first', { error: err.message });
  return null;
}

/** @throws `Drift`, also where who serves is gone or was scaled to nothing; `DeploymentFailed` where who gains cannot answer. */
async function mayWrite(
  input: SetTrafficInput,
  now: EndpointState,
  show: () => Promise<EndpointState>,
): Promise<void> {
  const { endpoint, from, to, goesBack = false } = input;
  if (from === null) return mayGoBack(input, now);
  let seen = now;
  const isKnown = (): boolean => isOneOf(seen.traffic, from, to);
  const mayCome = (): boolean => isKnown() && !goesBack && whoCannotServe(seen, to)?.off.length === 0;
  if (mayCome()) {
    await poll(async () => {
      seen = await show();
      return mayCome() ? undefined : true;
    }, ANSWERS_WITHIN_MS);
  }
  // An attempt before this one may have ended, or died, after its write.
  const written = activityInfo().attempt > 1;
  if (!isKnown()) throw drift({ endpoint }, from, { observed: seen.traffic, written });
  if (goesBack) return mayGoBack(input, seen);
  const unable = whoCannotServe(seen, to);
  if (unable === null) return;

  const names = unable.deployments.join(' and ');
  const what = whatIsWrong(unable);
  // Who serves already is missed by each look, too, and may be brought back; who does not is a rollout that cannot go on.
  if (unable.serving && (unable.gone || unable.off.length > 0)) {
    const observed = unable.gone ? null : seen.traffic;
    throw drift({ endpoint }, from, { observed, written, off: unable.off }, `${names} ${what}`);
  }
  throw ApplicationFailure.nonRetryable(
    `${names} of ${endpoint} ${what}, and was to get a greater share: ${trafficText(to)} was not written`,
    FailureType.DeploymentFailed,
  );
}

/** @throws `Drift` where somebody has scaled who would gain to nothing: it is to have its instances first. */
function mayGoBack({ endpoint, to, instances = {} }: SetTrafficInput, now: EndpointState): void {
  const off = whoWasSwitchedOff(now, to, instances);
  if (off.length === 0) return;
  const observed = normalTraffic(now.traffic);
  throw ApplicationFailure.nonRetryable(
    `${off.join(' and ')} of ${endpoint} was scaled to nothing, and was to get its share back: ${trafficText(to)} was not written`,
    FailureType.Drift,
    { observed, off, written: activityInfo().attempt > 1 } satisfies DriftDetails,
  );
}

function whatIsWrong({ gone, off }: Unable): string {
  if (gone) return 'is gone';
  return off.length > 0
    ? 'was scaled to nothing'
    : `had no instance that answers for ${ANSWERS_WITHIN_MS / 1000} s`;
}

function triedOften(): boolean {
  return activityInfo().attempt > UNSETTLED_ATTEMPTS;
}

function isOneOf(traffic: Traffic, ...known: readonly Traffic[]): boolean {
  return known.some((one) => sameTraffic(traffic, one));
}

function write(
  { endpoints }: TargetPorts,
  input: SetTrafficInput,
  options: Omit<WriteOptions, 'takeOver' | 'again'>,
): Promise<void> {
  // To go back, and to restore by a person's word, is to write whoever else does.
  const takeOver = options.goesBack === true || input.takeOver === true;
  const again = input.unsettled === true;
  return endpoints.writeTraffic(input.endpoint, input.to, { ...options, takeOver, again });
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
  found: Omit<DriftDetails, 'expected'>,
  because = 'someone else changed it',
): ApplicationFailure {
  const { observed } = found;
  const details: DriftDetails = {
    off: [],
    ...found,
    expected: normalTraffic(expected),
    observed: observed && normalTraffic(observed),
  };
  const shown = observed === null ? 'has lost a deployment' : `shows ${trafficText(observed)}`;
  return ApplicationFailure.nonRetryable(
    `${endpoint} ${shown}, but the rollout last wrote ${trafficText(expected)}: ${because}`,
    FailureType.Drift,
    details,
  );
}
