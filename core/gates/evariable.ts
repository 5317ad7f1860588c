import type { Tilt } from './grid.js';
import { discordant, halvesOf } from './pairs.js';
import type { BadCounts, PairedCounts } from './types.js';

/** `ln E_h(delta) = a - delta * c` of one look, for a relative margin with factor `r > 0`. */
export interface TwoSampleTerms {
  readonly a: number;
  readonly c: number;
}

/**
 * The e-variable of one look against a baseline (gates.md 2.1).
 *
 * Its expectation is at most 1 whenever `pG <= r * pB + delta` (for h > 0; `>=` for h < 0), whatever `pB` is. No
 * difference of nearly equal numbers is taken, and a look in which either arm has no traffic contributes exactly 0.
 */
export function twoSampleTerms(counts: BadCounts | PairedCounts, r: number, tilt: Tilt): TwoSampleTerms {
  if ('pairs' in counts) return pairedTerms(counts, r, tilt);
  const { xB, nB, xG, nG } = counts;
  const d = nB + r * tilt.exp * nG;
  if (d === 0 || nB === 0 || nG === 0) return { a: 0, c: 0 };
  const lnb = Math.log1p((-r * tilt.expm1 * nG) / d);
  return { a: xG * tilt.h + (xG + xB) * lnb, c: (nG * tilt.expm1 * nB) / d };
}

/**
 * Of a look with pairs (r = 1): a request that both failed says nothing, and the halves of no pair are counted as ever.
 *
 * With `n (1 - b) = n (a - 1)` for pairs, one pair's factor is `a` where green alone failed, `b` where blue alone did, and
 * 1 otherwise, times `e^(-delta (a - 1))`. The logarithm of its expectation is at most `(a - 1) (p01 - p10 - delta)`, and
 * `p01 - p10 = pG - pB`. It does not matter which answers were paired: in halves of as many requests on both sides, a
 * request that both failed would give `a b <= 1` instead of 1, and all others the same.
 */
function pairedTerms(counts: PairedCounts, r: number, tilt: Tilt): TwoSampleTerms {
  const pairs = twoSampleTerms(discordant(counts), r, tilt);
  const halves = twoSampleTerms(halvesOf(counts), r, tilt);
  return { a: pairs.a + halves.a, c: pairs.c + halves.c };
}

/** `ln E_h(delta)` of `x` bad of `n` against the absolute limit `delta`: an exact Bernoulli likelihood ratio. */
export function oneSample(x: number, n: number, delta: number, tilt: Tilt): number {
  return x * tilt.h - n * Math.log1p(delta * tilt.expm1);
}

/** `ln E_h(delta)` of one look, whichever the margin asks for. */
export function lnEvidence(counts: BadCounts | PairedCounts, r: number, delta: number, tilt: Tilt): number {
  if (r === 0) return oneSample(counts.xG, counts.nG, delta, tilt);
  const { a, c } = twoSampleTerms(counts, r, tilt);
  return a - delta * c;
}
