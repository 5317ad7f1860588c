import type { Plan, Step } from './plan.js';
import type { DriftHold, RunState } from './run.js';
import { deploymentsIn, shareOf, sumShares } from './traffic.js';

/** What is gone can be made good by nothing that the rollout writes. */
export const GONE = 'the endpoint or a deployment of the rollout is gone: bring it back, or abort';

const COMPARES: readonly Step['kind'][] = ['mirror', 'ramp'];
const WRITES: readonly Step['kind'][] = [...COMPARES, 'cutover'];

/**
 * Why the rollout cannot go on from what someone else made of the endpoint, in words for people; null: it can.
 *
 * What is adopted must lead to what the rollout promises: green compared with the baseline, and then serving everybody.
 */
export function whyNotAdopt(
  plan: Plan,
  { baseline, stepIndex }: Pick<RunState, 'baseline' | 'stepIndex'>,
  { observed, scaled, expected }: DriftHold,
): string | null {
  const green = plan.deployment.name;
  if (observed === null) return GONE;
  const off = scaled.find(({ to }) => to === 0);
  if (off !== undefined) return `${off.deployment} has no instance left; restore or abort`;

  const { live } = observed;
  // Weights of somebody else need not be whole percents.
  if (
    Math.round(sumShares(live) * 100) !== 10_000 ||
    deploymentsIn(observed).some((name) => name !== baseline && name !== green)
  ) {
    return 'traffic goes to deployments that are not part of this rollout; restore or abort';
  }
  const ahead = plan.steps.slice(stepIndex);
  const all = shareOf(live, green) === 100;
  if (all && ahead.some(({ kind }) => COMPARES.includes(kind))) {
    return `${green} has all traffic there, and has yet to be compared with ${baseline}; restore or abort`;
  }
  if (!all && shareOf(expected.live, green) === 100 && !ahead.some(({ kind }) => WRITES.includes(kind))) {
    return `${green} has no longer all traffic there, and no step is left that would give it back; restore or abort`;
  }
  return null;
}
