import {
  allHandlersFinished,
  CancellationScope,
  CancelledFailure,
  continueAsNew,
} from '@temporalio/workflow';

import type { Plan } from '../core/plan.js';
import type { RunState } from '../core/run.js';
import type { Run } from './run.js';
import { throwIfStopped } from './watching.js';

/**
 * After so many windows and words of people, of some six events each, a run goes on as a new one: its history stays small
 * however long it lasts. Not by the length of the history, which is not the same in a replay (workflows/watching.ts).
 */
const MANY_TURNS = 20;

/**
 * Between two windows: nothing is under way, and all that matters is in the state.
 *
 * @throws {ContinueAsNew} which the main loop lets through.
 * @throws {Stop} when a person has aborted or rejected; {CancelledFailure} when it is cancelled from outside.
 */
export async function goOnAsNew(run: Run): Promise<void> {
  throwIfStopped(run);
  if (run.turns < MANY_TURNS) return;
  if (!allHandlersFinished()) return;
  // A cancellation that came while nothing waited that it could have ended, and that the new run would not know of.
  if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('Workflow cancelled');
  await continueAsNew<(plan: Plan, state: RunState) => Promise<unknown>>(run.plan, run.state);
}
