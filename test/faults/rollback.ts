import type { Seen } from './points.js';
import { ASKED } from './writes.js';

const READ_BACK = 'ActivityTaskCompleted setTraffic';
/** A person's word. What was under way may end after it: that is waiting. */
const TOLD = 'WorkflowExecutionUpdateAccepted';
/** A breach, or a step that failed. */
const DECIDED = /^(ActivityTaskCompleted watch|ActivityTask(Failed|TimedOut) .*)$/;
/** Shorter ones are work. */
const WAIT_MS = 500;

/**
 * The part of a history from the decision to roll back until the endpoint was read back. An activity that writes traffic
 * ends when the endpoint shows it: the last one that wrote took the rollout back.
 *
 * @returns empty where nothing was taken back.
 */
export function rollbackIn(events: readonly Seen[]): readonly Seen[] {
  const back = events.findLastIndex(({ what }) => what === READ_BACK);
  const asked = events.findLastIndex(({ what }, i) => i < back && what === ASKED);
  const before = events.slice(0, Math.max(asked, 0));
  const told = before.findIndex(({ what }) => what === TOLD);
  const decided = told < 0 ? before.findLastIndex(({ what }) => DECIDED.test(what)) : told;
  return decided < 0 ? [] : events.slice(decided, back + 1);
}

/** How long a rollback took by Temporal's clock, milliseconds; null = there was none. */
export function tookMs(rollback: readonly Seen[]): number | null {
  const [first] = rollback;
  return first === undefined ? null : Math.round((rollback.at(-1)?.atMs ?? 0) - first.atMs);
}

/** What a rollback waited for, in words: `5.0 s for WorkflowTaskTimedOut`; empty when it did not wait. */
export function waitsIn(rollback: readonly Seen[]): string {
  let nowMs = Infinity;
  return rollback
    .map(({ what, atMs }) => {
      const ms = atMs - nowMs;
      // An activity's start is written when it ends, and tells the time at which it was.
      nowMs = nowMs === Infinity ? atMs : Math.max(nowMs, atMs);
      return { what, ms };
    })
    .filter(({ ms }) => ms >= WAIT_MS)
    .map(({ what, ms }) => `${(ms / 1000).toFixed(1)} s for ${what}`)
    .join(', ');
}

/** The smallest that is not under so large a part of all; undefined without any. */
export function quantile(took: readonly number[], q: number): number | undefined {
  const sorted = [...took].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}
