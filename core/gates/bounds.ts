import { PASS_GRID } from './grid.js';
import { lnAbove, lnBelow, lnOneSampleMixture } from './pass.js';
import type { PassState } from './types.js';

/**
 * How close the ends are brought, next to the larger of 1 and their size: bounds below 1 are shares, and doubles beyond
 * it lie further apart. It is some doubles wide, so there is always one between ends that are not yet close enough.
 */
const EXACT = 1e-15;

/** It interpolates so often at most (a dozen is usual), and halves from then on: so it ends, whatever the function is. */
const BENDS = 50;

/**
 * The smallest point of `[low, high]` at which an increasing function reaches `threshold`; `high` where it never does.
 *
 * The end returned is the one at which the threshold is reached, so that a bound and a decision never disagree. By
 * Chandrupatla's method (1997): inverse quadratic interpolation where it is safe, bisection elsewhere, and the bracket stays.
 */
function risingCrossing(f: (at: number) => number, threshold: number, low: number, high: number): number {
  const over = (at: number): number => f(at) - threshold;
  // The crossing lies between a and b; c is the bracket's last end that was given up.
  let [a, fa] = [low, over(low)];
  let [b, fb] = [high, over(high)];
  if (fa >= 0) return low;
  if (fb < 0) return high;
  for (let part = 0.5, tried = 1; ; tried++) {
    const at = a + part * (b - a);
    const there = over(at);
    const same = there >= 0 === fa >= 0;
    const [c, fc] = same ? [a, fa] : [b, fb];
    if (!same) [b, fb] = [a, fa];
    [a, fa] = [at, there];
    const least = (EXACT * Math.max(1, Math.abs(a), Math.abs(b))) / Math.abs(b - a);
    // Ends that are no numbers are not brought closer either.
    if (!(least < 0.5)) return fa >= 0 ? a : b;
    const [xi, phi] = [(a - b) / (c - b), (fa - fb) / (fc - fb)];
    // Where evidence is infinite these are no numbers, and it is halved.
    const safe = tried < BENDS && phi ** 2 < xi && (1 - phi) ** 2 < 1 - xi;
    const bent =
      (fa / (fb - fa)) * (fc / (fb - fc)) + ((c - a) / (b - a)) * (fa / (fc - fa)) * (fb / (fc - fb));
    part = safe ? Math.min(1 - least, Math.max(least, bent)) : 0.5;
  }
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
