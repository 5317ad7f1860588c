import type { AdvanceOptions, Decision, LookResult, MachineConfig } from './types.js';

export interface Verdict {
  readonly decision: Decision;
  readonly reason: string | null;
}

/** A result without its decision: numbers alone. */
export type Measured = Omit<LookResult, 'decision' | 'reason'>;

/** The metric with the largest share of the total evidence. */
function heaviest(config: MachineConfig, measured: Measured): string | null {
  let name: string | null = null;
  let most = -Infinity;
  for (const metric of config.metrics) {
    const ln = Math.log(metric.weight) + (measured.metrics[metric.name]?.lnBreach ?? -Infinity);
    if (ln > most) {
      most = ln;
      name = metric.name;
    }
  }
  return name;
}

/** Whether the evidence is that green is within this metric's margin. The same event as `upper <= delta`. */
export function proven(config: MachineConfig, measured: Measured, name: string): boolean {
  return (measured.metrics[name]?.lnPass ?? -Infinity) >= Math.log(1 / config.alphaPass);
}

/** Names of the metrics that a pass waits for in this step. */
export function requiredMetrics(config: MachineConfig): string[] {
  return config.metrics.filter((m) => m.passRole !== false && m.paused !== true).map((m) => m.name);
}

/**
 * What a look's numbers say (gates.md 2.5): breach, then pass, then inconclusive, then continue.
 *
 * Knows nothing of earlier decisions. `evaluate` makes them stick to their step; a rollout acts on them at once.
 */
export function decide(config: MachineConfig, measured: Measured, options: AdvanceOptions = {}): Verdict {
  const lnTotal = measured.lnTotal ?? -Infinity;
  const enough = Math.log(1 / config.alpha);
  if (lnTotal >= enough) return { decision: 'breach', reason: heaviest(config, measured) };
  if (options.mode === 'guard') return { decision: 'continue', reason: null };
  const suspicious = lnTotal >= 0.5 * enough;
  if (
    measured.elapsedSec >= config.minDurationSec &&
    !suspicious &&
    options.hold !== true &&
    requiredMetrics(config).every((name) => proven(config, measured, name))
  ) {
    return { decision: 'pass', reason: null };
  }
  return {
    decision: measured.elapsedSec >= config.deadlineSec ? 'inconclusive' : 'continue',
    reason: null,
  };
}
