import { z } from 'zod';

/** What Envoy has counted for one cluster since it began. */
export interface ClusterCounts {
  /** Outcomes by status, Envoy's own ones (504 timeout, 503 overflow) included. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly timeouts: number;
  readonly overflows: number;
  readonly bytes: number;
  /** Timings: `[lower bound, width, count]` per bin, milliseconds. */
  readonly bins: readonly (readonly [lower: number, width: number, count: number])[];
}

/** What is of the moment. */
export interface ClusterSample extends ClusterCounts {
  /** Requests that are in it, those that wait for a connection included. */
  readonly active: number;
}

const Body = z.object({
  stats: z.array(
    z.union([
      z.object({ name: z.string(), value: z.number() }),
      z.object({
        histograms: z.object({
          details: z
            .array(
              z.object({
                name: z.string(),
                totals: z.array(z.object({ lower_bound: z.number(), width: z.number(), count: z.number() })),
              }),
            )
            .optional(),
        }),
      }),
    ]),
  ),
});

/** Statistics that {@link parseSample} reads, for Envoy's `filter`. */
export const SAMPLE_FILTER =
  '^cluster\\..*~(live|direct|mirror)\\.(upstream_rq_(\\d+|timeout|pending_overflow|active|pending_active|time)|upstream_cx_(rx|tx)_bytes_total)$';

type Building = { -readonly [K in keyof ClusterSample]: ClusterSample[K] } & {
  statuses: Record<string, number>;
};

/** Reads `/stats?format=json&histogram_buckets=detailed` into samples by cluster name. */
export function parseSample(body: unknown): ReadonlyMap<string, ClusterSample> {
  const clusters = new Map<string, Building>();
  const at = (name: string): { readonly cluster: Building; readonly stat: string } => {
    const [, clusterName = '', stat = ''] = /^cluster\.(.*)\.([^.]+)$/.exec(name) ?? [];
    const known = clusters.get(clusterName);
    const cluster = known ?? { statuses: {}, timeouts: 0, overflows: 0, bytes: 0, bins: [], active: 0 };
    if (!known) clusters.set(clusterName, cluster);
    return { cluster, stat };
  };
  for (const entry of Body.parse(body).stats) {
    if ('value' in entry) {
      const { cluster, stat } = at(entry.name);
      addValue(cluster, stat, entry.value);
      continue;
    }
    for (const { name, totals } of entry.histograms.details ?? []) {
      at(name).cluster.bins = totals.map((bin) => [bin.lower_bound, bin.width, bin.count] as const);
    }
  }
  return clusters;
}

function addValue(cluster: Building, stat: string, value: number): void {
  const status = /^upstream_rq_(\d{3})$/.exec(stat)?.[1];
  if (status !== undefined) cluster.statuses[status] = value;
  else if (stat === 'upstream_rq_timeout') cluster.timeouts = value;
  else if (stat === 'upstream_rq_pending_overflow') cluster.overflows = value;
  else if (stat.endsWith('active')) cluster.active += value;
  else if (stat.startsWith('upstream_cx_')) cluster.bytes += value;
}

export const NOTHING: ClusterCounts = { statuses: {}, timeouts: 0, overflows: 0, bytes: 0, bins: [] };

/** What was counted between two looks; a counter that went back began anew in between. */
export function difference(now: ClusterCounts, before: ClusterCounts): ClusterCounts {
  const earlier = new Map(before.bins.map(([lower, , count]) => [lower, count]));
  const since = (after: number, first: number): number => (after >= first ? after - first : after);
  return {
    statuses: Object.fromEntries(
      Object.entries(now.statuses).map(([status, count]) => [
        status,
        since(count, before.statuses[status] ?? 0),
      ]),
    ),
    timeouts: since(now.timeouts, before.timeouts),
    overflows: since(now.overflows, before.overflows),
    bytes: since(now.bytes, before.bytes),
    bins: now.bins
      .map(([lower, width, count]) => [lower, width, since(count, earlier.get(lower) ?? 0)] as const)
      .filter(([, , count]) => count > 0),
  };
}

/** Puts two counts together. */
export function sum(a: ClusterCounts, b: ClusterCounts): ClusterCounts {
  const statuses: Record<string, number> = { ...a.statuses };
  for (const [status, count] of Object.entries(b.statuses))
    statuses[status] = (statuses[status] ?? 0) + count;
  const bins = new Map(a.bins.map((bin) => [bin[0], bin]));
  for (const [lower, width, count] of b.bins)
    bins.set(lower, [lower, width, (bins.get(lower)?.[2] ?? 0) + count]);
  return {
    statuses,
    timeouts: a.timeouts + b.timeouts,
    overflows: a.overflows + b.overflows,
    bytes: a.bytes + b.bytes,
    bins: [...bins.values()].sort((x, y) => x[0] - y[0]),
  };
}
