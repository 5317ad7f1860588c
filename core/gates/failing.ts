import type { Signal } from './collector.js';
import { CRASH_GUARD, CRASH_LIMIT } from './crash-guard.js';
import { plausible } from './events.js';
import type { GateState, Look } from './types.js';
import { count } from './words.js';

type Failing = Extract<Signal, { readonly kind: 'failing' }>;
type Seen = Pick<Failing, 'errors' | 'n'>;

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
  return most === null ? null : failedInWords(most, green);
}

export function failedInWords({ errors, n }: Seen, green: string): string {
  return `${green} failed ${count(errors)} of its ${count(n)} requests`;
}

function inStep(state: GateState): Seen {
  const guard = state.metrics[CRASH_GUARD];
  return guard === undefined || guard.early === true
    ? { errors: 0, n: 0 }
    : { errors: guard.step.xG, n: guard.step.nG };
}

function halfOf({ errors, n }: Seen): Failing | null {
  return n > 0 && errors >= CRASH_LIMIT * n ? { kind: 'failing', errors, n } : null;
}
