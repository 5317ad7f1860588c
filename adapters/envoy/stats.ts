import { z } from 'zod';

/** One bin of a histogram: `count` timings from `lower` up to, not including, `lower + width` milliseconds. */
export interface Bin {
  readonly lower: number;
  readonly width: number;
  readonly count: number;
}

/** One answer of Envoy's `/stats`, by the statistic's full name. */
export interface Stats {
  readonly values: ReadonlyMap<string, number>;
  readonly histograms: ReadonlyMap<string, readonly Bin[]>;
}

const Count = z.number().int().min(0);

const Value = z.object({ name: z.string(), value: Count });

const Histogram = z.object({
  name: z.string(),
  totals: z.array(z.object({ lower_bound: z.number(), width: z.number(), count: Count })),
});

// Histograms come as one more entry of the same list. Without any there is an empty list instead of `details`.
const Histograms = z.object({ histograms: z.object({ details: z.array(Histogram).optional() }) });

const StatsBody = z.object({ stats: z.array(z.union([Value, Histograms])) });

/**
 * Reads the body of `/stats?format=json&histogram_buckets=detailed`.
 *
 * Detailed, because the other forms leave out how many timings lie above the highest bucket, and because its bins are
 * Envoy's own and need no configuration on Envoy's side.
 *
 * @throws {z.ZodError} for any other body.
 */
export function parseStats(body: unknown): Stats {
  const values = new Map<string, number>();
  const histograms = new Map<string, readonly Bin[]>();
  for (const entry of StatsBody.parse(body).stats) {
    if ('value' in entry) {
      values.set(entry.name, entry.value);
      continue;
    }
    for (const { name, totals } of entry.histograms.details ?? []) {
      histograms.set(
        name,
        totals.map((bin) => ({ lower: bin.lower_bound, width: bin.width, count: bin.count })),
      );
    }
  }
  return { values, histograms };
}

/**
 * Timings of at most each edge, and last all of them.
 *
 * @param edgesMs - ascending; none of them inside a bin.
 */
export function cumulative(bins: readonly Bin[], edgesMs: readonly number[]): number[] {
  const le = new Array<number>(edgesMs.length + 1).fill(0);
  for (const bin of bins) {
    // The middle, because 6.9 + 0.1 is not quite 7; no edge lies between it and the bin's end.
    const at = firstAbove(edgesMs, bin.lower + bin.width / 2);
    le[at] = (le[at] ?? 0) + bin.count;
  }
  for (let i = 1; i < le.length; i++) le[i] = (le[i] ?? 0) + (le[i - 1] ?? 0);
  return le;
}

/** Index of the first edge above `ms`; `edgesMs.length` when there is none. */
function firstAbove(edgesMs: readonly number[], ms: number): number {
  let low = 0;
  let high = edgesMs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((edgesMs[middle] ?? Infinity) > ms) high = middle;
    else low = middle + 1;
  }
  return low;
}
