import { ENOUGH_REQUESTS, type Counters } from '../metrics.js';
import { growth, type Rates } from './forecast.js';
import { PASS_GRID } from './grid.js';
import { logSumExp } from './numbers.js';
import type { EdgePair, MetricConfig } from './types.js';

/** Part of the weights that stays as the grid has it: bets that turn out wrong cost at most ln 4. */
const KEPT = 0.25;

/** Green's requests for each of the baseline's, for the choice of bets alone: at 10% of the traffic. */
const PER_BLUE = 1 / 9;

const gridWeights = (): number[] => PASS_GRID.map(({ lnWeight }) => Math.exp(lnWeight));

/**
 * Weights of the pass side's grid, from the evidence that each tilt had (or is expected to have): three quarters go
 * where it was, a quarter stays as it is.
 *
 * Weights that are fixed before the looks that they judge, and sum to 1, leave the guarantee as it is: the mixture starts
 * at 1 and each part of it is a supermartingale under the step's own null. What was won before is not carried, only the
 * knowledge of where to bet.
 */
export function betsFrom(lnEvidence: readonly number[]): number[] {
  const all = logSumExp(lnEvidence);
  return gridWeights().map(
    (weight, i) => KEPT * weight + (1 - KEPT) * Math.exp((lnEvidence[i] ?? -Infinity) - all),
  );
}

/** Shares of bad requests, were green just like the baseline; null where too little is known of it. */
export function alike(
  metric: MetricConfig,
  edges: EdgePair | undefined,
  baseline: Pick<Counters, 'requests' | 'errors' | 'le'>,
): Rates | null {
  const share = (bad: number, of: number) => (bad + 0.5) / (of + 1);
  if (metric.source === 'errors') {
    if (baseline.requests < ENOUGH_REQUESTS) return null;
    const rate = share(baseline.errors, baseline.requests);
    return { blue: rate, green: rate };
  }
  const total = baseline.le.at(-1) ?? 0;
  if (edges === undefined || total < ENOUGH_REQUESTS) return null;
  const above = (edge: number) => share(total - (baseline.le[edge] ?? total), total);
  return { blue: above(edges.blue), green: above(edges.green) };
}

/**
 * Weights for the rollout's first step: a healthy green is like the baseline, and what the baseline did before the
 * rollout says which tilts prove that soonest. The grid's own where it is not known, or never could be proven.
 */
export function firstBets(
  metric: MetricConfig,
  baseline: Pick<Counters, 'requests' | 'errors' | 'le'> | null,
  alphaPass: number,
): readonly number[] {
  const rates = baseline && alike(metric, metric.passEdge ?? metric.breachEdge, baseline);
  if (rates === null) return gridWeights();
  const each = PASS_GRID.map((tilt) => growth(metric, tilt, rates, PER_BLUE));
  const best = Math.max(...each.map(({ mean }) => mean));
  if (best <= 0) return gridWeights();
  const requests = Math.log(1 / alphaPass) / best;
  return betsFrom(each.map(({ lnWeight, mean }) => lnWeight + requests * mean));
}
