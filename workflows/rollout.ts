import { CancellationScope, ContinueAsNew, allHandlersFinished, condition } from '@temporalio/workflow';

import type { Plan } from '../core/plan.js';
import type { RolloutReport, RunState } from '../core/run.js';
import { staticSummary } from '../core/status-text.js';
import { trafficText, wholeHolder } from '../core/traffic.js';
import { releaseMinimum } from './autoscale.js';
import { installControls } from './controls.js';
import { holdForDrift } from './drift.js';
import { tellEnd } from './events.js';
import { interruptible } from './interruptible.js';
import { preflight } from './proxies.js';
import { rollBack } from './rollback.js';
import { Run } from './run.js';
import { runStep } from './steps.js';
import { asStop, rejectedDetails, Stop } from './stop.js';
import { whilePaused } from './watch-on.js';
import { stopped, throwIfStopped } from './watching.js';

/**
 * One rollout of one plan on one endpoint. Its workflow id is the endpoint's lock.
 *
 * @param carried - the run so far, after continue-as-new.
 * @returns the report of a promotion. Every other end is a failure whose type says which (core/failures.ts) and whose
 *   first detail is the report.
 */
export async function rollout(plan: Plan, carried?: RunState): Promise<RolloutReport> {
  const run = new Run(plan, carried);
  installControls(run);
  run.show();
  try {
    if (run.state.before === null) await checkFirst(run);
    for (;;) {
      // Since before the run went on as a new one.
      if (run.state.hold?.kind === 'drift') await holdForDrift(run, run.state.hold);
      // A person was told yes: then it is so, also in the last moment.
      if (!run.pastReturn) await whilePaused(run);
      throwIfStopped(run);
      const { step } = run;
      if (step === undefined) break;
      run.record(await runStep(run, step));
      nextStep(run);
    }
    run.conclude();
  } catch (err) {
    if (err instanceof ContinueAsNew) throw err;
    const failure = await rollBack(run, untouched(run, asStop(err)));
    await run.telling.finish();
    await handlersFinished();
    throw failure;
  }
  // It is promoted whatever comes now: nothing stops this half-way.
  await CancellationScope.nonCancellable(() => releaseMinimum(run));
  run.enter('finished', 'promoted');
  const report = run.report('promoted', `${run.plan.endpoint} is served by ${servedBy(run)}`);
  tellEnd(run, report);
  await run.telling.finish();
  await handlersFinished();
  return report;
}

/** Green, unless the plan ends before it has all traffic, or a person has adopted that it has not. */
function servedBy({ expected, green }: Run): string {
  return wholeHolder(expected.live) === green ? green : trafficText(expected);
}

/** What ends before preflight did was refused, not rolled back: nothing had been touched. */
function untouched(run: Run, stop: Stop): Stop {
  return run.state.before === null && stop.outcome === 'rolled-back'
    ? new Stop('rejected', stop.message)
    : stop;
}

/** An answer that is cut off is an error for the person who asked; a cancelled run owes it too. */
async function handlersFinished(): Promise<void> {
  await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
}

async function checkFirst(run: Run): Promise<void> {
  const ended = await interruptible(
    () =>
      preflight.executeWithOptions(
        { summary: 'check endpoint, baseline, name and metrics; changes nothing' },
        [{ plan: run.plan, rolloutId: run.rolloutId }],
      ),
    () => stopped(run),
    () => false,
  );
  throwIfStopped(run);
  if (ended.how === 'failed') {
    run.telling.begin(rejectedDetails(ended.error)?.channels ?? []);
    throw ended.error;
  }
  if (ended.how === 'interrupted') return;
  const { baseline, before, greenExists, metrics, autoscaled, instances, channels = [] } = ended.value;
  run.telling.begin(channels);
  run.state.baseline = baseline;
  run.state.before = before;
  run.state.expected = before;
  run.state.adopted = greenExists;
  if (autoscaled === true) run.state.autoscaled = true;
  run.state.metricsBefore = metrics;
  run.knowInstances(instances);
  run.state.stepStartedAtMs = Date.now();
  run.tell('started', staticSummary(run.plan));
}

function nextStep(run: Run): void {
  run.state.stepIndex += 1;
  run.state.stepStartedAtMs = run.nowMs;
  run.state.stepPausedMs = 0;
  run.state.shifted = false;
  run.state.hold = null;
  run.keepTime();
  run.state.approval = null;
}
