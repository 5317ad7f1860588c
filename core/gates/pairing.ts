import type { Seen } from './events.js';
import { betterPaired } from './pairs.js';
import type { MetricState, PairedCounts, Pairs } from './types.js';

/** What of a look is judged: counts, pairs, or nothing, while a step goes over from one to the other. */
export function judgedOf({ pairing }: MetricState, counts: Seen, paired: PairedCounts | null): Seen | null {
  if (paired === null || pairing === undefined) return counts;
  return pairing === 'on' ? { breach: paired, pass: paired } : null;
}

/**
 * Remembers a look's pairs, and decides by them what the looks after it are judged by. A look without pairs (their source
 * began anew, or is away) was judged by counts: before pairs are judged again, one look is left out again.
 */
export function afterPairs(state: MetricState, paired: PairedCounts | null): MetricState {
  if (paired === null) return state.pairing === 'on' ? { ...state, pairing: 'next' } : state;
  const pairs = state.pairs === undefined ? paired.pairs : add(state.pairs, paired.pairs);
  const seen = { ...state, pairs };
  if (state.pairing !== undefined) return { ...seen, pairing: 'on' };
  return betterPaired(seen) ? { ...seen, pairing: 'next' } : seen;
}

function add(a: Pairs, b: Pairs): Pairs {
  return {
    n: a.n + b.n,
    blueOnly: a.blueOnly + b.blueOnly,
    greenOnly: a.greenOnly + b.greenOnly,
    both: a.both + b.both,
  };
}
