import { WorkflowNotFoundError } from '@temporalio/client';
import { withDispersion } from '../core/carried.js';
import type { Plan } from '../core/plan.js';
import type { RolloutReport } from '../core/run.js';
import { ending, findRollout, runFrom, type Ended } from './find.js';
import type { Session } from './temporal.js';

/** The plan with what the endpoint's last rollout learned, if Temporal still knows of one. */
export async function withCarriedDispersion(session: Session, plan: Plan): Promise<Plan> {
  const ended = await lastEnded(session, plan);
  if (ended?.kind !== 'report') return plan;
  // Reports of older workers may lack it.
  const { dispersion = {} }: Partial<RolloutReport> = ended.report;
  return withDispersion(plan, dispersion);
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
