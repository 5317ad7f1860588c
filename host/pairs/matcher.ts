import type { LogLine } from './log-line.js';

/** Requests and errors of answers whose other half is not known. */
interface Halves {
  readonly requests: number;
  readonly errors: number;
}

/** Mirrored requests by what became of both answers; `n01` = good from the live deployment, bad from the mirrored one. */
export interface Cells {
  readonly n00: number;
  readonly n01: number;
  readonly n10: number;
  readonly n11: number;
  readonly blue: Halves;
  readonly green: Halves;
}

/** Cells of two deployments, named by their clusters without the kind; `live` is empty where it is not known. */
export interface MatchedCells {
  readonly live: string;
  readonly mirror: string;
  readonly cells: Cells;
}

interface Pending {
  readonly atMs: number;
  /** Whose copy was sent. */
  mirror?: string;
  copyFailed?: boolean;
  /** `failed` null: the client left, and there is no answer to count. */
  live?: { readonly from: string; readonly failed: boolean | null };
}

const NONE: Cells = {
  ...{ n00: 0, n01: 0, n10: 0, n11: 0 },
  blue: { requests: 0, errors: 0 },
  green: { requests: 0, errors: 0 },
};
const UNKNOWN = '';

/** A copy is written down when it is sent, so it is known long before the live answer; one look more is plenty. */
const UNMIRRORED_AFTER_MS = 5_000;
/** Longer than any request may take: nothing that still ends is given up. */
const LOST_AFTER_MS = 600_000;
/** About 50 MB; a thousand copies a second that all hang for three minutes are more. */
const MOST_PENDING = 150_000;

/**
 * Puts together what the live and the mirrored deployment answered to one request.
 *
 * Every answer to a request that was copied counts once: in its pair, or by itself as a half. Nothing is left out because
 * of what it was: a copy that runs out of time ends as a bad one, a live request whose client left has no answer (the
 * gateway's counters leave it out as well) and leaves a half of the mirrored deployment, and an answer whose other half has
 * not come after ten minutes is a half. Answers to requests that were copied before the first line are unknown, and
 * all of them are left out.
 *
 * Good means 200, as the gateway's counters have it.
 */
export class PairMatcher {
  readonly #pending = new Map<string, Pending>();
  readonly #cells = new Map<string, MatchedCells>();

  take(line: LogLine, nowMs: number): void {
    const known = this.#pending.get(line.id);
    if (line.kind === 'end') {
      if (known?.mirror === undefined) return;
      known.copyFailed = line.status !== 200;
      this.#settle(line.id, known);
      return;
    }
    const request = known ?? { atMs: nowMs };
    if (known === undefined) this.#pending.set(line.id, request);
    if (line.kind === 'start') {
      request.mirror = withoutKind(line.cluster);
    } else {
      const failed = line.status === 0 ? null : line.status !== 200;
      request.live = { from: withoutKind(line.cluster), failed };
    }
    this.#settle(line.id, request);
  }

  /** Gives up what will not come any more. */
  expire(nowMs: number): void {
    for (const [id, request] of this.#pending) {
      const ageMs = nowMs - request.atMs;
      if (ageMs < UNMIRRORED_AFTER_MS) return;
      const { mirror, live, copyFailed } = request;
      if (mirror === undefined) {
        this.#pending.delete(id);
      } else if (ageMs >= LOST_AFTER_MS) {
        this.#pending.delete(id);
        if (typeof live?.failed === 'boolean') this.#add(live.from, mirror, half('blue', live.failed));
        if (copyFailed !== undefined) this.#add(UNKNOWN, mirror, half('green', copyFailed));
      }
    }
  }

  /** More requests wait for an answer than are remembered: only a new beginning keeps every answer counted once. */
  get isFull(): boolean {
    return this.#pending.size > MOST_PENDING;
  }

  /** What has been counted so far. */
  counts(): readonly MatchedCells[] {
    return [...this.#cells.values()];
  }

  #settle(id: string, { mirror, live, copyFailed }: Pending): void {
    if (mirror === undefined || live === undefined || copyFailed === undefined) return;
    this.#pending.delete(id);
    this.#add(
      live.from,
      mirror,
      live.failed === null ? half('green', copyFailed) : pair(live.failed, copyFailed),
    );
  }

  #add(live: string, mirror: string, change: (cells: Cells) => Cells): void {
    const key = `${live}|${mirror}`;
    const { cells } = this.#cells.get(key) ?? { cells: NONE };
    this.#cells.set(key, { live, mirror, cells: change(cells) });
  }
}

function pair(liveFailed: boolean, copyFailed: boolean): (cells: Cells) => Cells {
  const cell = `n${liveFailed ? 1 : 0}${copyFailed ? 1 : 0}` as const;
  return (cells) => ({ ...cells, [cell]: cells[cell] + 1 });
}

function half(arm: 'blue' | 'green', failed: boolean): (cells: Cells) => Cells {
  return (cells) => ({
    ...cells,
    [arm]: { requests: cells[arm].requests + 1, errors: cells[arm].errors + (failed ? 1 : 0) },
  });
}

/** `workspace~endpoint~deployment~kind` without the kind. */
function withoutKind(cluster: string): string {
  return cluster.slice(0, cluster.lastIndexOf('~'));
}
