import { CRASH_GUARD, CRASH_LIMIT } from './crash-guard.js';
import { plausible } from './events.js';
import type { GateState, Look } from './types.js';

export interface Failing {
  readonly errors: number;
  readonly n: number;
}

/**
 * Whether green failed at least half of its requests in this step, this look among them.
 *
 * No step is passed on such a sight, whatever the baseline does: a gate that compares finds green no worse than a baseline
 * that is down, and the crash guard does not charge it for what the baseline suffers too. It only ever holds a pass
 * back, so it costs no guarantee.
 */
export function failing(state: GateState, { green, status, sinceSec = 0 }: Look): Failing | null {
  if (sinceSec < 0) return null; // of the time before the step
  const guard = state.metrics[CRASH_GUARD];
  const { xG, nG } = guard === undefined || guard.early === true ? { xG: 0, nG: 0 } : guard.step;
  const seen = status.green === 'ok' && plausible(green) ? green : { errors: 0, n: 0 };
  const errors = xG + seen.errors;
  const n = nG + seen.n;
  return n > 0 && errors >= CRASH_LIMIT * n ? { errors, n } : null;
}
