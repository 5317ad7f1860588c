import type { Tilt } from './grid.js';
import { apart } from './pairs.js';
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
 *
 * Of pairs, one that both failed gives `a + b - 1` instead of `a b`, with `a = e^h b` for a failure of green and `b` for one of
 * blue: then a pair's factor has the mean `1 + pG (a - 1) + pB (b - 1)`, whatever both fail together, and its logarithm is
 * bounded as that of two single answers is. Where both arms have as many answers, `a + b - 1` is 1: such a pair says nothing.
 */
export function twoSampleTerms(counts: BadCounts | PairedCounts, r: number, tilt: Tilt): TwoSampleTerms {
  const { nB, nG } = counts;
  const { xB, xG } = apart(counts);
  const d = nB + r * tilt.exp * nG;
  if (d === 0 || nB === 0 || nG === 0) return { a: 0, c: 0 };
  const lnb = Math.log1p((-r * tilt.expm1 * nG) / d);
  const alone = xG * tilt.h + (xG + xB) * lnb;
  const both = 'pairs' in counts ? counts.pairs.both * Math.log1p((tilt.expm1 * (nB - r * nG)) / d) : 0;
  return { a: alone + both, c: (nG * tilt.expm1 * nB) / d };
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
