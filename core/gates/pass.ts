import { betsFrom } from './bets.js';
import { oneSample, twoSampleTerms } from './evariable.js';
import { BREACH_GRID, PASS_GRID, type Tilt } from './grid.js';
import { logSumExp, zeros } from './numbers.js';
import type { BadCounts, MetricConfig, PairedCounts, PassState } from './types.js';

export function initialPass(metric: MetricConfig): PassState {
  const bets = metric.bets === undefined ? {} : { bets: metric.bets };
  if (metric.r === 0) return { kind: 'one-sample', x: 0, n: 0, ...bets };
  return {
    kind: 'two-sample',
    ...bets,
    passA: zeros(PASS_GRID.length),
    passC: zeros(PASS_GRID.length),
    breachA: zeros(BREACH_GRID.length),
    breachC: zeros(BREACH_GRID.length),
  };
}

/**
 * The pass side of the next step: its evidence starts anew, and where the metric bets, it bets where the step before
 * found evidence.
 */
export function nextPass(metric: MetricConfig, before: PassState): PassState {
  const fresh = initialPass(metric);
  if (metric.bets === undefined) return fresh;
  const bets = sawNothing(before) ? before.bets : betsFrom(lnEach(before, metric.delta));
  return bets === undefined ? fresh : { ...fresh, bets };
}

function sawNothing(state: PassState): boolean {
  return state.kind === 'one-sample' ? state.n === 0 : state.passC.every((sum) => sum === 0);
}

/** Adds a look, tempered by `phiPass` as it was before the look (gates.md 2.3). */
export function passLook(
  state: PassState,
  metric: MetricConfig,
  counts: BadCounts | PairedCounts,
  phiPass: number,
): PassState {
  if (state.kind === 'one-sample') {
    return { ...state, x: state.x + counts.xG / phiPass, n: state.n + counts.nG / phiPass };
  }
  const pass = PASS_GRID.map((tilt) => twoSampleTerms(counts, metric.r, tilt));
  const breach = BREACH_GRID.map((tilt) => twoSampleTerms(counts, metric.r, tilt));
  return {
    ...state,
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

/** Each tilt's part of the pass mixture at the limit `delta`. */
function lnEach(state: PassState, delta: number): number[] {
  return PASS_GRID.map((tilt, i) => {
    const bet = state.bets?.[i];
    const lnWeight = bet === undefined ? tilt.lnWeight : Math.log(bet);
    return state.kind === 'one-sample'
      ? lnWeight + oneSample(state.x, state.n, delta, tilt)
      : lnWeight + (state.passA[i] ?? 0) - delta * (state.passC[i] ?? 0);
  });
}

/** ln of the evidence that green's excess over `r` times the baseline is below `delta`; increases in `delta`. */
export function lnBelow(state: PassState, delta: number): number {
  return logSumExp(lnEach(state, delta));
}

/** ln of the evidence that it is above `delta`, from the same looks; decreases in `delta`. */
export function lnAbove(state: PassState, delta: number): number {
  if (state.kind === 'one-sample') return lnOneSampleMixture(BREACH_GRID, state.x, state.n, delta);
  const { breachA, breachC } = state;
  return logSumExp(
    BREACH_GRID.map((tilt, i) => tilt.lnWeight + (breachA[i] ?? 0) - delta * (breachC[i] ?? 0)),
  );
}
