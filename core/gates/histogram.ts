/** A histogram of the baseline: shares above the edges are known, between them they are interpolated. */
export interface Histogram {
  readonly edgesMs: readonly number[];
  /** Cumulative counts, `+Inf` last. */
  readonly le: readonly number[];
}

/**
 * Share of requests slower than `ms`, by log-log interpolation between edges: for forecasts, never for a decision.
 *
 * Below the first edge it runs straight to 1 at 0 ms; beyond the last one it goes on as steeply as before it.
 */
export function shareAbove({ edgesMs, le }: Histogram, ms: number): number {
  const total = le.at(-1) ?? 0;
  if (total === 0 || edgesMs.length === 0) return 0;
  const share = (i: number) => Math.max((total - (le[i] ?? total)) / total, 0.5 / total);
  const next = edgesMs.findIndex((edge) => edge >= ms);
  const first = edgesMs[0] ?? 0;
  if (next === 0) return 1 - (1 - share(0)) * (ms / first);
  const right = next === -1 ? edgesMs.length - 1 : next;
  const left = right - 1;
  const from = edgesMs[left];
  const to = edgesMs[right];
  if (from === undefined || to === undefined) return share(0) * (first / ms);
  const slope = Math.log(share(right) / share(left)) / Math.log(to / from);
  return Math.min(1, share(left) * (ms / from) ** slope);
}
