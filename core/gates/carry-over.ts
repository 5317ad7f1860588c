import { greenFactors } from './dispersion.js';
import { dispersionOf } from './machine.js';
import type { GateState, MachineConfig } from './types.js';

/**
 * Dispersion at the end of a rollout, by gate: what makes early passes of the endpoint's next rollout safe when its
 * failures come in clusters (gates.md 2.4).
 */
export function carryOver(config: MachineConfig, state: GateState): Record<string, number> {
  const learned = config.metrics.flatMap((metric): [string, number][] => {
    const own = state.metrics[metric.name];
    const dispersion = dispersionOf(config, metric);
    return own && dispersion.mode === 'auto'
      ? [[metric.name, greenFactors(dispersion, own.dispersion, own.blueDispersion).phi]]
      : [];
  });
  return Object.fromEntries(learned);
}
