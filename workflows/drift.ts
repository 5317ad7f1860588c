import type { Traffic } from '../core/traffic.js';
import { sameTraffic, trafficText } from '../core/traffic.js';
import { interruptible } from './interruptible.js';
import { setTraffic } from './proxies.js';
import type { Run } from './run.js';
import { driftOf } from './stop.js';
import { stopped, throwIfStopped, watchWindow } from './watching.js';

/**
 * Writes the endpoint's traffic and reads it back. Its undo is registered first.
 *
 * If someone else changed the traffic meanwhile, nothing is written: the rollout is held until a person chose.
 */
export async function shift(run: Run, to: Traffic): Promise<void> {
  const { before } = run.state;
  if (before !== null) run.willUndo({ kind: 'restore-traffic', traffic: before });
  for (;;) {
    throwIfStopped(run);
    const from = run.expected;
    const takeOver = run.state.takeOver === true;
    const drift = await write(run, from, to, `set traffic: ${trafficText(to)}`, takeOver);
    if (drift === null) {
      delete run.state.takeOver;
      run.willShow(to);
      run.show();
      return;
    }
    await holdForDrift(run, from, drift.observed);
  }
}

/**
 * Holds until a person adopts or restores; the gates keep their power meanwhile.
 *
 * @throws {Stop} on a breach, an abort.
 */
export async function holdForDrift(run: Run, expected: Traffic, observed: Traffic | null): Promise<void> {
  const { state } = run;
  const earlierHold = state.hold;
  const sinceMs = Date.now();
  run.driftChoice = null;
  for (let seen = observed; ;) {
    state.hold = { kind: 'drift', sinceMs, because: becauseOf(expected, seen), expected, observed: seen };
    run.show();
    const result = await watchWindow(run, {
      mode: 'guard',
      gates: run.plan.gates.map((gate) => gate.name),
      dwell: { atLeastMs: 0, atMostMs: 0 },
      untilMs: null,
      interrupt: () => run.driftChoice !== null,
    });
    if (typeof result === 'object' && result.verdict === 'drift') {
      // Changed once more, or back again by itself.
      seen = result.observed;
      if (seen !== null && sameTraffic(seen, expected)) break;
    }
    if (run.driftChoice === 'adopt' && seen !== null) {
      state.expected = seen;
      state.takeOver = true;
      break;
    }
    if (run.driftChoice === 'restore') {
      const failed = await write(run, null, expected, `restore traffic: ${trafficText(expected)}`);
      // Traffic that shows as it should was not written, so its rules may still be managed by someone else.
      state.takeOver = true;
      if (failed === null) break;
    }
    run.driftChoice = null;
  }
  run.driftChoice = null;
  state.hold = earlierHold;
  run.show();
}

async function write(
  run: Run,
  from: Traffic | null,
  to: Traffic,
  summary: string,
  takeOver = false,
): Promise<{ readonly observed: Traffic } | null> {
  const ended = await interruptible(
    () =>
      setTraffic.executeWithOptions({ summary }, [
        { ...run.endpoint, from, to, ...(takeOver ? { takeOver } : {}) },
      ]),
    () => stopped(run),
    () => true, // the write must have ended before it is taken back
  );
  throwIfStopped(run);
  if (ended.how === 'failed') {
    const drift = driftOf(ended.error);
    if (drift === undefined) throw ended.error;
    return drift;
  }
  return null;
}

function becauseOf(expected: Traffic, observed: Traffic | null): string {
  const shows =
    observed === null
      ? 'the endpoint or one of its deployments is gone'
      : `the endpoint shows ${trafficText(observed)}`;
  return `someone else changed it: the rollout wrote ${trafficText(expected)}, ${shows}`;
}
