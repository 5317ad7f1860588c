import fc from 'fast-check';
import type { Step, UndecidedPolicy } from '../../../core/plan.js';
import { bakeStep, CUTOVER, DELETE_BASELINE, mirrorStep, rampStep, SMOKE } from '../plans.js';

/** Calls of the target that can go wrong for a while; changes, which can lose their answers, more often than looks. */
const CHANGES = ['writeTraffic', 'createDeployment', 'deleteDeployment'] as const;
const FAULTY = [...CHANGES, ...CHANGES, 'read', 'readDeployment', 'invoke', 'scale', 'metrics', 'autoscale', 'isAutoscaled'] as const; // prettier-ignore

export interface FaultSpell {
  readonly call: (typeof FAULTY)[number];
  readonly how: 'throw-transient' | 'lose-answer' | 'throttle';
  /** Hits so many calls, after so many were spared. */
  readonly times: number;
  readonly after: number;
}

/** Those that come more often stand twice. */
export const ACTS = [
  'abort',
  'reject',
  'pause',
  'pause',
  'shift',
  'shift',
  'mirror',
  'third',
  'pause-shift',
  'scale-down',
  'scale-green-down',
  'switch-blue-off',
  'switch-green-off',
  'delete-green',
  'replace-green',
  'delete-blue',
  'delete-endpoint',
  'blind',
  'nonsense',
  'cancel',
  'kill',
] as const;

/** What a person asks for while it rolls back. */
const LATE_ACTS = ['abort', 'reject', 'pause', 'resume', 'approve', 'adopt', 'restore', 'cancel', 'kill'] as const; // prettier-ignore
export type LateAct = (typeof LATE_ACTS)[number];

/** What a person, or somebody else, does as soon as the rollout has come to a step. */
export interface Act {
  readonly atStep: number;
  readonly what: (typeof ACTS)[number];
  /** How it is settled, where it asks for that. */
  readonly then: 'adopt' | 'restore' | 'abort';
  /** A kill of a worker comes so much later: in the middle of the step, or of what is done about another act. */
  readonly afterMs: number;
}

/** One run: a spec, and all that happens to it. Plain data, so that a wrong one can be run again. */
export interface Scenario {
  readonly steps: readonly Step[];
  readonly afterRollback: 'delete-green' | 'keep-green';
  /** Green fails every request from this step on; null: never. */
  readonly breaksAt: number | null;
  /** Nobody calls the endpoint: no gate can decide. */
  readonly quiet: boolean;
  readonly smokeFails: boolean;
  /** An autoscaler counts blue's instances. */
  readonly autoscaled: boolean;
  /** How many green is made with; blue has four. */
  readonly greenInstances: number;
  /** Somebody changes the shares once more as soon as a first change is settled. */
  readonly again: boolean;
  /** Rollback may not write. */
  readonly forbidden: boolean;
  readonly faults: readonly FaultSpell[];
  readonly acts: readonly Act[];
  /** While it rolls back: the first of them is waited for before the target lets go of what green has. */
  readonly lateActs: readonly LateAct[];
  /** How long a person who is asked for approval looks at it first. */
  readonly approvesAfterMs: number;
  /** How long a new deployment takes to be ready. */
  readonly createDelayMs: number;
  /** How long the endpoint goes on showing what was there before a write. */
  readonly shownAfterMs: number;
  /** Windows this short make a run go on as a new one. */
  readonly windowMs: number;
}

const rarely = fc.integer({ min: 0, max: 7 }).map((n) => n === 0);
const undecided = fc.constantFrom<UndecidedPolicy>('hold', 'roll-back', 'proceed');
const dwell = fc
  .tuple(fc.integer({ min: 50, max: 400 }), fc.integer({ min: 100, max: 500 }))
  .map(([atLeastMs, more]) => ({ atLeastMs, atMostMs: atLeastMs + more }));
/** Long enough for the load that there is, whatever dies meanwhile: only a quiet endpoint leaves it undecided. */
const AMPLE_MS = 120_000;

/** Long enough for a green that breaks at its beginning to be found out, also by slow looks on a busy machine. */
const LONG_MS = 3_000;

/** A worker that dies while it creates is missed for ten seconds. */
const PATIENT_CREATE: Step = { kind: 'create', readyWithinMs: AMPLE_MS };

const shares = fc
  .uniqueArray(
    fc.integer({ min: 2, max: 30 }).map((half) => 2 * half),
    { maxLength: 3 },
  )
  .map((all) => all.sort((a, b) => a - b));

