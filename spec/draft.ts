import type { z } from 'zod';
import type { Problem } from './problem.js';
import { standardGates, standardSteps } from './defaults.js';
import { check } from './schema/check.js';
import { isMapping } from './schema/choice.js';
import { Gate } from './schema/gates.js';
import { Rollout } from './schema/rollout.js';
import { BARE, MOST_STEPS, Step } from './schema/steps.js';
import type { Source } from './source.js';

type Fields = z.output<typeof Rollout>;
/** A step that was written out, every word expanded. */
export type StepForm = Exclude<Step, string> | 'cutover';

/**
 * A spec as far as it could be read. A part that is wrong is null or undefined, so that the rules can be checked on
 * the rest and all problems are shown at once.
 */
export interface Draft {
  readonly source: Source;
  readonly fields: { readonly [K in keyof Omit<Fields, 'gates' | 'steps'>]: Fields[K] | undefined };
  readonly gates: ReadonlyMap<string, Gate | null>;
  /** Undefined: the spec has none, and gets the standard ones once its deployment is known. */
  readonly steps: readonly (StepForm | null)[] | undefined;
  /** Whether gates or steps stand in the spec, and are not the standard ones. */
  readonly written: { readonly gates: boolean; readonly steps: boolean };
}

export function readDraft(source: Source): { readonly draft: Draft; readonly problems: readonly Problem[] } {
  const { problems } = check(source, Rollout, source.value, []);
  const value = isMapping(source.value) ? source.value : {};
  const fields = Object.fromEntries(
    Object.entries(Rollout.shape)
      .filter(([key]) => key !== 'gates' && key !== 'steps')
      .map(([key, schema]) => [key, valueOf(schema, value[key])]),
  ) as unknown as Draft['fields'];
  const written = { gates: value['gates'] !== undefined, steps: value['steps'] !== undefined };
  return {
    problems,
    draft: {
      source,
      fields,
      gates: gatesOf(value['gates'], fields.target),
      steps: stepsOf(value['steps']),
      written,
    },
  };
}

/** The steps that run: the written ones, or the standard pipeline for this target. */
export function stepsFor({ steps, fields }: Draft): readonly (StepForm | null)[] {
  return steps ?? stepsOf(standardSteps(!onAzure(fields.target))) ?? [];
}

/** Azure Monitor has neither histograms nor counts of mirrored requests: what is standard elsewhere cannot be judged. */
export function onAzure(target: Draft['fields']['target']): boolean {
  return target !== undefined && 'azureml' in target;
}

function gatesOf(value: unknown, target: Draft['fields']['target']): ReadonlyMap<string, Gate | null> {
  const gates = value === undefined ? standardGates(!onAzure(target)) : isMapping(value) ? value : {};
  return new Map(Object.entries(gates).map(([name, gate]) => [name, valueOf(Gate, gate) ?? null]));
}

function stepsOf(value: unknown): readonly (StepForm | null)[] | undefined {
  if (value === undefined) return undefined;
  // No list, none in it or too many: one step that is wrong, so that no rule speaks of steps that are missing.
  const listed = Array.isArray(value) && value.length > 0 && value.length <= MOST_STEPS;
  return listed ? value.map(stepOf) : [null];
}

function stepOf(value: unknown): StepForm | null {
  const step = valueOf(Step, value);
  if (step === undefined) return null;
  if (typeof step !== 'string' || step === 'cutover') return step;
  return (valueOf(Step, BARE[step]) as StepForm | undefined) ?? null;
}

function valueOf<S extends z.ZodType>(schema: S, value: unknown): z.output<S> | undefined {
  const result = schema.safeParse(value);
  return result.success ? result.data : undefined;
}
