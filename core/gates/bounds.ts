import { PASS_GRID } from './grid.js';
import { lnAbove, lnBelow, lnOneSampleMixture } from './pass.js';
import type { PassState } from './types.js';

const BISECTIONS = 100;

/**
 * The smallest point of `[low, high]` at which an increasing function reaches `threshold`; `high` where it never does.
 *
 * The end returned is the one at which the threshold is reached, so that a bound and a decision never disagree.
 */
function risingCrossing(f: (at: number) => number, threshold: number, low: number, high: number): number {
  if (f(low) >= threshold) return low;
  if (f(high) < threshold) return high;
  let below = low;
  let reached = high;
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = (below + reached) / 2;
    if (f(middle) >= threshold) reached = middle;
    else below = middle;
  }
  return reached;
}

export interface Bounds {
  readonly lower: number;
  readonly upper: number;
}

/**
 * Anytime-valid bounds of `pG - r * pB` over the step (gates.md 2.3), each wrong with a chance of at most `alphaPass`.
 * `upper <= delta` is the same event as "proven".
 */
export function bounds(state: PassState, r: number, alphaPass: number): Bounds {
  const threshold = Math.log(1 / alphaPass);
  const low = r === 0 ? 0 : -r;
  return {
    lower: -risingCrossing((at) => lnAbove(state, -at), threshold, -1, -low),
    upper: risingCrossing((at) => lnBelow(state, at), threshold, low, 1),
  };
}

/** Upper confidence bound of one arm's own rate: `x` bad of `n`, both already tempered. 1 where nothing was seen. */
export function upperRate(x: number, n: number, alphaPass: number): number {
  return risingCrossing((at) => lnOneSampleMixture(PASS_GRID, x, n, at), Math.log(1 / alphaPass), 0, 1);
}
