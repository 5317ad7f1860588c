import { enterStep, look } from '../../core/look.js';
import type { Counters, MetricsSnapshot } from '../../core/metrics.js';
import type { WatchInput, WatchMemory } from '../../core/watch.js';
import { planOf } from '../support/plans.js';

const EDGES = [10, 100, 1000];
export const plan = planOf('diabetes', []);

export function counters(requests: number, errors = 0, slow = 0): Counters {
  return { requests, errors, le: [0, requests - slow, requests, requests], active: 0 };
}

export function snapshot(
  atMs: number,
  blue: Counters,
  green: Counters,
  kind: 'live' | 'mirror' = 'live',
): MetricsSnapshot {
  return { atMs, ageMs: 0, edgesMs: EDGES, deployments: { blue: { live: blue }, green: { [kind]: green } } };
}

export function input(more: Partial<WatchInput> = {}): WatchInput {
  return {
    target: plan.target,
    endpoint: 'diabetes',
    stepIndex: 1,
    baseline: 'blue',
    green: 'green',
    expected: { live: { blue: 90, green: 10 }, mirror: {} },
    written: { traffic: { live: { blue: 90, green: 10 }, mirror: {} }, instances: {} },
    held: null,
    kind: 'live',
    mode: 'judge',
    alone: false,
    watching: { ...plan.watching, intervalMs: 1000 },
    gates: plan.gates,
    active: ['errors', 'slow'],
    dwell: { atLeastMs: 2000, atMostMs: 60_000 },
    plannedMs: 60_000,
    windowMs: 60_000,
    blind: false,
    before: null,
    memory: null,
    ...more,
  };
}

/** Looks a second apart; green has this share of errors. */
export function watchFor(seconds: number, greenErrors: number, given: WatchInput, from?: WatchMemory) {
  let memory = from ?? enterStep(given, 0);
  const verdicts: string[] = [];
  for (let s = 0; s <= seconds; s++) {
    const taken = snapshot(
      s * 1000,
      counters(1000 * s),
      counters(200 * s, Math.round(200 * s * greenErrors)),
      given.kind,
    );
    const looked = look(given, memory, taken, s * 1000);
    memory = JSON.parse(JSON.stringify(looked.memory)) as WatchMemory;
    verdicts.push(looked.verdict);
    if (looked.verdict !== 'window-over') return { looked, memory, verdicts };
  }
  return { looked: null, memory, verdicts };
}
