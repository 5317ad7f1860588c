import { ActivityFailure, isCancellation } from '@temporalio/workflow';

import { driftText, sameDrift, visibleDrift, type Drift, type Scaled } from '../core/drift.js';
import { missedIn, settledFor, unrestored } from '../core/instances-owed.js';
import type { DriftHold } from '../core/run.js';
import type { Traffic } from '../core/traffic.js';
import { sameTraffic, trafficText } from '../core/traffic.js';
import { driftOfWindow } from '../core/watch.js';
import { forward } from './forward.js';
import { goOnAsNew } from './go-on-as-new.js';
import { scaleDeployment } from './proxies.js';
import type { Run } from './run.js';
import { notYetOf, reasonOf } from './stop.js';
import { afterTurn, givesWay } from './turns.js';
import { guarding, lookOn, watchWindow } from './watching.js';
import { write } from './write.js';

/** How long instances that are given back may take to be ready. */
export const INSTANCES_WITHIN_MS = 10 * 60_000;

const CHANGED_AGAIN = 'was not restored: somebody changed it again meanwhile';

/**
 * Holds until a person adopts or restores, or it is as the rollout wrote it by itself; the gates keep their power
 * meanwhile. A hold that the run had before it went on as a new one goes on.
 *
 * @throws {Stop} on a breach, an abort.
 */
export async function holdForDrift(run: Run, found: Drift): Promise<void> {
  const { state } = run;
  const expected = run.expected;
  // One that went on as a new run has its undo, and may have given instances back since the look that it is held for.
  if (state.hold?.kind !== 'drift') run.willRescale(found.scaled);
  for (let seen: Drift | null = found; seen !== null;) {
    const { observed, scaled, replaced }: Drift = seen;
    state.hold = {
      ...begun(run),
      kind: 'drift',
      because: becauseOf(expected, seen),
      expected,
      observed,
      scaled,
      replaced,
    };
    run.keepTime();
    run.show();
    const result = await watchWindow(run, { ...guarding(run), interrupt: () => run.driftChoice !== null });
    // Changed once more, or back again by itself.
    if (typeof result === 'object' && result.verdict === 'drift') {
      const next = visibleDrift(expected, driftOfWindow(result));
      // The word was about what stood there before; what is as the rollout wrote it needs none.
      const isMeant =
        next === null ||
        (run.driftChoice === 'adopt'
          ? sameDrift(next, seen)
          : mayRestore(expected, seen.observed, next.observed));
      if (!isMeant) {
        if (run.driftChoice === 'restore') run.note(CHANGED_AGAIN);
        run.driftChoice = null;
      }
      seen = next;
      run.willRescale(next?.scaled ?? []);
    }
    if (seen === null) break;
    if (run.driftChoice === 'adopt' && seen.observed !== null) {
      state.expected = seen.observed;
      state.takeOver = true;
      run.knowInstances(Object.fromEntries(seen.scaled.map(({ deployment, to }) => [deployment, to])));
      const settled = run.baselineIn(seen.scaled);
      if (settled !== undefined) state.undos = settledFor(state.undos, settled.to);
      seen = null;
    } else if (run.driftChoice === 'restore' && (await restore(run, expected, seen))) {
      seen = null;
    } else {
      run.driftChoice = null;
      await goOnAsNew(run);
    }
  }
  run.driftChoice = null;
  state.hold = begun(run).earlier;
  run.keepTime();
  run.show();
}

function becauseOf(expected: Traffic, found: Drift): string {
  return `someone else changed it: ${driftText(expected, found)}`;
}

function begun({ state: { hold } }: Run): Pick<DriftHold, 'sinceMs' | 'earlier'> {
  return hold?.kind === 'drift' ? hold : { sinceMs: Date.now(), earlier: hold };
}

/**
 * What cannot be restored is said, and ends nothing: a rollback would send everybody to a baseline that lacks the same instances.
 *
 * @returns whether it is as the rollout wrote it again.
 */
