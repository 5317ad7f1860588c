import type { OwnQuery, OwnSnapshot } from '../metrics.js';
import {
  collect,
  startCollecting,
  type CollectOptions,
  type CollectorState,
  type Signal,
} from './collector.js';
import { timesOf, type Reading } from './counters.js';
import type { Look, MachineConfig } from './types.js';

/** Collectors of the user's own metrics, by gate. */
export type OwnCollectors = Readonly<Record<string, CollectorState>>;

/** Readings of the user's own metrics, by gate; one whose source does not answer is a reading without data. */
export function ownReadings(
  own: OwnSnapshot | undefined,
  queries: Readonly<Record<string, OwnQuery>>,
  names: { readonly blue: string | null; readonly green: string },
  nowMs: number,
): Readonly<Record<string, Reading>> {
  return Object.fromEntries(Object.keys(queries).map((gate) => [gate, ownReading(own, gate, names, nowMs)]));
}

function ownReading(
  own: OwnSnapshot | undefined,
  gate: string,
  { blue, green }: { readonly blue: string | null; readonly green: string },
  nowMs: number,
): Reading {
  const metric = own?.metrics[gate];
  if (own === undefined || metric === undefined) {
    return { atMs: own?.atMs ?? nowMs, ageMs: own?.ageMs ?? Infinity, edgesMs: [], blue: null, green: null };
  }
  const of = (name: string | null) => {
    const totals = name === null ? undefined : metric.deployments[name];
    return totals === undefined ? null : { ...totals, active: null };
  };
  return { ...timesOf(own), edgesMs: metric.edges, blue: of(blue), green: of(green) };
}

/**
 * Takes readings of the user's own metrics in: each has a collector of its own, since it has times of its own.
 *
 * Do it only where the main source has a look, so that no look of theirs is lost. What one of them has to say is told
 * with its gate's name; whether green is starved or restarts is the main source's to say.
 */
export function collectOwn(
  collectors: OwnCollectors,
  readings: Readonly<Record<string, Reading>>,
  config: MachineConfig,
  options: CollectOptions,
): {
  readonly collectors: OwnCollectors;
  readonly looks: Readonly<Record<string, Look>>;
  readonly signals: readonly Signal[];
} {
  const next: Record<string, CollectorState> = {};
  const looks: Record<string, Look> = {};
  const signals: Signal[] = [];
  for (const { name, own } of config.metrics) {
    const reading = readings[name];
    if (own === undefined || reading === undefined) continue;
    const its = { ...options, edgesMs: own.edges, perBlue: null };
    const before = collectors[name];
    if (before === undefined) {
      next[name] = startCollecting(reading, its);
      continue;
    }
    const taken = collect(before, reading, its);
    next[name] = taken.state;
    if (taken.look !== null) looks[name] = taken.look;
    for (const signal of taken.signals) {
      if (signal.kind === 'missing' || signal.kind === 'untimed' || signal.kind === 'stale')
        signals.push({ kind: 'own', gate: name, signal });
    }
  }
  return { collectors: next, looks, signals };
}
