import type { Difference, Totals } from './counters.js';

/** Requests of one arm that were counted, and none of which its histogram has. */
export interface Untimed {
  readonly sinceMs: number;
  readonly n: number;
}

/** Fewer may have been read between a counter and its histogram. */
const FEWEST = 20;

/** Only answers have a time: a gateway gives none to a request that failed before there was one. */
export function untimedAfter(
  before: Untimed | null,
  { status, look }: Difference,
  fromMs: number,
): Untimed | null {
  if ((look.le.at(-1) ?? 0) > 0) return null;
  const answered = look.n - look.errors;
  if (status !== 'ok' || answered === 0) return before;
  return { sinceMs: before?.sinceMs ?? fromMs, n: (before?.n ?? 0) + answered };
}

/** For how long an arm's requests have not been timed; null while they are. What has no histogram at all needs no waiting. */
export function untimedForMs(
  untimed: Untimed | null,
  base: Totals | null,
  nowMs: number,
  patienceMs: number,
): number | null {
  const forMs = nowMs - (untimed?.sinceMs ?? nowMs);
  if (base !== null && base.le.length === 0 && base.requests > base.errors) return forMs;
  return untimed !== null && untimed.n >= FEWEST && forMs > patienceMs ? forMs : null;
}
