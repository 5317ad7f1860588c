import type { EdgePair } from './types.js';

/** Edges such as 1.1 × 250 are doubles: equal within this. */
const SAME = 1e-9;

/** Index of the smallest edge at or above `ms`; -1 where `ms` lies beyond the last. */
export function edgeAtOrAbove(edgesMs: readonly number[], ms: number): number {
  return edgesMs.findIndex((edge) => edge >= ms * (1 - SAME));
}

/** Index of the largest edge at or below `ms`; -1 where `ms` lies below the first. */
export function edgeAtOrBelow(edgesMs: readonly number[], ms: number): number {
  return edgesMs.findLastIndex((edge) => edge <= ms * (1 + SAME));
}

/**
 * Index of the smallest edge that at most `1 - quantile` of the requests exceed; -1 where the quantile lies beyond the
 * last edge.
 *
 * @param le - cumulative counts, `+Inf` last.
 */
export function quantileEdge(le: readonly number[], quantile: number): number {
  const total = le.at(-1) ?? 0;
  const allowed = (1 - quantile) * total * (1 + SAME);
  return le.slice(0, -1).findIndex((within) => total - within <= allowed);
}

export interface RelativeEdges {
  readonly kind: 'exact';
  readonly breachEdge: EdgePair;
  readonly passEdge: EdgePair;
}

/** The buckets cannot tell `ratio` times the quantile from the quantile: compare shares above one edge instead. */
export interface ShareInstead {
  readonly kind: 'share';
  readonly edge: number;
  /** Factor on the baseline's share above that edge: `ratio ^ slope`. */
  readonly r: number;
}

/**
 * How "green's quantile is at most `ratio` times the baseline's" is read from buckets (gates.md 3).
 *
 * null where the baseline's histogram has no requests beyond the edge and none before it: nothing to compare.
 *
 * @param uB - index of the baseline's quantile edge.
 */
export function relativeEdges(
  edgesMs: readonly number[],
  le: readonly number[],
  uB: number,
  ratio: number,
): RelativeEdges | ShareInstead | null {
  const target = (edgesMs[uB] ?? 0) * ratio;
  const above = edgeAtOrAbove(edgesMs, target);
  const below = edgeAtOrBelow(edgesMs, target);
  if (below > uB && above !== -1) {
    return {
      kind: 'exact',
      breachEdge: { blue: uB, green: above },
      passEdge: { blue: uB, green: below },
    };
  }
  const slope = exceedanceSlope(edgesMs, le, uB);
  return slope === null ? null : { kind: 'share', edge: uB, r: ratio ** slope };
}

/** Mean log-log slope of the share above an edge, over the segments on both sides of it that hold requests. */
function exceedanceSlope(edgesMs: readonly number[], le: readonly number[], at: number): number | null {
  const total = le.at(-1) ?? 0;
  const point = (i: number) => {
    const edge = edgesMs[i];
    const beyond = total - (le[i] ?? total);
    return edge === undefined || beyond <= 0 ? null : { u: Math.log(edge), s: Math.log(beyond / total) };
  };
  const middle = point(at);
  if (middle === null) return null;
  const slopes = [point(at - 1), point(at + 1)].flatMap((other) =>
    other === null ? [] : [Math.max(0, (middle.s - other.s) / (other.u - middle.u))],
  );
  return slopes.length === 0 ? null : slopes.reduce((sum, slope) => sum + slope, 0) / slopes.length;
}
