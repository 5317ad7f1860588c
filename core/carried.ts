import type { Plan } from './plan.js';
import type { RolloutReport } from './run.js';

/**
 * The plan with what an earlier rollout of its endpoint learned of the noise (gates.md 2.4), of the gates that both have.
 *
 * Early passes are safe under clustered failures only with this; a first rollout has to learn it.
 */
export function withDispersion(plan: Plan, learned: RolloutReport['dispersion']): Plan {
  const known = Object.entries(learned).filter(([gate]) => plan.gates.some(({ name }) => name === gate));
  return known.length === 0 ? plan : { ...plan, carriedDispersion: Object.fromEntries(known) };
}
