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
}

/** Gaps between scrapes that the usual one is taken from. */
const GAPS = 32;

/**
 * Adds up counters from their raw samples, series by series: exactly what was counted, whatever restarts.
 *
 * - A value below the one before it is a process that started anew: what it counted since then is added.
 * - A series that ends (its instance is gone) keeps what it counted; a sum over instances would fall.
 * - A series that appears at an instance that was scraped before, such as the first answer with a 503, counts from 0.
 *   At an instance that was never scraped before, nothing says since when it has counted, so that its first sample is
 *   only where counting starts.
 * - Samples that are not newer than the last one of their series are left out: what a lagging replica tells, or what is
 *   read twice.
 *
 * The result depends on the samples alone, not on how they were cut into readings: two workers get the same totals.
 */
export class Ledger {
  readonly #entries = new Map<string, Map<string, Entry>>();
  /** When each scraped instance first had a sample. */
  readonly #instances = new Map<string, number>();
  readonly #gaps: number[] = [];

  /** Takes in the samples of one span of time, by query. Spans must come in order, and may overlap. */
  take(samples: ReadonlyMap<string, readonly RawSeries[]>): void {
    for (const series of samples.values()) for (const each of series) this.#meet(each);
    for (const [query, series] of samples) {
      const entries = this.#entries.get(query) ?? new Map<string, Entry>();
      this.#entries.set(query, entries);
      for (const each of series) this.#add(entries, each);
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

  #meet({ labels, samples }: RawSeries): void {
    const first = samples.find(([, value]) => isCount(value));
    if (first === undefined) return;
    const instance = instanceOf(labels);
    this.#instances.set(instance, Math.min(first[0], this.#instances.get(instance) ?? Infinity));
  }

  #add(entries: Map<string, Entry>, { labels, samples }: RawSeries): void {
    const key = keyOf(labels);
    for (const [atMs, value] of samples) {
      if (!isCount(value)) continue;
      const entry = entries.get(key);
      if (entry === undefined) {
        const known = (this.#instances.get(instanceOf(labels)) ?? atMs) < atMs;
        entries.set(key, { labels, lastMs: atMs, last: value, total: known ? value : 0 });
        continue;
      }
      if (atMs <= entry.lastMs) continue;
      this.#gaps.push(atMs - entry.lastMs);
      if (this.#gaps.length > GAPS) this.#gaps.shift();
      entry.total += value >= entry.last ? value - entry.last : value;
      entry.last = value;
      entry.lastMs = atMs;
    }
  }
}

function isCount(value: number): boolean {
  return Number.isFinite(value) && value >= 0;
}

/** What Prometheus scrapes has these two labels; other sources may have neither, and are one instance then. */
function instanceOf(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify([labels['job'] ?? '', labels['instance'] ?? '']);
}

function keyOf(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
