import { oneSample, twoSampleTerms } from './evariable.js';
import { BREACH_GRID, PASS_GRID, type Tilt } from './grid.js';
import { logSumExp, zeros } from './numbers.js';
import type { BadCounts, MetricConfig, PassState } from './types.js';

export function initialPass(metric: MetricConfig): PassState {
  if (metric.r === 0) return { kind: 'one-sample', x: 0, n: 0 };
  return {
    kind: 'two-sample',
    passA: zeros(PASS_GRID.length),
    passC: zeros(PASS_GRID.length),
    breachA: zeros(BREACH_GRID.length),
    breachC: zeros(BREACH_GRID.length),
  };
}

/** Adds a look, tempered by `phiPass` as it was before the look (gates.md 2.3). */
export function passLook(
  state: PassState,
  metric: MetricConfig,
  counts: BadCounts,
  phiPass: number,
): PassState {
  if (state.kind === 'one-sample') {
    return { kind: 'one-sample', x: state.x + counts.xG / phiPass, n: state.n + counts.nG / phiPass };
  }
  const pass = PASS_GRID.map((tilt) => twoSampleTerms(counts, metric.r, tilt));
  const breach = BREACH_GRID.map((tilt) => twoSampleTerms(counts, metric.r, tilt));
  return {
    kind: 'two-sample',
    passA: state.passA.map((sum, i) => sum + (pass[i]?.a ?? 0) / phiPass),
    passC: state.passC.map((sum, i) => sum + (pass[i]?.c ?? 0) / phiPass),
    breachA: state.breachA.map((sum, i) => sum + (breach[i]?.a ?? 0) / phiPass),
    breachC: state.breachC.map((sum, i) => sum + (breach[i]?.c ?? 0) / phiPass),
  };
}

/** Plain mixture of the one-sample form at the limit `delta`. */
export function lnOneSampleMixture(grid: readonly Tilt[], x: number, n: number, delta: number): number {
  return logSumExp(grid.map((tilt) => tilt.lnWeight + oneSample(x, n, delta, tilt)));
}

function lnTwoSampleMixture(
  grid: readonly Tilt[],
  a: readonly number[],
  c: readonly number[],
  delta: number,
): number {
  return logSumExp(grid.map((tilt, i) => tilt.lnWeight + (a[i] ?? 0) - delta * (c[i] ?? 0)));
}

/** ln of the evidence that green's excess over `r` times the baseline is below `delta`; increases in `delta`. */
export function lnBelow(state: PassState, delta: number): number {
  return state.kind === 'one-sample'
    ? lnOneSampleMixture(PASS_GRID, state.x, state.n, delta)
    : lnTwoSampleMixture(PASS_GRID, state.passA, state.passC, delta);
}

/** ln of the evidence that it is above `delta`, from the same looks; decreases in `delta`. */
export function lnAbove(state: PassState, delta: number): number {
  return state.kind === 'one-sample'
    ? lnOneSampleMixture(BREACH_GRID, state.x, state.n, delta)
    : lnTwoSampleMixture(BREACH_GRID, state.breachA, state.breachC, delta);
}
