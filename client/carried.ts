import { WorkflowNotFoundError } from '@temporalio/client';
import type { Plan } from '../core/plan.js';
import { ending, findRollout, runFrom, type Ended } from './find.js';
import type { Session } from './temporal.js';

/**
 * The plan with what the endpoint's last rollout learned of its noise (gates.md 2.4), if Temporal still knows of one.
 *
 * Early passes are safe under clustered failures only with this; a first rollout has to learn it.
 */
export async function withCarriedDispersion(session: Session, plan: Plan): Promise<Plan> {
  const ended = await lastEnded(session, plan);
  if (ended?.kind !== 'report') return plan;
  // Reports of older workers may lack it.
  const learned = ended.report.dispersion as Readonly<Record<string, number>> | undefined;
  const known = Object.entries(learned ?? {}).filter(([gate]) =>
    plan.gates.some(({ name }) => name === gate),
  );
  return known.length === 0 ? plan : { ...plan, carriedDispersion: Object.fromEntries(known) };
}

/** How the endpoint's last rollout ended; undefined while it runs, and where Temporal knows of none. */
async function lastEnded(session: Session, { target, endpoint }: Plan): Promise<Ended | undefined> {
  const last = await findRollout(session, target, endpoint);
  if (last === undefined || last.running) return undefined;
  try {
    // Its handle would ask the run that it began with, which Temporal forgets first.
    return await ending(runFrom(session, last.handle.workflowId, last.description.runId));
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}
