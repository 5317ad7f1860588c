import { proxySinks } from '@temporalio/workflow';

import type { RolloutEvents, RolloutSinks } from '../core/rollout-events.js';
import type { RolloutReport } from '../core/run.js';
import type { Run } from './run.js';

/** Tells the worker, for its metrics. */
export const events: RolloutEvents = proxySinks<RolloutSinks>().rollouts;

/** Tells everybody how it ended: the worker, and whoever wants notifications. */
export function tellEnd(run: Run, report: RolloutReport): void {
  const { endpoint, target, outcome, startedAtMs, endedAtMs, rollbackMs } = report;
  events.ended({ endpoint, target, outcome, durationMs: endedAtMs - startedAtMs, rollbackMs });
  run.tell(
    outcome,
    report.left.length === 0 ? report.reason : `${report.reason}; left to do: ${report.left.join('; ')}`,
  );
}
