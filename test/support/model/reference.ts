import type { Outcome } from '../../../core/failures.js';
import type { Step } from '../../../core/plan.js';
import { mirrorTraffic, splitTraffic, type Traffic } from '../../../core/traffic.js';
import type { Scenario } from './scenario.js';

/** What was there before the rollout, and is again after it was rolled back. */
export const BEFORE: Traffic = { live: { blue: 100 }, mirror: {} };

/** What really happened to a run, as the one who did it knows. */
export interface Happened {
  /** An abort or reject that the rollout took; `maybe`: a cancellation, which may come too late. */
  stopped: 'no' | 'maybe' | 'yes';
  /** Steps that may have been under way when green began to fail, the first and the last; null: it never did. */
  brokeAt: readonly [first: number, last: number] | null;
  /** The right to write was taken away. */
  forbidden: boolean;
  adopted: number;
  restored: number;
  /** Somebody deleted a deployment, also if it was brought back. */
  deleted: boolean;
  /** Somebody scaled green to nothing. */
  off: boolean;
  /** The baseline, that is. */
  blueGone: boolean;
  /** Somebody deleted the endpoint, also if it was brought back. */
  endpointGone: boolean;
  /** Somebody has given a third deployment a share. */
  third: boolean;
  /** The fewest instances of blue that somebody else has set its autoscaler to. */
  minimum: number | null;
  /** Deployments that are still gone. */
  readonly gone: Set<string>;
  /** The green that stands there is somebody else's. */
  replaced: boolean;
}

/** The outcomes that are right. The rule book in a few lines: no clock, no history, no retries. */
export function outcomesOf(scenario: Scenario, happened: Happened): readonly Outcome[] {
  const { steps, quiet, smokeFails } = scenario;
  const { stopped, brokeAt } = happened;
  const outcomes = new Set<Outcome>();
  const back = (how: Outcome): void => {
    outcomes.add(how);
    if (happened.forbidden || happened.blueGone || happened.endpointGone) outcomes.add('rollback-incomplete');
  };
  if (stopped !== 'no') back('aborted');
  const undecidedEnds = quiet && steps.some((step) => judges(step) && step.undecided === 'roll-back');
  const smokeEnds = smokeFails && steps.some(({ kind }) => kind === 'smoke');
  const [first, last] = (quiet ? null : brokeAt) ?? [Infinity, Infinity];
  const breachEnds = steps.some((step, index) => index > last && judges(step));
  if (undecidedEnds || smokeEnds || breachEnds) back('rolled-back');
  else if (stopped !== 'yes') outcomes.add('promoted');
  // Green broke in the middle of a step, or is watched for too short a time to be looked at for sure. Where it was looked
  // at for long enough, the watcher knows.
  if (steps.some((step, index) => index >= first && (judges(step) || watches(step)))) back('rolled-back');
  // The right to write may go before the next write forward.
  if (happened.forbidden) back('rolled-back');
  // A write may find that somebody has deleted who should get its share, or scaled it to nothing.
  if (happened.deleted || happened.off) back('rolled-back');
  return [...outcomes];
}

/** The traffic that a run writes on its way, in order, without what is restored or rolled back. */
export function wayOf(steps: readonly Step[]): readonly Traffic[] {
  return steps.flatMap((step): Traffic[] => {
    if (step.kind === 'mirror') return [mirrorTraffic('blue', 'green', step.percent)];
    if (step.kind === 'ramp') return [splitTraffic('blue', 'green', step.percent)];
    return step.kind === 'cutover' ? [splitTraffic('blue', 'green', 100)] : [];
  });
}

function judges(step: Step): step is Extract<Step, { kind: 'mirror' | 'ramp' }> {
  return step.kind === 'mirror' || step.kind === 'ramp';
}

function watches({ kind }: Step): boolean {
  return kind === 'bake' || kind === 'approve';
}
