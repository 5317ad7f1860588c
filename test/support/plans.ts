import { greenDeployment } from '../../bench/support/plans.js';
import type { Gate, Plan, ShiftStep, Step } from '../../core/plan.js';

const GATE = {
  role: 'required',
  weight: null,
  blipMs: 300,
  dispersion: { mode: 'auto' },
  shared: 'hold',
} as const;

export const errorsGate: Gate = {
  ...GATE,
  name: 'errors',
  metric: 'error-rate',
  limit: { kind: 'worse-by', share: 0.02, ratio: 1 },
};

export const slowGate: Gate = {
  ...GATE,
  name: 'slow',
  metric: 'latency',
  quantile: 0.95,
  limit: { kind: 'at-most', ms: 100 },
};

export function mirrorStep(percent: number, more: Partial<ShiftStep> = {}): ShiftStep {
  return shiftStep('mirror', percent, more);
}

export function rampStep(percent: number, more: Partial<ShiftStep> = {}): ShiftStep {
  return shiftStep('ramp', percent, more);
}

function shiftStep(kind: ShiftStep['kind'], percent: number, more: Partial<ShiftStep>): ShiftStep {
  return {
    kind,
    percent,
    dwell: { atLeastMs: 200, atMostMs: 20_000 },
    gates: ['errors', 'slow'],
    undecided: 'hold',
    ...more,
  };
}

export const CREATE: Step = { kind: 'create', readyWithinMs: 10_000 };
export const SMOKE: Step = { kind: 'smoke', body: '{}', requestFile: 'sample.json', count: 3 };
export const CUTOVER: Step = { kind: 'cutover' };
export const DELETE_BASELINE: Step = { kind: 'delete-baseline', drainWithinMs: 1000 };

/** A step with this is not over before its test is. */
export const FOR_LONG = { dwell: { atLeastMs: 600_000, atMostMs: 600_000 } };
export const LONG: Step = rampStep(10, FOR_LONG);
export const APPROVE = {
  kind: 'approve',
  withinMs: 600_000,
  gates: ['errors', 'slow'],
} as const satisfies Step;

export function bakeStep(forMs: number): Extract<Step, { kind: 'bake' }> {
  return { kind: 'bake', forMs, gates: ['errors', 'slow'], undecided: 'hold' };
}

/** All kinds of steps that need no person. */
export const STANDARD: readonly Step[] = [
  CREATE,
  SMOKE,
  mirrorStep(10),
  rampStep(10),
  rampStep(25),
  rampStep(50),
  CUTOVER,
  bakeStep(500),
  DELETE_BASELINE,
];

/** Looks of 20 ms, in windows of 60, of which each stands for one of 20 minutes. */
export const SHORT_WINDOWS = { intervalMs: 20, warmUpMs: 0, alpha: 0.01, alphaPass: 0.05, windowMs: 60 };

/** Who acts, and why, where a test has no need to know. */
export const by = { by: 'ada', reason: 'test' };

/** A plan for the memory target: looks of 100 ms, no warm-up. */
export function planOf(endpoint: string, steps: readonly Step[], more: Partial<Plan> = {}): Plan {
  return {
    planVersion: 1,
    endpoint,
    target: { kind: 'host', workspace: endpoint },
    baseline: null,
    deployment: greenDeployment,
    adopt: false,
    afterRollback: 'delete-green',
    rollbackWithinMs: 60_000,
    watching: { intervalMs: 100, warmUpMs: 0, alpha: 0.01, alphaPass: 0.05 },
    gates: [errorsGate, slowGate],
    steps,
    digest: 'test',
    ...more,
  };
}
