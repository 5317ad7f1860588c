import { allHandlersFinished, continueAsNew, workflowInfo } from '@temporalio/workflow';

import type { Plan } from '../core/plan.js';
import type { RunState } from '../core/run.js';
import type { Run } from './run.js';
import { throwIfStopped } from './watching.js';

/** Past this many events a run goes on as a new one at the next window border: its history stays small however long it lasts. */
const LONG_HISTORY = 120;

/**
 * Between two windows: nothing is under way, and all that matters is in the state.
 *
 * @throws {ContinueAsNew} which the main loop lets through.
 */
export async function goOnAsNew(run: Run): Promise<void> {
  throwIfStopped(run);
  const info = workflowInfo();
  if (info.historyLength < LONG_HISTORY && !info.continueAsNewSuggested) return;
  if (!allHandlersFinished()) return;
  await continueAsNew<(plan: Plan, state: RunState) => Promise<unknown>>(run.plan, run.state);
}
