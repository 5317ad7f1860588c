import type { Traffic } from '../../core/traffic.js';
import { type CellFacts, CLOCK_MS } from './facts.js';
import type { Victim } from './world.js';

export const ASKED = 'ActivityTaskScheduled setTraffic';
/** Who has a write in hand, and may lose what became of it. */
const THROUGH = ['worker', 'temporal', 'host', 'kube-apiserver', 'etcd'] satisfies readonly Victim[];
const OVER = /^ActivityTask(Completed|Failed|Canceled|TimedOut) setTraffic$/;

/**
 * What activities were asked to make of the traffic, one after the other: each may write once. One that was under way
 * when a part was killed that writes go through stands there twice: what its attempt had written may not be known to
 * the next.
 */
export function asked({
  events,
  victim,
  killedAtMs,
}: Pick<CellFacts, 'events' | 'victim' | 'killedAtMs'>): readonly Traffic[] {
  return events.flatMap(({ what, atMs, to }, i) => {
    if (what !== ASKED || to === undefined) return [];
    const over = events.find((event, j) => j > i && OVER.test(event.what));
    const cut =
      killedAtMs !== null &&
      THROUGH.some((part) => part === victim) &&
      atMs - CLOCK_MS <= killedAtMs &&
      (over === undefined || over.atMs + CLOCK_MS >= killedAtMs);
    return cut ? [to, to] : [to];
  });
}
