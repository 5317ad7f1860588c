import type { Counters } from '../metrics.js';
import { alike } from './bets.js';
import { growth } from './forecast.js';
import { BREACH_GRID, type Tilt } from './grid.js';
import type { MetricConfig } from './types.js';

/** Part of the weights that stays as the grid has it: bets that turn out wrong cost at most ln 4. */
const KEPT = 0.25;

/** Green's requests for each of the baseline's, for the choice of bets alone: at 10% of the traffic. */
const PER_BLUE = 1 / 9;

/** Evidence that a rollback by one of several gates asks for, natural logs: alpha 1%, a share of it, a restart. */
const ENOUGH = 8;

/** What is known of the traffic before the rollout. */
export interface Expected {
  /** What the baseline did; null where nothing is known of it. */
  readonly baseline: Pick<Counters, 'requests' | 'errors' | 'le'> | null;
  /** All of the endpoint's requests in the time that the rollout is watched; null where that is not known. */
  readonly requests: number | null;
}

/** The grid's own weights, with three quarters of them on some tilts; all as they are where there are none such. */
function moved(to: (tilt: Tilt) => boolean): readonly number[] {
  const own = BREACH_GRID.map(({ lnWeight }) => Math.exp(lnWeight));
  const chosen = BREACH_GRID.map(to);
  const all = own.reduce((sum, weight, i) => sum + (chosen[i] ? weight : 0), 0);
  if (all === 0) return own;
  return own.map((weight, i) => KEPT * weight + (chosen[i] ? ((1 - KEPT) * weight) / all : 0));
}

/**
 * Weights of the breach side's grid for the whole rollout: three quarters lie on the tilts that can win in it.
 *
 * A tilt stands for green at `e^h` times the worst rate that is allowed (times its odds, for an absolute limit). Below
 * some, more requests would be needed than come in all the time that is planned; above some, the rate would be more
 * than 1. Fixed before the first look and of sum 1, the weights leave the guarantee as it is.
 */
export function firstBreachBets(metric: MetricConfig, { baseline, requests }: Expected): readonly number[] {
  const known = metric.r === 0 ? { blue: 0 } : baseline && alike(metric, metric.breachEdge, baseline);
  const worst = known === null ? 0 : metric.r * known.blue + metric.delta;
  const green = requests === null ? Infinity : (requests * PER_BLUE) / (1 + PER_BLUE);
  return moved((tilt) => {
    const rate = (worst * tilt.exp) / (metric.r === 0 ? 1 + worst * tilt.expm1 : 1);
    const rates = { blue: known?.blue ?? 0, green: rate };
    return worst > 0 && rate <= 1 && green * growth(metric, tilt, rates, PER_BLUE).mean >= ENOUGH;
  });
}

/** For a guard against outages: green far beyond the limit. */
export const OUTAGE_BETS: readonly number[] = moved(({ h }) => h >= 1);
