/**
 * Upper edges by default, milliseconds: 1 ms to 100 s, each about sqrt(1.1) times the one before, so that comparisons
 * in steps of 5 % fall on edges (the gates' buckets decide what can be asked at all).
 */
export function defaultEdgesMs(): readonly number[] {
  const growth = Math.sqrt(1.1);
  const edges = new Set<number>();
  for (let edge = 1; edge < 100_000; edge *= growth) edges.add(onBinEdge(edge));
  edges.add(100_000);
  return [...edges].sort((a, b) => a - b);
}

/**
 * Envoy keeps timings, whole milliseconds, in bins of two significant digits. Counts are exact at the bins' own edges
 * only.
 *
 * @throws {RangeError} for edges that do not ascend, or cut a bin in two.
 */
export function checkEdges(edgesMs: readonly number[]): void {
  edgesMs.forEach((edge, index) => {
    if (!(edge > (edgesMs[index - 1] ?? 0))) {
      throw new RangeError(`latency edges must ascend from above 0, got ${edgesMs.join(', ')}`);
    }
    if (onBinEdge(edge) !== edge) {
      throw new RangeError(`a latency edge must have two significant digits at most, got ${edge} ms`);
    }
  });
}

function onBinEdge(ms: number): number {
  if (ms < 10) return Math.round(ms);
  const unit = 10 ** (Math.floor(Math.log10(ms)) - 1);
  return Math.round(ms / unit) * unit;
}
