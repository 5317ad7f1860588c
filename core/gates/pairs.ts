import type { PairCounts } from '../metrics.js';
import type { BadCounts, MetricConfig, MetricState, PairedCounts } from './types.js';

const CELLS = ['n00', 'n01', 'n10', 'n11'] as const;

/** Every number of some pair counts, in a fixed order. */
function cells({ blue, green, ...pairs }: PairCounts): number[] {
  return [...CELLS.map((cell) => pairs[cell]), blue.requests, blue.errors, green.requests, green.errors];
}

/** Whether counts (or differences) of pairs can be true. */
export function plausiblePairs(pairs: PairCounts): boolean {
  return (
    cells(pairs).every((value) => Number.isFinite(value) && value >= 0) &&
    pairs.blue.errors <= pairs.blue.requests &&
    pairs.green.errors <= pairs.green.requests
  );
}

function combine(a: PairCounts, b: PairCounts, by: (x: number, y: number) => number): PairCounts {
  const halves = (arm: 'blue' | 'green') => ({
    requests: by(a[arm].requests, b[arm].requests),
    errors: by(a[arm].errors, b[arm].errors),
  });
  return {
    n00: by(a.n00, b.n00),
    n01: by(a.n01, b.n01),
    n10: by(a.n10, b.n10),
    n11: by(a.n11, b.n11),
    blue: halves('blue'),
    green: halves('green'),
  };
}

/** What came between two readings; null where either is missing, or the source began anew (a count went back, too). */
export function pairsBetween(
  from: PairCounts | null | undefined,
  to: PairCounts | null | undefined,
): PairCounts | null {
  if (!from || !to || from.sinceMs !== to.sinceMs) return null;
  const between = combine(to, from, (x, y) => x - y);
  return plausiblePairs(between) ? between : null;
}

/** Two looks' pairs put together. */
export function joinPairs(a: PairCounts, b: PairCounts): PairCounts {
  return combine(a, b, (x, y) => x + y);
}

/** Mirrored requests as a gate counts them: all answers of either side, and which of them are halves of one request. */
export function pairedCounts({ n00, n01, n10, n11, blue, green }: PairCounts): PairedCounts {
  const n = n00 + n01 + n10 + n11;
  return {
    xB: n10 + n11 + blue.errors,
    nB: n + blue.requests,
    xG: n01 + n11 + green.errors,
    nG: n + green.requests,
    pairs: { n, blueOnly: n10, greenOnly: n01, both: n11 },
  };
}

/** Without what both failed, where that is known: what is left may differ between the arms. */
export function apart(counts: BadCounts | PairedCounts): BadCounts {
  if (!('pairs' in counts)) return counts;
  const { xB, nB, xG, nG, pairs } = counts;
  return { xB: xB - pairs.both, nB, xG: xG - pairs.both, nG };
}

/** Whether a gate can be judged by pairs: the difference of two error rates, and nothing else, is one of two cells. */
export function canPair(metric: MetricConfig): boolean {
  return metric.source === 'errors' && metric.r === 1;
}

/**
 * Whether the next looks are better judged by pairs than by counts, from what the earlier looks of the step showed.
 *
 * Of counts, the noise is green's failures and, spread over more requests, blue's: `p01 + p11 + k (p10 + p11)` with
 * `k` green's requests for each of blue's. Of pairs it is `p01 + p10`: what both fail is gone, but blue is only as many
 * requests as green. Failures that are not the requests' fault are better counted, others are better paired.
 */
export function betterPaired({ pairs, step }: Pick<MetricState, 'step' | 'pairs'>): boolean {
  if (pairs === undefined || step.nB === 0) return false;
  const k = Math.min(1, step.nG / step.nB);
  return (1 + k) * pairs.both > (1 - k) * (pairs.blueOnly + 1);
}
