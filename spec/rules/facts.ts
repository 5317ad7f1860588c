import type { Draft, StepForm } from '../draft.js';
import type { Path } from '../problem.js';
import type { Deployment } from '../deployment-form.js';
import { STEP_NAMES, type StepName } from '../schema/steps.js';
import type { Source } from '../source.js';

/** What the rules look at: everything that could be read, the rest undefined or null. */
export interface Facts {
  readonly draft: Draft;
  readonly steps: readonly (StepForm | null)[];
  readonly deployment: Deployment | undefined;
  readonly deploymentSource: Source | undefined;
}

export type ShiftForm = Extract<StepForm, { mirror: unknown } | { ramp: unknown }>;
/** Steps at which gates watch. */
export type WatchedForm = ShiftForm | Extract<StepForm, { approve: unknown } | { bake: unknown }>;

export function nameOf(step: StepForm): StepName {
  if (step === 'cutover') return 'cutover';
  return STEP_NAMES.find((name) => name in step) ?? 'create';
}

export function isShift(step: StepForm | null): step is ShiftForm {
  return step !== null && step !== 'cutover' && ('mirror' in step || 'ramp' in step);
}

export function isWatched(step: StepForm | null): step is WatchedForm {
  return isShift(step) || (step !== null && step !== 'cutover' && ('approve' in step || 'bake' in step));
}

/** Where a step stands; what it has by default is shown at the step itself. */
export function stepPath(index: number, ...rest: Path): Path {
  return ['steps', index, ...rest];
}
