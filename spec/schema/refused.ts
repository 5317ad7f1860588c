import type { z } from 'zod';
import { z as zod } from 'zod';

/** Fields that Azure ML knows and this project does not carry: by object, then name, with the reason. */
export const refused = zod.registry<{ readonly fields: Readonly<Record<string, Refusal>> }>();

export interface Refusal {
  /** Ends the sentence `"startup_probe" is not carried: …`. */
  readonly why: string;
  readonly help: string;
}

export function refusing<T extends z.ZodType>(schema: T, fields: Readonly<Record<string, Refusal>>): T {
  refused.add(schema, { fields });
  return schema;
}
