import { CRASH_GUARD, CRASH_LIMIT } from './crash-guard.js';
import { plausible } from './events.js';
import type { GateState, Look } from './types.js';
import { count } from './words.js';

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
  const before = inStep(state);
  const seen = status.green === 'ok' && plausible(green) ? green : { errors: 0, n: 0 };
  return halfOf({ errors: before.errors + seen.errors, n: before.n + seen.n });
}

/** The same of a step that is over, in words; null where green answered more than half of its requests, or had none. */
export function failed(state: GateState, green: string): string | null {
  const most = halfOf(inStep(state));
  return most === null ? null : `${green} failed ${count(most.errors)} of its ${count(most.n)} requests`;
}

function inStep(state: GateState): Failing {
  const guard = state.metrics[CRASH_GUARD];
  return guard === undefined || guard.early === true
    ? { errors: 0, n: 0 }
    : { errors: guard.step.xG, n: guard.step.nG };
}

function halfOf(seen: Failing): Failing | null {
  return seen.n > 0 && seen.errors >= CRASH_LIMIT * seen.n ? seen : null;
}
