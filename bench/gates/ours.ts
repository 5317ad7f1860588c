import {
  advance,
  initialState,
  type Look,
  mapGates,
  stepConfig,
  type MachineConfig,
} from '../../core/gates/index.js';
import type { Gate } from '../../core/plan.js';
import { EDGES_MS, slowerThan } from './latency.js';
import type { Outcome, Rule } from './rules.js';
import { STEP_SEC } from './trace.js';

const BASE = { role: 'required', weight: null, dispersion: { mode: 'auto' }, shared: 'hold' } as const;
const ERRORS = { ...BASE, metric: 'error-rate', blipMs: 10_000 } as const;
const LATENCY = { ...BASE, metric: 'latency', blipMs: 30_000 } as const;

/** Against the baseline: errors within 0.5 pp and p95 within 10%, p99 within 10% as a guard. */
export const RELATIVE: readonly Gate[] = [
  { ...ERRORS, name: 'errors', limit: { kind: 'worse-by', share: 0.005, ratio: 1 } },
  { ...LATENCY, name: 'p95', quantile: 0.95, limit: { kind: 'slower-by', ratio: 1.1 } },
  { ...LATENCY, name: 'p99', quantile: 0.99, role: 'guard', limit: { kind: 'slower-by', ratio: 1.1 } },
];

/** The peers' own limits. */
export const ABSOLUTE: readonly Gate[] = [
  { ...ERRORS, name: 'error SLO', limit: { kind: 'at-most', share: 0.01 } },
  { ...LATENCY, name: 'p99 SLO', quantile: 0.99, limit: { kind: 'at-most', ms: 500 } },
];

/** Through the same mapping as a rollout, with the defaults of a spec. `edgesMs`: of the source's histogram. */
export function configOf(
  gates: readonly Gate[],
  rps: number,
  steps = 1,
  edgesMs: readonly number[] = EDGES_MS,
): MachineConfig {
  const before = 100_000;
  const mapping = mapGates({
    gates,
    watching: { intervalMs: 5000, warmUpMs: 30_000, alpha: 0.01, alphaPass: 0.05 },
    plannedMs: STEP_SEC * 1000,
    plannedSteps: steps,
    plannedRequests: rps * STEP_SEC,
    edgesMs,
    baseline: {
      requests: before,
      errors: before / 1000,
      le: [...edgesMs.map((edge) => Math.round(before * (1 - slowerThan(edge)))), before],
    },
  });
  if (!mapping.ok) throw new Error(mapping.problems.map((problem) => problem.message).join('\n'));
  const active = gates.map((gate) => gate.name);
  return stepConfig(mapping.setup.config, { atLeastMs: 60_000, atMostMs: STEP_SEC * 1000, active });
}

/** As the note has it: the grids' own weights and even starts, whatever is known. */
export function withoutBets(config: MachineConfig): MachineConfig {
  return {
    ...config,
    metrics: config.metrics.map(({ bets: _, breachBets: __, starts: ___, ...metric }) => metric),
  };
}

/** What the gates decide first, look by look. */
export function judge(config: MachineConfig, looks: readonly Look[]): Outcome {
  let state = initialState(config);
  for (const look of looks) {
    const step = advance(config, state, look, { bounds: false });
    state = step.state;
    const { decision, elapsedSec } = step.result;
    if (decision === 'breach') return { end: 'rolled back', atSec: elapsedSec };
    if (decision === 'pass') return { end: 'promoted', atSec: elapsedSec };
  }
  return { end: 'undecided', atSec: STEP_SEC };
}

function rule(name: string, configAt: (rps: number) => MachineConfig): Rule {
  const configs = new Map<number, MachineConfig>();
  return {
    name,
    judge(looks, rps = 10) {
      const config = configs.get(rps) ?? configAt(rps);
      configs.set(rps, config);
      return judge(config, looks);
    },
  };
}

export const OURS: readonly Rule[] = [
  rule('this gate', (rps) => configOf(RELATIVE, rps)),
  rule('this gate, without bets', (rps) => withoutBets(configOf(RELATIVE, rps))),
  rule('this gate, absolute limits', (rps) => configOf(ABSOLUTE, rps)),
];
