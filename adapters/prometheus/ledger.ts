/** The samples of one series as they were scraped: milliseconds since the epoch, ascending, and values. */
export interface RawSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly (readonly [atMs: number, value: number])[];
}

/** What one series counted since the ledger's begin. */
export interface Tally {
  readonly labels: Readonly<Record<string, string>>;
  readonly total: number;
  /** When it was last scraped, milliseconds since the epoch. */
  readonly lastMs: number;
  /** Its value then: what a gauge says. */
  readonly last: number;
}

interface Entry extends Tally {
  total: number;
  lastMs: number;
  last: number;
  /** What it had counted at its first sample, while nothing tells since when. */
  begun: { readonly atMs: number; readonly value: number } | null;
}

/** A series of one span, and when it first had a sample, which may be long before. */
interface Met {
  readonly firstMs: number;
  readonly samples: RawSeries['samples'];
}

/** Gaps between scrapes that the usual one is taken from. */
const GAPS = 32;

/**
 * Adds up counters from their raw samples, series by series: exactly what was counted, whatever restarts.
 *
 * - A value below the one before it is a process that started anew: what it counted since then is added.
 * - A series that ends (its instance is gone) keeps what it counted; a sum over instances would fall.
 * - A series that appears beside others of its instance that go on, such as the first answer with a 503, counts from 0.
 *   At an instance that was never scraped before, nothing says since when it has counted, so that its first sample is
 *   only where counting starts. Nor does anything where all that was there ends: they are the same counters under other
 *   labels (a relabelling, a pod's label), and have counted since their process began.
 * - Samples that are not newer than the last one of their series are left out: what a lagging replica tells, or what is
 *   read twice.
 *
 * The result depends on the samples alone, not on how they were cut into readings: two workers get the same totals.
 */
export class Ledger {
  readonly #entries = new Map<string, Map<string, Entry>>();
  /** When each series of each scraped instance first had a sample. */
  readonly #instances = new Map<string, Map<string, number>>();
  readonly #gaps: number[] = [];

  /** Takes in the samples of one span of time, by query. Spans must come in order, and may overlap. */
  take(samples: ReadonlyMap<string, readonly RawSeries[]>): void {
    const met = new Map<string, Met[]>();
    for (const series of samples.values()) for (const each of series) this.#meet(each, met);
    for (const [query, series] of samples) {
      const entries = this.#entries.get(query) ?? new Map<string, Entry>();
      this.#entries.set(query, entries);
      for (const each of series) this.#add(entries, each, met.get(instanceOf(each.labels)) ?? []);
    }
  }

  /** Every series that a query ever matched. */
  tallies(query: string): readonly Tally[] {
    return [...(this.#entries.get(query)?.values() ?? [])];
  }

  /** The usual time between two scrapes, milliseconds; null while no series was scraped twice. */
  everyMs(): number | null {
    return [...this.#gaps].sort((a, b) => a - b)[this.#gaps.length >> 1] ?? null;
  }

  #meet({ labels, samples }: RawSeries, met: Map<string, Met[]>): void {
    const first = samples.find(([, value]) => isCount(value));
    if (first === undefined) return;
    const instance = instanceOf(labels);
    const firsts = this.#instances.get(instance) ?? new Map<string, number>();
    const key = keyOf(labels);
    const firstMs = Math.min(first[0], firsts.get(key) ?? Infinity);
    this.#instances.set(instance, firsts.set(key, firstMs));
    const others = met.get(instance) ?? [];
    others.push({ firstMs, samples });
    met.set(instance, others);
  }

  #add(entries: Map<string, Entry>, { labels, samples }: RawSeries, beside: readonly Met[]): void {
    const key = keyOf(labels);
    for (const [atMs, value] of samples) {
      if (!isCount(value)) continue;
      const entry = entries.get(key);
      if (entry === undefined) {
        entries.set(key, { labels, lastMs: atMs, last: value, total: 0, begun: { atMs, value } });
        continue;
      }
      if (atMs <= entry.lastMs) continue;
      this.#gaps.push(atMs - entry.lastMs);
      if (this.#gaps.length > GAPS) this.#gaps.shift();
      entry.total += value >= entry.last ? value - entry.last : value;
      entry.last = value;
      entry.lastMs = atMs;
    }
    const entry = entries.get(key);
    if (entry !== undefined) settle(entry, samples, beside);
  }
}

/** By its second sample at the latest: whoever was there before and goes on has had another one by then. */
function settle(entry: Entry, samples: RawSeries['samples'], beside: readonly Met[]): void {
  const { begun } = entry;
  if (begun === null) return;
  const second = samples.find(([atMs, value]) => atMs > begun.atMs && isCount(value));
  const untilMs = second?.[0] ?? Infinity;
  const from0 = beside.some(
    (other) =>
      other.firstMs < begun.atMs &&
      (other.samples.at(-1)?.[0] ?? 0) >= begun.atMs &&
      other.samples.some(([atMs, value]) => atMs >= begun.atMs && atMs <= untilMs && isCount(value)),
  );
  if (from0) entry.total += begun.value;
  if (from0 || second !== undefined) entry.begun = null;
}

function isCount(value: number): boolean {
  return Number.isFinite(value) && value >= 0;
}

/** What Prometheus scrapes has these two labels; other sources may have neither, and are one instance then. */
function instanceOf(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify([labels['job'] ?? '', labels['instance'] ?? '']);
}

function keyOf(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(
    Object.entries(labels)
      .map(([name, value]) => [name, name === 'le' ? edgeText(value) : value] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** Prometheus 3 writes `1.0` where 2 wrote `1`: the bucket is the same one. */
function edgeText(le: string): string {
  const edge = Number(le);
  return le === '' || Number.isNaN(edge) ? le : String(edge);
}
