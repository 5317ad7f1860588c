/** How a request reached a deployment: by its live share, as a mirrored copy, or pinned by header. */
export const TRAFFIC_KINDS = ['live', 'mirror', 'direct'] as const;
export type TrafficKind = (typeof TRAFFIC_KINDS)[number];

/**
 * Cumulative counters of one deployment and one kind of traffic, since the source began to count.
 *
 * `le[i]` is the number of requests that took at most `edgesMs[i]`; the last entry is `+Inf`, so `le` is one longer
 * than `edgesMs`. A source without histograms gives `le: []` and `edgesMs: []`.
 */
export interface Counters {
  readonly requests: number;
  /** Requests that the target counts as errors of the model or its serving, never the caller's own. */
  readonly errors: number;
  readonly le: readonly number[];
  /** Requests that were sent and are not answered yet; null where the source cannot tell: then see {@link isDrained}. */
  readonly active: number | null;
  /**
   * How much older its newest data is than the newest of its snapshot, milliseconds, where its instances are asked at moments
   * of their own. Left out: not at all.
   */
  readonly olderByMs?: number;
}

/**
 * Mirrored requests by what became of their two answers, since the source began to count: `n01` = good from the live
 * deployment, bad from the mirrored one; `n10` the other way round.
 *
 * A source that gives it counts every answer to a mirrored request once: in its pair, or, where the other half was lost,
 * or came too late to be found, as a half of `blue` (live) or `green` (mirrored). Whether a copy was sent must not be told by
 * its answer: a copy that hangs leaves a half of `blue` behind, and nothing is paired that was not sent twice.
 */
export interface PairCounts {
  /** Since when these were counted: another moment is another series, and there is no difference of the two. */
  readonly sinceMs?: number;
  readonly n00: number;
  readonly n01: number;
  readonly n10: number;
  readonly n11: number;
  readonly blue: Pick<Counters, 'requests' | 'errors'>;
  readonly green: Pick<Counters, 'requests' | 'errors'>;
}

/** Fewer requests of a deployment do not tell how it is. */
export const ENOUGH_REQUESTS = 500;

/** One reading of a metric source. */
export interface MetricsSnapshot {
  /** When the source was read, milliseconds since the epoch. */
  readonly atMs: number;
  /** Age of the newest data in it, milliseconds. */
  readonly ageMs: number;
  /**
   * Of a source that gathers by the minute, milliseconds: how often it has new data, and how far these are behind while
   * all is well. Left out: new data at every reading, and none behind.
   */
  readonly cadence?: { readonly everyMs: number; readonly behindMs: number };
  /**
   * Since when the totals were counted, of a source that begins anew on purpose, milliseconds since the epoch. Totals
   * with different ones have no difference. Left out: since the source began to count.
   */
  readonly sinceMs?: number;
  /** Upper bucket edges of every histogram in this snapshot, ascending, milliseconds, without +Inf. */
  readonly edgesMs: readonly number[];
  /** By deployment, then kind of traffic. Missing = the source knows nothing of it (yet). */
  readonly deployments: Readonly<Record<string, Readonly<Partial<Record<TrafficKind, Counters>>>>>;
  /** By mirrored deployment, of a source that can tell which answers belong together. */
  readonly pairs?: Readonly<Record<string, PairCounts>>;
  /** What gates with a metric of the user's own count, where the plan has any and their source answers. */
  readonly own?: OwnSnapshot;
}

/** PromQL selectors of counters of the user's own, each with `$deployment` in it. */
export type OwnQuery =
  | { readonly bad: string; readonly good: string }
  | { readonly bad: string; readonly total: string }
  /** A classic histogram, with its `le`. */
  | { readonly buckets: string };

/** Cumulative events of one deployment: how many (`requests`), how many of them bad (`errors`), values by bucket (`le`). */
export type OwnTotals = Pick<Counters, 'requests' | 'errors' | 'le' | 'olderByMs'>;

/** One reading of the user's own metrics: its times are its own. */
export interface OwnSnapshot extends Pick<MetricsSnapshot, 'atMs' | 'ageMs' | 'cadence' | 'sinceMs'> {
  /** By gate. A deployment without usable data is missing. */
  readonly metrics: Readonly<
    Record<
      string,
      {
        /** Upper bucket edges, ascending, in the metric's own unit, without +Inf; empty for good and bad events. */
        readonly edges: readonly number[];
        readonly deployments: Readonly<Record<string, OwnTotals>>;
      }
    >
  >;
}
