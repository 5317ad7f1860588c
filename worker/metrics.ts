import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { targetName } from '../core/plan.js';
import type { RolloutEvents } from '../core/rollout-events.js';
import { shareOf } from '../core/traffic.js';
import type { WatchInput, WatchResult } from '../core/watch.js';
import { rolloutMetrics } from './rollout-metrics.js';

const VERDICTS: Readonly<Record<WatchResult['verdict'], true>> = {
  breach: true,
  pass: true,
  undecided: true,
  'window-over': true,
  drift: true,
};

const STANDINGS: Readonly<Record<WatchResult['evidence'][number]['standing'], true>> = {
  breach: true,
  suspicious: true,
  proven: true,
  open: true,
  'warming-up': true,
  idle: true,
};

/** What this worker counts. Labels name endpoints, gates and activities, never ids. */
export interface WorkerMetrics {
  readonly registry: Registry;
  /** @param outcome - `completed`, `cancelled`, or the type of the failure. */
  activityEnded(activity: string, outcome: string, seconds: number): void;
  watched(input: WatchInput, result: WatchResult): void;
  /**
   * Shows green's share for as long as this worker watches it.
   *
   * @returns to be called when the watch ends, on this worker at least.
   */
  watching(input: WatchInput): () => void;
  readonly rollouts: RolloutEvents;
}

export function createMetrics(): WorkerMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const attempts = new Counter({
    name: 'rollout_activity_attempts_total',
    help: 'Attempts of rollout activities that ended, by activity and outcome.',
    labelNames: ['activity', 'outcome'],
    registers: [registry],
  });
  const durations = new Histogram({
    name: 'rollout_activity_duration_seconds',
    help: 'How long an attempt of a rollout activity took.',
    labelNames: ['activity'],
    // From a quick call to the longest window of watching.
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1200],
    registers: [registry],
  });
  const watches = new Counter({
    name: 'rollout_watch_verdicts_total',
    help: 'Windows of watching that ended, by endpoint and verdict.',
    labelNames: ['endpoint', 'verdict'],
    registers: [registry],
  });
  const gates = new Counter({
    name: 'rollout_gate_verdicts_total',
    help: 'How each gate stood at the end of a window of watching.',
    labelNames: ['endpoint', 'gate', 'verdict'],
    registers: [registry],
  });
  const shares = new Gauge({
    name: 'rollout_green_share_percent',
    help: "Green's share of an endpoint's traffic while it is watched: live, or mirrored.",
    labelNames: ['endpoint', 'target', 'kind'],
    registers: [registry],
  });
  return {
    registry,
    rollouts: rolloutMetrics(registry),
    watching({ endpoint, target, green, expected, gates: watched }) {
      const name = { endpoint, target: targetName(target) };
      shares.set({ ...name, kind: 'live' }, shareOf(expected.live, green));
      shares.set({ ...name, kind: 'mirror' }, shareOf(expected.mirror, green));
      // Zeros: Prometheus sees no increase in a series that begins at 1.
      for (const verdict of Object.keys(VERDICTS)) watches.inc({ endpoint, verdict }, 0);
      for (const { name: gate } of watched) {
        for (const verdict of Object.keys(STANDINGS)) gates.inc({ endpoint, gate, verdict }, 0);
      }
      return () => {
        for (const kind of ['live', 'mirror']) shares.remove({ ...name, kind });
      };
    },
    activityEnded(activity, outcome, seconds) {
      attempts.inc({ activity, outcome });
      durations.observe({ activity }, seconds);
    },
    watched({ endpoint }, { verdict, evidence }) {
      watches.inc({ endpoint, verdict });
      for (const gate of evidence) gates.inc({ endpoint, gate: gate.gate, verdict: gate.standing });
    },
  };
}
