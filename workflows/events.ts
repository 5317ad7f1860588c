import { proxySinks } from '@temporalio/workflow';

import type { RolloutSinks } from '../core/rollout-events.js';
import type { RolloutReport } from '../core/run.js';

/** Tells the worker, for its metrics. */
export const { rollouts: events } = proxySinks<RolloutSinks>();

export function tellEnd(report: RolloutReport): void {
  const { endpoint, target, outcome, startedAtMs, endedAtMs, rollbackMs } = report;
  events.ended({ endpoint, target, outcome, durationMs: endedAtMs - startedAtMs, rollbackMs });
}
