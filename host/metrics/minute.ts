import type { ClusterCounts } from './envoy-stats.js';

/** What one deployment did in one minute. */
export interface MinuteRecord {
  /** Begin of the minute, milliseconds since the epoch. */
  readonly atMs: number;
  readonly workspace: string;
  readonly endpoint: string;
  readonly deployment: string;
  /** Requests by the status that clients saw and the one that the model server gave (`''` when it gave none). */
  readonly requests: readonly { readonly status: string; readonly model: string; readonly count: number }[];
  readonly latency?: Latency;
  readonly bytesPerSecond: number;
  /** Percent of one core per instance, on average; of the machine's memory. */
  readonly cpuPercent: number;
  readonly memoryPercent: number;
  readonly instances: Readonly<Record<string, number>>;
}

/** Milliseconds. */
export interface Latency {
  readonly average: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
}

const CODES = {
  managed: { model: '424', timeout: '408', overload: '429' },
  kubernetes: { model: '502', timeout: '504', overload: '503' },
} as const;

/** Requests as clients saw them, out of what Envoy's cluster counted; the mapping is that of front-end.ts. */
export function requestsOf(counts: ClusterCounts, kind: 'managed' | 'kubernetes'): MinuteRecord['requests'] {
  const codes = CODES[kind];
  const requests: { status: string; model: string; count: number }[] = [];
  const add = (status: string, model: string, count: number): void => {
    if (count > 0) requests.push({ status, model, count });
  };
  add(codes.timeout, '', counts.timeouts);
  add(codes.overload, '', counts.overflows);
  for (const [status, count] of Object.entries(counts.statuses)) {
    const own = status === '504' ? counts.timeouts : status === '503' ? counts.overflows : 0;
    add(status === '200' ? '200' : codes.model, status, count - own);
  }
  return requests;
}

/** @returns undefined without any timing. Quantiles lie inside a bin as if its timings were evenly spread. */
export function latencyOf(bins: ClusterCounts['bins']): Latency | undefined {
  const total = bins.reduce((all, [, , count]) => all + count, 0);
  if (total === 0) return undefined;
  const sum = bins.reduce((all, [lower, width, count]) => all + (lower + width / 2) * count, 0);
  const quantile = (share: number): number => {
    let left = share * total;
    for (const [lower, width, count] of bins) {
      if (left <= count) return lower + (width * left) / count;
      left -= count;
    }
    const [lower = 0, width = 0] = bins.at(-1) ?? [];
    return lower + width;
  };
  return {
    average: sum / total,
    ...{ p50: quantile(0.5), p90: quantile(0.9), p95: quantile(0.95), p99: quantile(0.99) },
  };
}
