import { unlessAborted } from '../unless-aborted.js';
import type { PrometheusClient } from './client.js';
import { Ledger, type RawSeries } from './ledger.js';

/** Totals of a set of counters at one moment. */
export interface Counted {
  /** Since when they were counted, milliseconds since the epoch: a full hour. */
  readonly sinceMs: number;
  readonly ledger: Ledger;
}

interface Book extends Counted {
  /** Up to when samples were taken in. */
  untilMs: number;
  usedMs: number;
}

const HOUR_MS = 3_600_000;
/** A new hour's book has some data from the start. */
const INTO_THE_HOUR_MS = 120_000;
/** Largest span of one query. */
const SPAN_MS = 600_000;
/** Read twice, for samples that were stored late. */
const OVERLAP_MS = 15_000;
/** Readers within this time share one reading. */
const SHARED_MS = 500;
const SETTLE_MS = 2_000;
const IDLE_MS = 600_000;

/**
 * Reads counters, from the last full hour up to a moment that is settled, all queries up to the same moment.
 *
 * The hour makes totals a matter of the data alone: a worker that takes over goes on with the same ones, and reads an
 * hour of samples at most. What was read stays in memory; the next reading asks only for what is new.
 */
export class CounterReader {
  readonly settleMs: number;
  readonly #client: Pick<PrometheusClient, 'samples'>;
  readonly #now: () => number;
  readonly #books = new Map<string, Book>();
  readonly #reading = new Map<string, Promise<Counted>>();

  constructor(
    client: Pick<PrometheusClient, 'samples'>,
    options: { readonly settleMs?: number; readonly now?: () => number },
  ) {
    this.#client = client;
    this.settleMs = options.settleMs ?? SETTLE_MS;
    this.#now = options.now ?? Date.now;
  }

  /** @throws {PortError} what Prometheus said; the signal's reason. */
  read(queries: readonly string[], signal?: AbortSignal): Promise<Counted> {
    const all = [...new Set(queries)].sort();
    const key = all.join('\n');
    const running = this.#reading.get(key) ?? this.#upToDate(key, all);
    this.#reading.set(key, running);
    const done = () => {
      if (this.#reading.get(key) === running) this.#reading.delete(key);
    };
    running.then(done, done);
    return unlessAborted(running, signal);
  }

  async #upToDate(key: string, queries: readonly string[]): Promise<Counted> {
    const nowMs = this.#now();
    this.#forgetIdle(nowMs);
    const untilMs = nowMs - this.settleMs;
    const sinceMs = Math.floor((untilMs - INTO_THE_HOUR_MS) / HOUR_MS) * HOUR_MS;
    const before = this.#books.get(key);
    const book: Book =
      before?.sinceMs === sinceMs
        ? before
        : { sinceMs, untilMs: sinceMs, usedMs: nowMs, ledger: new Ledger() };
    book.usedMs = nowMs;
    while (book.untilMs === sinceMs || untilMs - book.untilMs >= SHARED_MS) {
      const fromMs = Math.max(sinceMs, book.untilMs - OVERLAP_MS);
      const toMs = Math.min(untilMs, book.untilMs + SPAN_MS);
      // Taken in only once every query was answered: a book never holds a part of a span.
      book.ledger.take(await this.#samples(queries, fromMs, toMs));
      book.untilMs = toMs;
      this.#books.set(key, book);
    }
    return book;
  }

  async #samples(
    queries: readonly string[],
    fromMs: number,
    toMs: number,
  ): Promise<ReadonlyMap<string, readonly RawSeries[]>> {
    const answers = await Promise.all(
      queries.map(async (query) => [query, await this.#client.samples(query, fromMs, toMs)] as const),
    );
    return new Map(answers);
  }

  #forgetIdle(nowMs: number): void {
    for (const [key, { usedMs }] of this.#books) if (nowMs - usedMs > IDLE_MS) this.#books.delete(key);
  }
}