const steps = fc
  .record({
    smoke: fc.boolean(),
    mirror: fc.option(fc.tuple(fc.integer({ min: 5, max: 50 }), dwell, undecided), { nil: null }),
    ramps: shares,
    ramp: fc.tuple(dwell, undecided),
    approve: fc.boolean(),
    cutover: fc.boolean(),
    bakeMs: fc.option(fc.constantFrom(300, LONG_MS, LONG_MS), { nil: null }),
    end: fc.boolean(),
  })
  .map(({ smoke, mirror, ramps, ramp, approve, cutover, bakeMs, end }): readonly Step[] => [
    PATIENT_CREATE,
    ...(smoke ? [SMOKE] : []),
    ...(mirror === null ? [] : [mirrorStep(mirror[0], { dwell: mirror[1], undecided: mirror[2] })]),
    ...ramps.map((percent) => rampStep(percent, { dwell: ramp[0], undecided: ramp[1] })),
    ...(approve ? [{ kind: 'approve', withinMs: 600_000, gates: ['errors', 'slow'] } as const] : []),
    ...(cutover ? [CUTOVER] : []),
    ...(cutover && bakeMs !== null ? [bakeStep(bakeMs)] : []),
    ...(cutover && end ? [DELETE_BASELINE] : []),
  ]);

const fault: fc.Arbitrary<FaultSpell> = fc.record({
  call: fc.constantFrom(...FAULTY),
  how: fc.constantFrom('throw-transient', 'lose-answer', 'throttle'),
  times: fc.integer({ min: 1, max: 3 }),
  after: fc.integer({ min: 0, max: 6 }),
});

const act: fc.Arbitrary<Act> = fc.record({
  atStep: fc.nat({ max: 8 }),
  what: fc.constantFrom(...ACTS),
  then: fc.constantFrom('adopt', 'restore', 'restore', 'abort'),
  afterMs: fc.nat({ max: 400 }),
});

export const scenario: fc.Arbitrary<Scenario> = fc
  .record({
    steps,
    afterRollback: fc.constantFrom('delete-green' as const, 'keep-green' as const),
    breaksAt: fc.option(fc.nat({ max: 8 }), { nil: null, freq: 2 }),
    quiet: rarely,
    smokeFails: rarely,
    autoscaled: fc.integer({ min: 0, max: 2 }).map((n) => n === 0),
    greenInstances: fc.constantFrom(1, 3),
    again: fc.boolean(),
    forbidden: rarely,
    faults: fc.array(fault, { maxLength: 3 }),
    acts: fc.array(act, { maxLength: 4 }).map((acts) => [...acts].sort((a, b) => a.atStep - b.atStep)),
    lateActs: fc.array(fc.constantFrom(...LATE_ACTS), { maxLength: 3 }),
    approvesAfterMs: fc.constantFrom(0, LONG_MS),
    createDelayMs: fc.constantFrom(0, 0, 300),
    shownAfterMs: fc.constantFrom(0, 0, 0, 300),
    windowMs: fc.constantFrom(40, 200, 20 * 60_000),
  })
  .map((made) => ({ ...made, steps: made.quiet ? made.steps : made.steps.map(withAmpleTime) }));

function withAmpleTime(step: Step): Step {
  if (step.kind !== 'mirror' && step.kind !== 'ramp') return step;
  return { ...step, dwell: { ...step.dwell, atMostMs: AMPLE_MS } };
}

const CALM: Omit<Scenario, 'steps' | 'acts'> = {
  afterRollback: 'delete-green',
  breaksAt: null,
  quiet: false,
  smokeFails: false,
  autoscaled: false,
  greenInstances: 1,
  again: false,
  forbidden: false,
  faults: [],
  lateActs: [],
  approvesAfterMs: 0,
  createDelayMs: 0,
  shownAfterMs: 0,
  windowMs: 200,
};

/** What chance hardly ever brings. */
export const RARE: readonly Scenario[] = [
  // Green is switched off between two attempts to give it more, where nobody looks.
  {
    ...CALM,
    steps: [PATIENT_CREATE, ...[10, 50].map((percent) => withAmpleTime(rampStep(percent))), CUTOVER],
    faults: [{ call: 'writeTraffic', how: 'throw-transient', times: 3, after: 1 }],
    acts: [{ atStep: 2, what: 'switch-green-off', then: 'restore', afterMs: 0 }],
  },
  // Blue is switched off where it has no traffic, and everybody is to go back to it at once.
  {
    ...CALM,
    steps: [PATIENT_CREATE, CUTOVER, bakeStep(LONG_MS)],
    faults: [{ call: 'deleteDeployment', how: 'throw-transient', times: 1, after: 0 }],
    acts: [{ atStep: 2, what: 'switch-blue-off', then: 'abort', afterMs: 0 }],
  },
];
