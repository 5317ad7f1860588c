import type { Gate, Plan, ShiftStep, Step } from '../../core/plan.js';
import { mirrorTraffic, splitTraffic, type Traffic } from '../../core/traffic.js';
import { errorsGate, slowGate } from '../support/plans.js';
import type { World } from './world.js';

export const SPECS = ['promote', 'roll-back', 'abort', 'roll-back-in-bake'] as const;
export type SpecName = (typeof SPECS)[number];

/** A way that a rollout goes when nothing is killed. */
export interface ReferenceSpec {
  readonly steps: readonly Step[];
  /** Green fails every request. */
  readonly badGreen: boolean;
  /** What happens once green's last watch has begun: a person aborts, or green breaks. */
  readonly then: 'nothing' | 'abort' | 'break-green';
  readonly outcome: 'promoted' | 'rolled-back' | 'aborted';
  /** Traffic of an undisturbed run, in order, without what a rollback writes. */
  readonly way: readonly Traffic[];
}

const SERVED_BY_BLUE = splitTraffic('blue', 'green', 0);
const ramp = (percent: number): Traffic => splitTraffic('blue', 'green', percent);

// As short as gates allow at the load of a cell: some ten requests of green without an error prove a margin of 60 points.
const DWELL = { atLeastMs: 500, atMostMs: 60_000 };
const LONG = { atLeastMs: 300_000, atMostMs: 300_000 };
const GATES = ['errors', 'slow'];
const CREATE: Step = { kind: 'create', readyWithinMs: 60_000 };

export const REFERENCE: Readonly<Record<SpecName, ReferenceSpec>> = {
  promote: {
    steps: [
      CREATE,
      { kind: 'smoke', body: '{"data":[[1]]}', requestFile: 'sample.json', count: 3 },
      shift('mirror', 50),
      shift('ramp', 25),
      shift('ramp', 50),
      { kind: 'cutover' },
      { kind: 'bake', forMs: 2000, gates: GATES, undecided: 'proceed' },
      { kind: 'delete-baseline', drainWithinMs: 2000 },
    ],
    badGreen: false,
    then: 'nothing',
    outcome: 'promoted',
    way: [SERVED_BY_BLUE, mirrorTraffic('blue', 'green', 50), ramp(25), ramp(50), ramp(100)],
  },
  'roll-back': {
    steps: [CREATE, shift('ramp', 50), { kind: 'cutover' }],
    badGreen: true,
    then: 'nothing',
    outcome: 'rolled-back',
    way: [SERVED_BY_BLUE, ramp(50)],
  },
  abort: {
    steps: [CREATE, shift('ramp', 25, { dwell: LONG }), { kind: 'cutover' }],
    badGreen: false,
    then: 'abort',
    outcome: 'aborted',
    way: [SERVED_BY_BLUE, ramp(25)],
  },
  'roll-back-in-bake': {
    steps: [
      CREATE,
      shift('ramp', 50),
      { kind: 'cutover' },
      { kind: 'bake', forMs: LONG.atMostMs, gates: GATES, undecided: 'roll-back' },
      { kind: 'delete-baseline', drainWithinMs: 2000 },
    ],
    badGreen: false,
    then: 'break-green',
    outcome: 'rolled-back',
    way: [SERVED_BY_BLUE, ramp(50), ramp(100)],
  },
};

/** How often green is watched before something happens to it: its last watch is the one that is acted in. */
export function watchesBefore(spec: ReferenceSpec): number {
  return spec.steps.filter(isWatched).length;
}

export function isWatched({ kind }: Step): boolean {
  return kind === 'mirror' || kind === 'ramp' || kind === 'bake';
}

export function planOf(world: World, spec: ReferenceSpec, endpoint: string): Plan {
  return {
    planVersion: 1,
    endpoint,
    target: world.target,
    baseline: null,
    deployment: world.deployment(endpoint, 'green', spec.badGreen),
    adopt: false,
    afterRollback: 'delete-green',
    rollbackWithinMs: 300_000,
    watching: { intervalMs: 500, warmUpMs: 0, alpha: 0.01, alphaPass: 0.05 },
    gates: [wide(errorsGate), wide(slowGate)],
    steps: spec.steps,
    digest: 'faults',
  };
}

/** Wide margins, soon decided: what is judged here is the run, and not the gates. */
function wide(gate: Gate): Gate {
  const blipMs = 1000;
  if (gate.metric === 'latency' && gate.limit.kind === 'at-most')
    return { ...gate, blipMs, quantile: 0.5, limit: { kind: 'at-most', ms: 2000 } } as Gate;
  return { ...gate, blipMs, limit: { kind: 'worse-by', share: 0.6, ratio: 1 } } as Gate;
}

function shift(kind: ShiftStep['kind'], percent: number, more: Partial<ShiftStep> = {}): ShiftStep {
  return { kind, percent, dwell: DWELL, gates: GATES, undecided: 'roll-back', ...more };
}
