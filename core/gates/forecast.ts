import { blockCap } from './breach.js';
import { BREACH_GRID, lnBreachWeight, PASS_GRID, type Tilt } from './grid.js';
import { twoSampleTerms } from './evariable.js';
import { firstStart } from './starts.js';
import { logSumExp } from './numbers.js';
import type { DispersionConfig, MetricConfig } from './types.js';

/** True shares of bad requests, each at its own edge of the side in question. */
export interface Rates {
  readonly blue: number;
  readonly green: number;
}

export interface ForecastOptions {
  /** Green's requests for each of the baseline's: 1/9 at 10% of the traffic. */
  readonly perBlue: number;
  /**
   * Chance that this many requests are enough. 0.5 (default) follows the expected counts, 0.9 those that only one in
   * ten is unluckier than.
   */
  readonly chance?: number;
  /** Default: fixed at 1, independent requests. */
  readonly dispersion?: DispersionConfig;
}

const INDEPENDENT: DispersionConfig = { mode: 'fixed', phi: 1 };

/** More requests than anybody waits for. */
const NEVER = 1e12;

/** Expected log evidence of one request of green (and the baseline's beside it), and its variance. */
export interface Growth {
  readonly lnWeight: number;
  readonly mean: number;
  readonly variance: number;
}

export function growth(metric: MetricConfig, tilt: Tilt, rates: Rates, perBlue: number): Growth {
  const own = rates.green * (1 - rates.green);
  if (metric.r === 0) {
    return {
      lnWeight: tilt.lnWeight,
      mean: rates.green * tilt.h - Math.log1p(metric.delta * tilt.expm1),
      variance: own * tilt.h ** 2,
    };
  }
  const nB = 1 / perBlue;
  const { a, c } = twoSampleTerms({ xB: nB * rates.blue, nB, xG: rates.green, nG: 1 }, metric.r, tilt);
  const one = twoSampleTerms({ xB: 1, nB, xG: 0, nG: 1 }, metric.r, tilt).a;
  return {
    lnWeight: tilt.lnWeight,
    mean: a - metric.delta * c,
    variance: own * (tilt.h + one) ** 2 + nB * rates.blue * (1 - rates.blue) * one ** 2,
  };
}

/** Variance that one request of green adds to a count-block (gates.md 2.4). */
function blockVariance(metric: MetricConfig, rates: Rates, perBlue: number): number {
  if (metric.r === 0) return rates.green * (1 - rates.green);
  const bad = rates.green + rates.blue / perBlue;
  const part = bad === 0 ? 0 : rates.green / bad;
  return bad * part * (1 - part);
}

/** What the evidence is divided by after so many requests, if they are independent. */
function tempering(side: 'breach' | 'pass', dispersion: DispersionConfig, variance: number): number {
  if (dispersion.mode === 'fixed') return dispersion.phi;
  const nu0 = dispersion.nu0 ?? 4;
  const closed = variance / 2;
  const phi = Math.max(1, (nu0 * (dispersion.phi0 ?? 1) + closed) / (nu0 + closed));
  return side === 'breach' ? phi : phi * (1 + 0.5 * Math.sqrt(2 / (nu0 + closed)));
}

/** The breach side's grid, weighed as the metric bets. */
function breachGrid(metric: MetricConfig): readonly Tilt[] {
  return BREACH_GRID.map((tilt, i) => ({ ...tilt, lnWeight: lnBreachWeight(metric, i) }));
}

/** The pass side's grid, weighed as the metric bets. */
function bettingGrid({ bets }: MetricConfig): readonly Tilt[] {
  if (bets === undefined) return PASS_GRID;
  return PASS_GRID.map((tilt, i) => ({ ...tilt, lnWeight: Math.log(bets[i] ?? 0) }));
}

/** Standard normal quantiles of the chances that people ask for. */
const Z: Readonly<Record<string, number>> = { 0.5: 0, 0.8: 0.8416, 0.9: 1.2816, 0.95: 1.6449, 0.99: 2.3263 };

function requestsUntil(
  side: 'breach' | 'pass',
  metric: MetricConfig,
  rates: Rates,
  target: number,
  { perBlue, chance = 0.5, dispersion = INDEPENDENT }: ForecastOptions,
): number {
  const z = Z[chance];
  if (z === undefined)
    throw new RangeError(`chance must be one of ${Object.keys(Z).join(', ')}, got ${chance}`);
  const each = (side === 'breach' ? breachGrid(metric) : bettingGrid(metric)).map((tilt) =>
    growth(metric, tilt, rates, perBlue),
  );
  const perRequest = blockVariance(metric, rates, perBlue);
  const enough = (n: number) => {
    const phi = tempering(side, dispersion, n * perRequest);
    return (
      logSumExp(each.map((g) => g.lnWeight + (n * g.mean - z * Math.sqrt(n * g.variance * phi)) / phi)) >=
      target
    );
  };
  let high = 1;
  while (!enough(high)) {
    high *= 2;
    if (high > NEVER) return Infinity;
  }
  let low = high / 2;
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    if (enough(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/**
 * Requests of green until it is proven (gates.md 6): the growth rate of the evidence under these rates, solved for the
 * threshold. Infinity where it never is.
 */
export function requestsToPass(
  metric: MetricConfig,
  rates: Rates,
  alphaPass: number,
  options: ForecastOptions,
): number {
  return requestsUntil('pass', metric, rates, Math.log(1 / alphaPass), options);
}

/** Log evidence with which this gate alone rolls back, of a regression whose first block has this start weight. */
function lnToBreach(metric: MetricConfig, alpha: number, start: number): number {
  return Math.log(1 / alpha) - Math.log(metric.weight) - Math.log(start);
}

/**
 * Requests of green until this gate alone rolls back, without the time that the block cap asks for. Infinity where it
 * never does.
 *
 * @param options.start - start weight of the block that the regression begins with. Default: the rollout's first.
 */
export function requestsToBreach(
  metric: MetricConfig,
  rates: Rates,
  alpha: number,
  options: ForecastOptions & { readonly start?: number },
): number {
  const wanted = lnToBreach(metric, alpha, options.start ?? firstStart(metric));
  return requestsUntil('breach', metric, rates, wanted, options);
}

/**
 * Seconds that the block cap asks for at least until this gate alone rolls back: three blocks of an outage that begins with
 * the rollout (gates.md 2.2), or more where its first block has less of the stake. After cutover, three whenever it begins.
 */
export function capSeconds(
  metric: MetricConfig,
  intervalSec: number,
  alpha: number,
  start = firstStart(metric),
): number {
  const capped = Math.ceil(lnToBreach(metric, alpha, start) / blockCap(alpha, metric));
  const blocks = metric.thirdBlockDecides === true ? 3 : capped;
  return (blocks - 1) * Math.max(metric.blipSec, intervalSec) + intervalSec;
}

/**
 * The information limit: green requests that any test with this error rate needs on average, `ln(1/alpha) / KL` of
 * green's rate from the margin's, were the baseline's rate known.
 */
export function informationLimit(metric: MetricConfig, rates: Rates, alpha: number): number {
  const margin = Math.min(1, metric.r * rates.blue + metric.delta);
  const part = (p: number, q: number) => (p === 0 ? 0 : p * Math.log(p / q));
  const divergence = part(rates.green, margin) + part(1 - rates.green, 1 - margin);
  return rates.green > margin ? Math.log(1 / alpha) / divergence : Infinity;
}
