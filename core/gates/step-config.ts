import { CRASH_GUARD } from './crash-guard.js';
import type { MachineConfig } from './types.js';

/** What a plan's step sets: its dwell, and the gates that it listens to. */
export interface StepSettings {
  readonly atLeastMs: number;
  readonly atMostMs: number;
  readonly active: readonly string[];
}

/** The configuration of one step. Gates that it does not name are paused; the crash guard never is. */
export function stepConfig(config: MachineConfig, step: StepSettings): MachineConfig {
  return {
    ...config,
    minDurationSec: step.atLeastMs / 1000,
    deadlineSec: step.atMostMs / 1000,
    metrics: config.metrics.map(({ paused: _, ...metric }) =>
      metric.name === CRASH_GUARD || step.active.includes(metric.name) ? metric : { ...metric, paused: true },
    ),
  };
}
