import { sameTraffic } from '../../core/traffic.js';
import { type CellFacts, killed } from './facts.js';
import type { Seen } from './points.js';
import { quantile } from './rollback.js';
import type { ReferenceSpec } from './specs.js';
import type { Victim } from './world.js';

/**
 * How long a rollback may take from its decision until it is read back, milliseconds.
 *
 * A worker's: ten seconds until its heartbeat is missed, and five for the look and the write of the next. The others by
 * 900 cells, two and three side by side on two cores, with some room: Temporal and the host are dead for half a second,
 * and start; a decision that was lost with Temporal is taken again after five seconds, and what the host did not answer is
 * asked again (longest seen: Temporal 5.3 s, host 10.9 s). Nobody has to wait for Envoy or a model server (longest seen: 3.1 s), nor without a kill.
 */
const SERVERS_MS = 5_000;
const CLUSTER_MS = 30_000;
const ROLLBACK_MS: Readonly<Record<Victim, number>> = {
  worker: 15_000,
  temporal: 12_000,
  host: 14_000,
  envoy: SERVERS_MS,
  green: SERVERS_MS,
  blue: SERVERS_MS,
  'envoy-gateway': CLUSTER_MS,
  'kube-apiserver': CLUSTER_MS,
  etcd: CLUSTER_MS,
  'kube-controller-manager': CLUSTER_MS,
  prometheus: CLUSTER_MS,
};

export function timeProblems(facts: CellFacts): readonly string[] {
  const { spec, rollbackMs, events } = facts;
  if (rollbackMs === null) return events.some(asksBack(spec)) ? ['its rollback was not timed'] : [];
  const limitMs = rollbackLimitMs(killed(facts));
  return rollbackMs <= limitMs ? [] : [`its rollback took ${rollbackMs} ms; at most ${limitMs} ms`];
}

/** @param victim - what was killed meanwhile; null = nothing. */
export function rollbackLimitMs(victim: Victim | null): number {
  return victim === null ? SERVERS_MS : ROLLBACK_MS[victim];
}

/** Forward, nothing is ever asked to be as it was. */
function asksBack({ way: [before] }: ReferenceSpec): (event: Seen) => boolean {
  return ({ to }) => to !== undefined && before !== undefined && sameTraffic(to, before);
}

/** Fewer rollbacks tell nothing of a quantile. */
const ENOUGH = 20;
const MEDIAN_MS = 1_000;
const P99_MS = 3_000;

/**
 * What is promised of rollbacks when nothing is killed, and was not kept.
 *
 * @param enough - there have to be enough of them to tell.
 */
export function undisturbedProblems(took: readonly number[], enough: boolean): readonly string[] {
  if (took.length < ENOUGH)
    return enough ? [`only ${took.length} rollbacks were timed; at least ${ENOUGH}`] : [];
  return (
    [
      [0.5, 'median', MEDIAN_MS],
      [0.99, 'p99', P99_MS],
    ] as const
  ).flatMap(([q, name, limitMs]) => {
    const ms = quantile(took, q) ?? 0;
    return ms <= limitMs
      ? []
      : [`the ${name} of ${took.length} rollbacks is ${ms} ms; at most ${limitMs} ms`];
  });
}
