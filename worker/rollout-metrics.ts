import { Counter, Histogram, type Registry } from 'prom-client';
import type { RolloutEvents, RolloutName } from '../core/rollout-events.js';
import type { Hold } from '../core/run.js';
import { OUTCOMES } from '../core/failures.js';
import { STEP_PHASES } from '../core/status-text.js';

const HOLDS: Readonly<Record<Hold['kind'], true>> = { undecided: true, drift: true, blind: true };
const NAME = ['endpoint', 'target'] as const;

/** Counts what rollouts tell. Labels name endpoints and targets, never runs. */
export function rolloutMetrics(registry: Registry): RolloutEvents {
  const registers = [registry];
  const begun = new Counter({
    name: 'rollout_begun_total',
    help: 'Rollouts that began, by endpoint.',
    labelNames: NAME,
    registers,
  });
  const ended = new Counter({
    name: 'rollout_ended_total',
    help: 'Rollouts that ended, by endpoint and outcome; rollback-incomplete needs a person now.',
    labelNames: [...NAME, 'outcome'],
    registers,
  });
  const held = new Counter({
    name: 'rollout_holds_total',
    help: 'How often rollouts held for a person: gates could not decide (undecided), or someone else changed the endpoint (drift); or for metrics, or an endpoint that can be read (blind).',
    labelNames: [...NAME, 'kind'],
    registers,
  });
  const durations = new Histogram({
    name: 'rollout_duration_seconds',
    help: 'How long rollouts took, by outcome.',
    labelNames: ['outcome'],
    buckets: [10, 60, 300, 900, 3_600, 4 * 3_600, 24 * 3_600, 7 * 24 * 3_600],
    registers,
  });
  const steps = new Histogram({
    name: 'rollout_step_duration_seconds',
    help: 'How long steps took, by phase, and whether they reached their end.',
    labelNames: ['phase', 'result'],
    buckets: [1, 5, 30, 120, 600, 1_800, 3_600, 6 * 3_600, 24 * 3_600],
    registers,
  });
  const rollbacks = new Histogram({
    name: 'rollout_rollback_duration_seconds',
    help: 'From the decision to roll back to the traffic read back.',
    buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3_600],
    registers,
  });
  /** Zeros, before there is something to count: Prometheus sees no increase in a series that begins at 1. */
  const know = (name: RolloutName): void => {
    for (const outcome of OUTCOMES) ended.inc({ ...name, outcome }, 0);
    for (const kind of Object.keys(HOLDS)) held.inc({ ...name, kind }, 0);
  };
  // The same for these, but once and for all: they name no endpoint, and `zero` sets back what was counted.
  for (const outcome of OUTCOMES) durations.zero({ outcome });
  for (const phase of STEP_PHASES) {
    for (const result of ['done', 'stopped']) steps.zero({ phase, result });
  }
  return {
    begun({ endpoint, target }) {
      know({ endpoint, target });
      begun.inc({ endpoint, target });
    },
    held({ endpoint, target, kind }) {
      held.inc({ endpoint, target, kind });
    },
    stepEnded({ endpoint, target, phase, durationMs, stopped }) {
      // The worker may have taken the rollout over from another one.
      know({ endpoint, target });
      steps.observe({ phase, result: stopped ? 'stopped' : 'done' }, durationMs / 1000);
    },
    ended({ endpoint, target, outcome, durationMs, rollbackMs }) {
      ended.inc({ endpoint, target, outcome });
      durations.observe({ outcome }, durationMs / 1000);
      if (rollbackMs !== null) rollbacks.observe(rollbackMs / 1000);
    },
  };
}
