import type { CollectorState } from './collector.js';
import { CRASH_GUARD } from './crash-guard.js';
import type { GateState, MachineConfig } from './types.js';
import { seconds } from './words.js';

/**
 * Why a step's looks say nothing of green: what they had to count did not come. null where every gate that a proof would
 * ask for had some.
 *
 * The crash guard, which counts every request, stands for steps that nobody has to prove anything in: all their gates are
 * guards.
 */
export function unseen(config: MachineConfig, state: GateState, green: string): string | null {
  const seen = (name: string) => {
    const { step, early } = state.metrics[name] ?? {};
    return step !== undefined && step.nG > 0 && early !== true;
  };
  const nothing = config.metrics.find(
    ({ name, passRole, paused }) =>
      paused !== true && (passRole !== false || name === CRASH_GUARD) && !seen(name),
  );
  if (nothing === undefined) return null;
  if (nothing.name === CRASH_GUARD) return `${green} had no request`;
  return `gate ${nothing.name} had no ${nothing.own === undefined ? 'request' : 'event'} of ${green}`;
}

/** Longer without a request, and most of a step was not seen: those that came may have been the last to get through. */
const HALF = 0.5;

/** Whether green had its last request before the half of a step that lasts so long; null where it had one since. */
export function quiet(collector: CollectorState | null, forMs: number, green: string): string | null {
  if (collector?.greenBusyAtMs === undefined) return null;
  const quietMs = collector.clockMs - collector.greenBusyAtMs;
  return quietMs > HALF * forMs ? `${green} had no request in the last ${seconds(quietMs / 1000)}` : null;
}
