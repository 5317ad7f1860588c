import { greenFactors } from './dispersion.js';
import { dispersionOf } from './machine.js';
import type { GateState, MachineConfig, MetricConfig, MetricState } from './types.js';

/**
 * Dispersion at the end of a rollout, by gate: what makes early passes of the endpoint's next rollout safe when its
 * failures come in clusters (gates.md 2.4).
 *
 * Of a gate that compares with the baseline, as it was when that went: what moves both cancels while they are compared, and would
 * look like clusters of green alone.
 */
export function carryOver(config: MachineConfig, state: GateState): Record<string, number> {
  const learned = config.metrics.flatMap((metric): [string, number][] => {
    const own = state.metrics[metric.name];
    const auto = dispersionOf(config, metric).mode === 'auto';
    return own && auto ? [[metric.name, own.learned ?? factorNow(config, metric, own)]] : [];
  });
  return Object.fromEntries(learned);
}

export function factorNow(config: MachineConfig, metric: MetricConfig, own: MetricState): number {
  return greenFactors(dispersionOf(config, metric), own.dispersion, own.blueDispersion).phi;
}
