import type { RecordedWindow } from '../core/decision-record.js';
import type { RecordedArm, RecordedLook } from '../core/gates/index.js';

/** What one deployment did during one stretch of time. */
export interface ArmCounts {
  readonly requests: number;
  readonly errors: number;
  /** Requests by bucket, `+Inf` last; empty where the source has no histogram. */
  readonly buckets: readonly number[];
}

/** A stretch of one window's time, and what both deployments did in it. null = no data of that deployment. */
export interface Bin {
  /** Index of the record's window. */
  readonly window: number;
  readonly stepIndex: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly blue: ArmCounts | null;
  readonly green: ArmCounts | null;
  /** By a metric of the user's own, by gate. */
  readonly own: Readonly<Record<string, Arms>>;
}

export interface Arms {
  readonly blue: ArmCounts | null;
  readonly green: ArmCounts | null;
}

/** So many points a chart shows at most, about: more are not seen, and make the page heavy. */
const MOST_BINS = 160;

/**
 * The looks of all windows, joined into bins of about equal length. A bin never crosses a window, so it lies within one
 * step and one set of shares. No request is lost or counted twice.
 */
export function binsOf(windows: readonly RecordedWindow[]): readonly Bin[] {
  const watchedMs = windows.reduce((sum, { looks }) => sum + secondsOf(looks) * 1000, 0);
  const binMs = watchedMs / MOST_BINS;
  return windows.flatMap((window, i) => windowBins(window, i, binMs));
}

function windowBins(window: RecordedWindow, index: number, binMs: number): readonly Bin[] {
  const { looks, endedAtMs, stepIndex } = window;
  const bins: Bin[] = [];
  // The last look is what the window ended by; the first one may span a gap before the window.
  let toMs = endedAtMs - secondsOf(looks) * 1000;
  let open: Bin | null = null;
  for (const look of looks) {
    const fromMs = toMs;
    toMs += look.dtSec * 1000;
    const next: Bin = {
      window: index,
      stepIndex,
      fromMs,
      toMs,
      ...armsOf(look, window.edgesMs.length),
      own: Object.fromEntries(
        Object.entries(look.own ?? {}).map(([gate, own]) => [
          gate,
          armsOf(own, window.ownEdges?.[gate]?.length ?? 0),
        ]),
      ),
    };
    open = open === null ? next : join(open, next);
    if (open.toMs - open.fromMs < binMs) continue;
    bins.push(open);
    open = null;
  }
  return open === null ? bins : [...bins, open];
}

function secondsOf(looks: RecordedWindow['looks']): number {
  return looks.reduce((sum, look) => sum + look.dtSec, 0);
}

function armsOf(look: Pick<RecordedLook, 'blue' | 'green'>, edges: number): Arms {
  return { blue: armOf(look.blue, edges), green: armOf(look.green, edges) };
}

function armOf(arm: RecordedArm, edges: number): ArmCounts | null {
  if (arm.status !== 'ok') return null;
  const inBucket = new Map(arm.buckets);
  const buckets = arm.timed ? Array.from({ length: edges + 1 }, (_, i) => inBucket.get(i) ?? 0) : [];
  return { requests: arm.n, errors: arm.errors, buckets };
}

function join(a: Bin, b: Bin): Bin {
  const gates = new Set([...Object.keys(a.own), ...Object.keys(b.own)]);
  return {
    ...a,
    toMs: b.toMs,
    ...joinBoth(a, b),
    own: Object.fromEntries([...gates].map((gate) => [gate, joinBoth(a.own[gate], b.own[gate])])),
  };
}

function joinBoth(a: Arms | undefined, b: Arms | undefined): Arms {
  const of = (arm: keyof Arms) => joinArms(a?.[arm] ?? null, b?.[arm] ?? null);
  return { blue: of('blue'), green: of('green') };
}

/** The sum of two counts, where both or one are there. */
export function joinArms(a: ArmCounts | null, b: ArmCounts | null): ArmCounts | null {
  if (a === null || b === null) return a ?? b;
  const longer = a.buckets.length >= b.buckets.length ? a.buckets : b.buckets;
  return {
    requests: a.requests + b.requests,
    errors: a.errors + b.errors,
    buckets: longer.map((_, i) => (a.buckets[i] ?? 0) + (b.buckets[i] ?? 0)),
  };
}
