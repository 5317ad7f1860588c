/** Latency of a simulated model: lognormal, median 100 ms, sigma 0.5 (p95 228 ms, p99 320 ms). */
const MEDIAN_MS = 100;
const SIGMA = 0.5;

/** Edges of the simulated source: a ladder whose second step is 10%, from a tenth of 500 ms to ten times it. */
export const EDGES_MS: readonly number[] = Array.from({ length: 98 }, (_, i) => 50 * 1.1 ** (i / 2));

/** Share of requests slower than `ms` when everything takes `by` times as long. */
export function slowerThan(ms: number, by = 1): number {
  const z = Math.log(ms / (MEDIAN_MS * by)) / SIGMA;
  return z > 0 ? upperTail(z) : 1 - upperTail(-z);
}

/** Upper tail of the standard normal, z >= 0. */
function upperTail(z: number): number {
  const x = z / Math.SQRT2;
  if (x < 2) {
    let sum = x;
    let term = x;
    for (let n = 1; n < 60; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return 0.5 - sum / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let k = 40; k > 0; k--) fraction = k / 2 / (x + fraction);
  return (0.5 * Math.exp(-x * x)) / Math.sqrt(Math.PI) / (x + fraction);
}

/** What Envoy has unless it is told otherwise, as far as these latencies go. */
export const STOCK_EDGES_MS: readonly number[] = [0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000];

const shares = new Map<readonly number[], Map<number, readonly number[]>>();

/** Share of requests in each bucket, `+Inf` last. */
export function bucketShares(by: number, edgesMs: readonly number[]): readonly number[] {
  const ofEdges = shares.get(edgesMs) ?? new Map<number, readonly number[]>();
  shares.set(edgesMs, ofEdges);
  const known = ofEdges.get(by);
  if (known) return known;
  const above = edgesMs.map((edge) => slowerThan(edge, by));
  const made = [...above, 0].map((share, i) => (above[i - 1] ?? 1) - share);
  ofEdges.set(by, made);
  return made;
}

/** Quantile as a monitoring system gives it: interpolated inside its bucket. null without requests. */
export function interpolatedQuantile(le: readonly number[], quantile: number): number | null {
  const total = le.at(-1) ?? 0;
  if (total === 0) return null;
  const rank = quantile * total;
  const i = le.findIndex((count) => count >= rank);
  const to = EDGES_MS[i];
  if (to === undefined) return EDGES_MS.at(-1) ?? null;
  const from = EDGES_MS[i - 1] ?? 0;
  const before = le[i - 1] ?? 0;
  const inside = (le[i] ?? 0) - before;
  return from + ((to - from) * (rank - before)) / (inside === 0 ? 1 : inside);
}
