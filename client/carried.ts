import type { Plan } from '../core/plan.js';
import { ending, findRollout } from './find.js';
import type { Session } from './temporal.js';

/**
 * The plan with what the endpoint's last rollout learned of its noise (gates.md 2.4), if Temporal still knows of one.
 *
 * Early passes are safe under clustered failures only with this; a first rollout has to learn it.
 */
export async function withCarriedDispersion(session: Session, plan: Plan): Promise<Plan> {
  const last = await findRollout(session, plan.target, plan.endpoint);
  if (last === undefined || last.running) return plan;
  const ended = await ending(last.handle);
  if (ended.kind !== 'report') return plan;
  // Reports of older workers may lack it.
  const learned = ended.report.dispersion as Readonly<Record<string, number>> | undefined;
  const known = Object.entries(learned ?? {}).filter(([gate]) =>
    plan.gates.some(({ name }) => name === gate),
  );
  return known.length === 0 ? plan : { ...plan, carriedDispersion: Object.fromEntries(known) };
}
