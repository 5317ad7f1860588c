/**
 * The latency edges that the gateway counts exactly, milliseconds: 1 ms to 100 s, each about sqrt(1.1) times the one
 * before, as numbers of two significant digits (whole milliseconds below 10).
 *
 * Envoy keeps timings in bins of two significant decimal digits, so only such edges have exact counts.
 */
export function latencyEdgesMs(): readonly number[] {
  const growth = Math.sqrt(1.1);
  const edges = new Set<number>();
  for (let edge = 1; edge < 100_000; edge *= growth)
    edges.add(Math.round(edge / binWidth(edge)) * binWidth(edge));
  edges.add(100_000);
  return [...edges].sort((a, b) => a - b);
}

/**
 * The bucket bounds that make Envoy count those edges.
 *
 * Envoy puts a whole bin under a bound as soon as the bin begins at or below it, and compares in floating point: a
 * bound of 100 counts 100 to 109 too, one of 110 (where 1.1 * 100 is a little more than 110) does not count 110 to 119.
 * A bound in the middle of the bin below the edge says the same thing without that gamble: 105 counts all under 110.
 */
export function envoyBucketBounds(): readonly number[] {
  return latencyEdgesMs().map((edge) => {
    // A shade below the edge: the bin that ends at 100 ms is 1 ms wide, the one that begins there 10 ms.
    return edge - binWidth(edge * 0.999) / 2;
  });
}

/** Width of the bin of Envoy's histogram that holds the value; 1 ms below 100, as timings are whole milliseconds. */
function binWidth(value: number): number {
  return value < 10 ? 1 : 10 ** (Math.floor(Math.log10(value)) - 1);
}
