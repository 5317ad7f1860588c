import { unseenIn } from '../core/blind-hold.js';
import type { Drift } from '../core/drift.js';
import { stepConfig } from '../core/gates/step-config.js';
import { quiet, unseen } from '../core/gates/unseen.js';
import type { ShiftStep, Step, UndecidedPolicy } from '../core/plan.js';
import { bakeSeenMs, countsFromMs, stepTimes } from '../core/step-clock.js';
import { mirrorTraffic, splitTraffic, trafficText, type Traffic } from '../core/traffic.js';
import { durationText } from '../core/units.js';
import { leaveStep } from '../core/watch.js';
import { holdMinimum, releaseMinimum } from './autoscale.js';
import { holdForDrift } from './drift.js';
import { forward } from './forward.js';
import { goOnAsNew } from './go-on-as-new.js';
import { createDeployment, deleteDeployment, smoke } from './proxies.js';
import type { Run } from './run.js';
import { shift } from './shift.js';
import { Stop, asStop, driftOf } from './stop.js';
import { takenUpWithin, untilTakenUp } from './taken-up.js';
import { watchOn } from './watch-on.js';
import { writtenBy } from './watching.js';

/** So many looks without data at the end of a bake leave it open how the bake went. */
const BLIND_LOOKS = 3;

type StepOf<K extends Step['kind']> = Extract<Step, { kind: K }>;

/** Runs one step to its end. Every step can be entered again after continue-as-new. */
export async function runStep(run: Run, step: Step): Promise<string> {
  const to = beginsWith(run, step);
  // A step without a time of its own waits for no metrics, whatever the one before it did.
  if (stepTimes(step, run.state) === null) run.state.blind = null;
  // Held or paused since before the run went on as a new one, it writes nothing yet.
  run.show(run.state.hold === null && run.state.paused === null ? to : run.expected);
  switch (step.kind) {
    case 'create':
      return create(run, step);
    case 'smoke':
      return smokeTest(run, step);
    case 'mirror':
    case 'ramp':
      return shiftAndWatch(run, step, to);
    case 'approve':
      return waitForApproval(run, step);
    case 'cutover':
      await holdMinimum(run);
      await shift(run, to);
      return trafficText(run.expected);
    case 'bake':
      return bake(run, step);
    case 'delete-baseline':
      return deleteBaseline(run, step);
    default:
      return step satisfies never;
  }
}

/** The traffic that a step writes before all else, or what is there if it writes none. */
function beginsWith(run: Run, step: Step): Traffic {
  const { baseline, shifted } = run.state;
  // A step entered again (continue-as-new) may have adopted someone else's traffic: it was written already.
  if (shifted) return run.expected;
  switch (step.kind) {
    case 'mirror':
      return mirrorTraffic(baseline, run.green, step.percent);
    case 'ramp':
      return splitTraffic(baseline, run.green, step.percent);
    case 'cutover':
      return splitTraffic(baseline, run.green, 100);
    default:
      return run.expected;
  }
}

async function create(run: Run, step: StepOf<'create'>): Promise<string> {
  if (!run.state.adopted) run.willUndo({ kind: 'delete-deployment', deployment: run.green });
  await forward(run, () =>
    createDeployment.executeWithOptions({ summary: `create ${run.green} and wait until it is ready` }, [
      {
        ...run.endpoint,
        deployment: run.plan.deployment,
        rolloutId: run.rolloutId,
        adopted: run.state.adopted,
        readyWithinMs: step.readyWithinMs,
      },
    ]),
  );
  if (!run.state.adopted) run.knowInstances({ [run.green]: run.plan.deployment.instanceCount });
  return run.state.adopted ? `${run.green} was there and is ready` : `${run.green} is ready`;
}

async function smokeTest(run: Run, step: StepOf<'smoke'>): Promise<string> {
  const { requests, medianMs, slowestMs } = await forward(run, () =>
    smoke.executeWithOptions({ summary: `send ${step.count} requests to ${run.green} alone` }, [
      {
        ...run.endpoint,
        deployment: run.green,
        environmentVariables: run.plan.deployment.environmentVariables,
        body: step.body,
        count: step.count,
      },
    ]),
  );
  return `${requests} of ${step.count} answered, median ${Math.round(medianMs)} ms, slowest ${Math.round(slowestMs)} ms`;
}

async function shiftAndWatch(run: Run, step: ShiftStep, to: Traffic): Promise<string> {
  if (!run.state.shifted) {
    if (step.kind === 'ramp') await holdMinimum(run);
    await shift(run, to);
    if (run.state.memory !== null) run.state.memory = leaveStep(run.state.memory);
  }
  run.state.shifted = true;
  for (;;) {
    const result = await watchOn(run, {
      mode: run.state.hold === null ? 'judge' : 'guard',
      gates: step.gates,
      dwell: step.dwell,
      untilMs: null,
    });
    const approved = takeApproval(run);
    if (approved !== null) return approved;
    if (result === 'pass') return run.state.verdict;
    if (result === 'undecided') {
      const proceed = undecided(run, step.undecided, `${run.state.verdict}`);
      if (proceed !== null) return proceed;
    }
    await goOnAsNew(run);
  }
}

async function waitForApproval(run: Run, step: StepOf<'approve'>): Promise<string> {
  for (;;) {
    const approved = takeApproval(run);
    if (approved !== null) return approved;
    const result = await watchOn(run, {
      mode: 'guard',
      gates: step.gates,
      dwell: { atLeastMs: 0, atMostMs: step.withinMs },
      untilMs: run.timeUp(step.withinMs),
    });
    if (result === 'time-over' && run.state.approval === null) {
      throw new Stop('rolled-back', `nobody approved within ${durationText(step.withinMs)}`);
    }
    await goOnAsNew(run);
  }
}

