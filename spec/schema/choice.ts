import { z } from 'zod';

/** What to say of a value that fits none of a choice's forms. */
export interface Misfit {
  readonly code: string;
  readonly message: string;
  readonly help?: string;
}

interface Chooser {
  /** The form that the value was meant to have, or why it is none of them. */
  readonly choose: (value: unknown) => z.ZodType | Misfit;
}

/** How to tell the forms of a union apart, for errors that speak of the one form that was meant. */
export const choosers = new WeakMap<z.ZodType, Chooser>();

/**
 * A value of one of several forms.
 *
 * A plain union says of a wrong value only that no form fits; `choose` names the one that was meant, and its own
 * errors are shown.
 */
export function choice<const Options extends readonly z.ZodType[]>(
  description: string,
  options: Options,
  choose: Chooser['choose'],
): z.ZodUnion<Options> {
  // The types of unions of unions are beyond the compiler; the schema is what the return type says.
  const union = z.union(options as readonly z.ZodType[]).describe(description);
  choosers.set(union, { choose });
  return union as unknown as z.ZodUnion<Options>;
}

export function isSchema(found: z.ZodType | Misfit | undefined): found is z.ZodType {
  return found instanceof z.ZodType;
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
