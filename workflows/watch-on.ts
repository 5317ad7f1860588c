import { driftOfWindow } from '../core/watch.js';
import { holdForDrift } from './drift.js';
import { goOnAsNew } from './go-on-as-new.js';
import type { Run } from './run.js';
import { guarding, watchWindow, type Watch } from './watching.js';

/**
 * Watches through one window, whatever a person does meanwhile: pauses stop the clock and leave the gates on, drift
 * holds until a person chose.
 */
export async function watchOn(
  run: Run,
  asked: Omit<Watch, 'interrupt'>,
): Promise<'pass' | 'undecided' | 'window-over' | 'time-over'> {
  const paused = run.state.paused !== null;
  const result = await watchWindow(run, {
    ...asked,
    mode: paused ? 'guard' : asked.mode,
    untilMs: paused ? null : asked.untilMs,
    interrupt: () => (run.state.paused !== null) !== paused || run.state.approval !== null,
  });
  if (result === 'interrupted') return 'window-over';
  if (result.verdict === 'drift') {
    await holdForDrift(run, driftOfWindow(result));
    return 'window-over';
  }
  if (run.state.paused !== null) return 'window-over';
  return result.timeOver === true ? 'time-over' : result.verdict;
}

/** Before a step begins, and before it writes: a paused rollout stays where it is, and the gates go on. */
export async function whilePaused(run: Run): Promise<void> {
  if (run.step?.kind === 'approve') return; // it sits pauses out itself, and may be approved meanwhile
  // What a person approved is taken by the step that asked; the pause is sat out after it.
  while (run.state.paused !== null && run.state.approval === null) {
    await watchOn(run, guarding(run));
    await goOnAsNew(run);
  }
}
