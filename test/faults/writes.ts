import type { Traffic } from '../../core/traffic.js';
import { CLOCK_MS } from './facts.js';
import type { Seen } from './points.js';

export const ASKED = 'ActivityTaskScheduled setTraffic';
const OVER = /^ActivityTask(Completed|Failed|Canceled|TimedOut) setTraffic$/;

/**
 * What activities were asked to make of the traffic, one after the other: each may write once. One that was under way at
 * the kill stands there twice, since what its attempt had written may not be known to the next.
 */
export function asked(events: readonly Seen[], killedAtMs: number | null): readonly Traffic[] {
  return events.flatMap(({ what, atMs, to }, i) => {
    if (what !== ASKED || to === undefined) return [];
    const over = events.find((event, j) => j > i && OVER.test(event.what));
    const cut =
      killedAtMs !== null &&
      atMs - CLOCK_MS <= killedAtMs &&
      (over === undefined || over.atMs + CLOCK_MS >= killedAtMs);
    return cut ? [to, to] : [to];
  });
}
