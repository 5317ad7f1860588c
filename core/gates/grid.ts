import type { MetricConfig } from './types.js';

/** One tilt of the mixture: `h = ln(rho)`, its weight, and what the formulas need of it again and again. */
export interface Tilt {
  readonly h: number;
  readonly lnWeight: number;
  /** e^h */
  readonly exp: number;
  /** e^h - 1 */
  readonly expm1: number;
}

function grid(points: readonly (readonly [h: number, weight: number])[]): readonly Tilt[] {
  return points.map(([h, weight]) => ({
    h,
    lnWeight: Math.log(weight),
    exp: Math.exp(h),
    expm1: Math.expm1(h),
  }));
}

/** Bets that green is worse than the margin (gates.md 2.2). Weights sum to 1. */
export const BREACH_GRID = grid([
  [1 / 64, 0.02],
  [1 / 32, 0.03],
  [1 / 16, 0.05],
  [1 / 8, 0.08],
  [1 / 4, 0.12],
  [1 / 2, 0.15],
  [1, 0.15],
  [2, 0.13],
  [3, 0.1],
  [4, 0.09],
  [6, 0.08],
]);

/** Bets that green is better than the margin (gates.md 2.3). Weights sum to 1. */
export const PASS_GRID = grid([
  [-1 / 64, 0.02],
  [-1 / 32, 0.03],
  [-1 / 16, 0.05],
  [-1 / 8, 0.08],
  [-1 / 4, 0.1],
  [-1 / 2, 0.12],
  [-1, 0.15],
  [-2, 0.2],
  [-4, 0.25],
]);

/** ln of the weight of one tilt of the breach side, as the metric bets. */
export function lnBreachWeight({ breachBets }: Pick<MetricConfig, 'breachBets'>, index: number): number {
  const bet = breachBets?.[index];
  return bet === undefined ? (BREACH_GRID[index]?.lnWeight ?? -Infinity) : Math.log(bet);
}
