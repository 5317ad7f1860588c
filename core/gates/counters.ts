import type { Counters, MetricsSnapshot, PairCounts, TrafficKind } from '../metrics.js';
import { plausible } from './events.js';
import type { ArmLook, ArmStatus } from './types.js';

/** Totals of one arm that differences are taken from. */
export type Totals = Pick<Counters, 'requests' | 'errors' | 'le'> & {
  /** Since when they were counted, where the source says so. */
  readonly sinceMs?: number;
};

/** One reading of both arms. */
export interface Reading {
  readonly atMs: number;
  /** Age of the newest data, milliseconds; Infinity where the source did not answer. */
  readonly ageMs: number;
  /** How often the source has new data, milliseconds; default 0, at every reading. */
  readonly everyMs?: number;
  /** Of a source that gathers, how far data that counts as new is behind, milliseconds; left out of one that tells of now. */
  readonly behindMs?: number;
  /** Since when the totals were counted; totals with different ones have no difference. */
  readonly sinceMs?: number;
  readonly edgesMs: readonly number[];
  readonly blue: Counters | null;
  readonly green: Counters | null;
  /** Of mirrored requests, where the source knows which answers belong together. */
  readonly pairs?: PairCounts;
}

/** Whose requests are compared: a deployment, and how its requests reached it. */
export interface Arm {
  readonly deployment: string;
  readonly kind: TrafficKind;
}

/** How a snapshot's times are those of a reading: a source that is always minutes behind is not stale for it. */
export function timesOf({
  atMs,
  ageMs,
  cadence,
  sinceMs,
}: Pick<MetricsSnapshot, 'atMs' | 'ageMs' | 'cadence' | 'sinceMs'>): Pick<
  Reading,
  'atMs' | 'ageMs' | 'everyMs' | 'behindMs' | 'sinceMs'
> {
  return {
    atMs,
    ageMs: Math.max(0, ageMs - (cadence?.behindMs ?? 0)),
    ...cadence,
    ...(sinceMs === undefined ? {} : { sinceMs }),
  };
}

/** Picks both arms out of a snapshot. `blue` is null once there is no baseline any more. */
export function readingOf(
  snapshot: MetricsSnapshot,
  arms: { readonly blue: Arm | null; readonly green: Arm },
): Reading {
  const pairs = snapshot.pairs?.[arms.green.deployment];
  const pick = (arm: Arm | null) => (arm && snapshot.deployments[arm.deployment]?.[arm.kind]) ?? null;
  return {
    ...timesOf(snapshot),
    edgesMs: snapshot.edgesMs,
    blue: pick(arms.blue),
    green: pick(arms.green),
    ...(pairs && arms.green.kind === 'mirror' && arms.blue && { pairs }),
  };
}

/**
 * Totals of an arm with the gates' own buckets; null where they cannot be true (negative, not a number, more errors
 * than requests, buckets that shrink, more than a counter can count).
 *
 * A histogram with other edges than the gates' is left out: errors can still be judged.
 */
export function totalsOf(
  counters: Counters,
  edgesMs: readonly number[],
  gateEdgesMs: readonly number[],
): Totals | null {
  const arm = { n: counters.requests, errors: counters.errors, le: counters.le };
  if (!plausible(arm)) return null;
  const same = edgesMs.length === gateEdgesMs.length && edgesMs.every((edge, i) => edge === gateEdgesMs[i]);
  const le = same && counters.le.length === edgesMs.length + 1 ? counters.le : [];
  return { requests: counters.requests, errors: counters.errors, le };
}

export interface Difference {
  readonly status: ArmStatus;
  readonly look: ArmLook;
}

export const NO_DATA: ArmLook = { n: 0, errors: 0, le: [] };

/** What happened between two readings. Any counter that went back means a restart: its difference tells nothing. */
export function difference(from: Totals, to: Totals): Difference {
  const histogram = from.le.length === to.le.length;
  const look: ArmLook = {
    n: to.requests - from.requests,
    errors: to.errors - from.errors,
    le: histogram ? to.le.map((value, i) => value - (from.le[i] ?? 0)) : [],
  };
  if (look.n < 0 || look.errors < 0 || look.le.some((value) => value < 0))
    return { status: 'reset', look: NO_DATA };
  // Counters that were not read at one instant: the next, longer difference mends it.
  return plausible(look) ? { status: 'ok', look } : { status: 'missing', look: NO_DATA };
}
