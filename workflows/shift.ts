import type { Traffic } from '../core/traffic.js';
import { trafficText } from '../core/traffic.js';
import { holdForDrift } from './drift.js';
import type { Run } from './run.js';
import { whilePaused } from './watch-on.js';
import { throwIfStopped } from './watching.js';
import { write } from './write.js';

/**
 * Writes the endpoint's traffic and reads it back. Its undo is registered first.
 *
 * If someone else changed the traffic meanwhile, nothing is written: the rollout is held until a person chose. Nor is it
 * while the rollout is paused.
 */
export async function shift(run: Run, to: Traffic): Promise<void> {
  const { before } = run.state;
  if (before !== null) run.willUndo({ kind: 'restore-traffic', traffic: before });
  for (;;) {
    await whilePaused(run);
    throwIfStopped(run);
    const from = run.expected;
    const takeOver = run.state.takeOver === true;
    const drift = await write(run, from, to, `set traffic: ${trafficText(to)}`, takeOver);
    if (drift === null) {
      delete run.state.takeOver;
      run.willShow(to);
      return;
    }
    await holdForDrift(run, drift);
  }
}