async function bake(run: Run, step: StepOf<'bake'>): Promise<string> {
  for (;;) {
    const result = await watchOn(run, {
      mode: 'guard',
      gates: step.gates,
      dwell: { atLeastMs: step.forMs, atMostMs: step.forMs },
      untilMs: run.state.hold === null ? bakedAt(run, step) : null,
      seenMs: bakeSeenMs(step.forMs),
    });
    const approved = takeApproval(run);
    if (approved !== null) return approved;
    if (result === 'time-over') {
      const because = leftOpen(run, step);
      if (because === null) return `no breach in ${durationText(step.forMs)}: ${run.state.verdict}`;
      const proceed = undecided(run, step.undecided, because);
      if (proceed !== null) return proceed;
    }
    await goOnAsNew(run);
  }
}

/** Why a bake that is over says nothing of green, though nothing spoke against it; null where it was seen to be well. */
function leftOpen({ blindForMs, failed, green, plan, state }: Run, step: StepOf<'bake'>): string | null {
  // One look without data is none of it: a reading may come a moment before its source has new counters.
  if (blindForMs > BLIND_LOOKS * plan.watching.intervalMs) {
    const told = unseenIn(state.blind).includes('metrics') ? state.blind?.because : undefined;
    const because = told ?? 'the gates see nothing';
    return `for ${durationText(blindForMs)} at the end of the bake, ${because}`;
  }
  const { setup = null, state: gates = null, collector = null } = state.memory ?? {};
  if (setup === null || gates === null) return 'no gate could be judged in the bake';
  const dwell = { atLeastMs: step.forMs, atMostMs: step.forMs };
  const why = unseen(stepConfig(setup.config, { ...dwell, active: step.gates }), gates, green);
  if (why !== null) return `${why} in the bake`;
  if (failed !== null) return `${failed} in the bake`;
  const silence = quiet(collector, step.forMs, green);
  return silence === null ? null : `${silence} of the bake`;
}

/** When a bake is over: it counts from its first look. Without a worker, nobody has looked. */
function bakedAt({ state, nowMs }: Run, step: StepOf<'bake'>): number {
  const overMs = countsFromMs(step, state) + step.forMs;
  return state.memory?.stepIndex === state.stepIndex ? overMs : Math.max(overMs, nowMs + step.forMs);
}

async function deleteBaseline(run: Run, step: StepOf<'delete-baseline'>): Promise<string> {
  for (;;) {
    // Read once more that nothing reaches it: this is the last moment to find someone else's change.
    await shift(run, run.expected);
    if (run.state.paused !== null) continue; // sat out before it is read again
    // Before it goes: an autoscaler that stays is to be as it was.
    await releaseMinimum(run);
    if (run.state.paused !== null) continue;
    const end = await drainAndDelete(run, step.drainWithinMs);
    if (typeof end === 'string') return end;
    await holdForDrift(run, end);
  }
}

/** A deletion may take half an hour and then says so (activities/delete-deployment.ts); to a target that takes none, not for hours. */
const GONE_WITHIN_MS = 35 * 60_000;

/** @returns how it went; a drift where somebody else went back to the baseline, or took green away, while it drained. */
async function drainAndDelete(run: Run, drainWithinMs: number): Promise<string | Drift> {
  const { baseline: deployment, undos } = run.state;
  run.state.undos = []; // on purpose: from here on there is nothing to go back to
  run.state.blind = null; // nor does it wait for metrics any more, whatever a look saw in a hold, or between two asks
  run.show();
  const input = { ...run.endpoint, deployment, drainWithinMs, written: writtenBy(run) };
  const summary = `drain and delete ${deployment}`;
  const options = { summary, ...takenUpWithin(drainWithinMs + GONE_WITHIN_MS) };
  try {
    const result = await untilTakenUp(run, () => deleteDeployment.executeWithOptions(options, [input]));
    const another = result?.another === true ? '; somebody has made another under its name' : '';
    return `${deployment} is gone${another}`;
  } catch (err) {
    const drift = driftOf(err, run.state.instances);
    if (drift !== undefined) {
      run.state.undos = undos;
      return drift;
    }
    // Green serves everybody and is proven: a baseline that stays costs money, not clients.
    const note = `${deployment} could not be deleted: ${asStop(err).message}`;
    run.note(note);
    return note;
  }
}

function takeApproval(run: Run): string | null {
  const { approval, hold } = run.state;
  // Somebody else's change comes first: to go on is no answer to that.
  if (approval === null || hold?.kind === 'drift') return null;
  run.state.approval = null;
  run.state.hold = null;
  return `approved by ${approval.by}${approval.reason === '' ? '' : `: ${approval.reason}`}`;
}

/** @returns what to record when the step is over; null when it is held for a person. */
function undecided(run: Run, policy: UndecidedPolicy, because: string): string | null {
  switch (policy) {
    case 'proceed':
      return `undecided, goes on by policy: ${because}`;
    case 'roll-back':
      throw new Stop('rolled-back', `undecided, rolls back by policy: ${because}`);
    case 'hold':
      run.state.hold = { kind: 'undecided', sinceMs: Date.now(), because };
      run.show();
      return null;
    default:
      return policy satisfies never;
  }
}
