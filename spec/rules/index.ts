import type { Draft, StepForm } from '../draft.js';
import type { Problem } from '../problem.js';
import type { Deployment } from '../schema/deployment.js';
import type { Source } from '../source.js';

/** What the rules look at: everything that could be read, the rest undefined or null. */
export interface Facts {
  readonly draft: Draft;
  readonly steps: readonly (StepForm | null)[];
  readonly deployment: Deployment | undefined;
  readonly deploymentSource: Source | undefined;
}

/** Everything that a spec has to meet beyond its form. */
export function rulesOf(_facts: Facts): readonly Problem[] {
  return [];
}
