/** Two-sided 95 %. */
const Z = 1.959964;

export interface Band {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/**
 * A share with Wilson's 95 % interval: what one point of a chart can tell by itself.
 *
 * Nothing is decided by it. Gates look often and judge by bounds that stay right however often one looks.
 *
 * @returns null where nothing was counted.
 */
export function shareBand(bad: number, requests: number): Band | null {
  if (requests === 0) return null;
  const value = bad / requests;
  const spread = Z ** 2 / requests;
  const middle = (value + spread / 2) / (1 + spread);
  const half = (Z * Math.sqrt((value * (1 - value) + spread / 4) / requests)) / (1 + spread);
  // Rounding must not push an end past the value itself, nor out of a share's range.
  return {
    value,
    low: Math.max(0, Math.min(value, middle - half)),
    high: Math.min(1, Math.max(value, middle + half)),
  };
}

/**
 * A latency quantile of a histogram, between bucket edges by straight interpolation.
 *
 * The band is the 95 % interval of the quantile's rank, carried through the same interpolation. Beyond the last edge
 * nothing is known: such a quantile is told as that edge, and whoever prints it says that it is more.
 *
 * @param counts - requests by bucket, `+Inf` last: one longer than `edgesMs`.
 * @returns milliseconds; null where nothing was counted.
 */
export function quantileBand(
  edgesMs: readonly number[],
  counts: readonly number[],
  quantile: number,
): Band | null {
  const requests = counts.reduce((sum, count) => sum + count, 0);
  if (requests === 0 || edgesMs.length === 0) return null;
  const half = Z * Math.sqrt((quantile * (1 - quantile)) / requests);
  const at = (share: number): number =>
    latencyAt(edgesMs, counts, Math.min(1, Math.max(0, share)) * requests);
  return { value: at(quantile), low: at(quantile - half), high: at(quantile + half) };
}

function latencyAt(edgesMs: readonly number[], counts: readonly number[], rank: number): number {
  let below = 0;
  for (const [i, edge] of edgesMs.entries()) {
    const inside = counts[i] ?? 0;
    if (inside > 0 && below + inside >= rank) {
      const from = i === 0 ? 0 : (edgesMs[i - 1] ?? 0);
      return from + ((edge - from) * Math.max(0, rank - below)) / inside;
    }
    below += inside;
  }
  return edgesMs.at(-1) ?? 0;
}

/** How many of `counts` lie above `edgeMs`, which has to be an edge. */
export function countAbove(edgesMs: readonly number[], counts: readonly number[], edgeMs: number): number {
  return counts.reduce((sum, count, i) => ((edgesMs[i] ?? Infinity) > edgeMs ? sum + count : sum), 0);
}