async function restore(run: Run, expected: Traffic, drift: Drift): Promise<boolean> {
  try {
    const back = await putBack(run, expected, drift);
    if (!back) run.note(CHANGED_AGAIN);
    return back;
  } catch (err) {
    if (!(err instanceof ActivityFailure) || isCancellation(err)) throw err;
    run.note(`could not be restored: ${reasonOf(err)}`);
    return false;
  }
}

async function putBack(run: Run, expected: Traffic, { observed, scaled }: Drift): Promise<boolean> {
  const said = heldFor(run);
  if (run.baselineIn(scaled) === undefined) await giveBack(run);
  for (const each of scaled) await rescale(run, each);
  // Somebody may have scaled it down while the others were waited for.
  await giveBack(run);
  // A revert, perhaps, that came while instances were waited for: it is held for anew.
  if (observed === null || !mayRestore(expected, said, heldFor(run))) return false;
  if (sameTraffic(observed, expected)) {
    // It is not written, so its rules may still be managed by someone else.
    run.state.takeOver = true;
    return true;
  }
  const summary = `restore traffic: ${trafficText(expected)}`;
  const ended = await write(run, observed, expected, summary, { takeOver: true, goesBack: true });
  if (ended !== null) return false;
  // What a look found put back by somebody else was not written either.
  if (sameTraffic(heldFor(run) ?? observed, expected)) run.state.takeOver = true;
  else delete run.state.takeOver;
  return true;
}

/** The traffic that it is held for, as the last look found it. */
function heldFor({ state: { hold } }: Run): Traffic | null {
  return hold?.kind === 'drift' ? hold.observed : null;
}

/** Whether a word about that traffic is one about what stands there now: the same, or what the rollout wrote. */
function mayRestore(expected: Traffic, said: Traffic | null, now: Traffic | null): boolean {
  if (said === null || now === null) return false;
  return sameTraffic(now, said) || sameTraffic(now, expected);
}

/** What the baseline lacks, if anything. */
async function giveBack(run: Run): Promise<void> {
  const missed = missedIn(run.state.undos);
  if (missed !== undefined) await rescale(run, { deployment: missed.deployment, from: missed.instances });
}

/** For a last turn that finds them not ready to say so itself. */
const GRACE_MS = 60_000;

async function rescale(
  run: Run,
  { deployment, from: instances }: Pick<Scaled, 'deployment' | 'from'>,
): Promise<void> {
  const input = { ...run.endpoint, deployment, instances, readyWithinMs: INSTANCES_WITHIN_MS };
  const summary = `restore ${deployment} to ${instances} instances`;
  for (let leftMs = INSTANCES_WITHIN_MS; ;) {
    const turn = { ...input, leftMs, ...givesWay(leftMs) };
    // The last one may end as what the target says, and it must not say so for hours.
    const patience = turn.givesWayAfterMs === undefined ? { scheduleToCloseTimeout: leftMs + GRACE_MS } : {};
    try {
      await forward(run, () => scaleDeployment.executeWithOptions({ summary, ...patience }, [turn]));
      break;
    } catch (err) {
      const notYet = notYetOf(err);
      if (notYet === undefined) {
        if (deployment === run.state.baseline) run.state.undos = unrestored(run.state.undos);
        throw err;
      }
      const after = afterTurn(leftMs, notYet);
      leftMs = after.leftMs;
      await lookOn(run, run.nowMs + after.lookMs, (found) => takeIn(run, found));
    }
  }
  if (deployment === run.state.baseline) run.forgetInstances();
}

/** What the looks find of what is being restored, whatever it is. */
function takeIn(run: Run, found: Drift): void {
  const { hold } = run.state;
  if (hold?.kind !== 'drift') return;
  const because =
    visibleDrift(hold.expected, found) === null ? hold.because : becauseOf(hold.expected, found);
  run.state.hold = { ...hold, ...found, because };
  // Nothing is forgotten: what is being given back is wanted now, and not there yet.
  if (run.baselineIn(found.scaled) !== undefined) run.willRescale(found.scaled);
}
