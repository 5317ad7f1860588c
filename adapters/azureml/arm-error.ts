import { z } from 'zod';
import { jsonOrUndefined } from './json.js';

/** Details within details: what is deeper is the service's own business. */
const DEEPEST = 3;

/** Neither an empty text nor null says anything. */
const Said = z
  .string()
  .nullish()
  .transform((text) => text || undefined)
  .optional();
const Part = z.looseObject({ code: Said, message: Said, details: z.unknown().optional() });
/** How the service that Azure ML asks in turn refuses: by field, and with none where it is about the whole. */
const Refused = z.looseObject({ errors: z.record(z.string(), z.array(z.string())) });

/**
 * What went wrong, as ARM says it, in one text: the message of Azure ML is "The request is invalid." as a rule, and the
 * reason stands in the details.
 */
export const ArmError = Part.transform(({ code, message, details }) => {
  const said = [...(message === undefined ? [] : [unwrapped(message)]), ...reasonsIn(details, DEEPEST)];
  const texts = new Set(said.map((text) => text.trim().replace(/[.;]+$/, '')));
  return { code, message: [...texts].join('; ') || undefined };
});

function reasonsIn(details: unknown, depth: number): readonly string[] {
  if (!Array.isArray(details) || depth === 0) return [];
  return details.flatMap((detail: unknown) => {
    const part = Part.safeParse(detail).data;
    if (part === undefined) return [];
    const reason = [part.code, part.message && unwrapped(part.message)].filter(Boolean).join(': ');
    return [...(reason === '' ? [] : [reason]), ...reasonsIn(part.details, depth - 1)];
  });
}

/** The reasons alone where they come as JSON within a text: around them are a link, a status and ids, at more length. */
function unwrapped(text: string): string {
  const start = text.indexOf('{');
  const refused = start < 0 ? undefined : Refused.safeParse(jsonOrUndefined(text.slice(start))).data;
  if (refused === undefined) return text;
  const reasons = Object.entries(refused.errors).flatMap(([field, texts]) =>
    texts.map((reason) => (field === '' ? reason : `${field}: ${reason}`)),
  );
  return reasons.length === 0 ? text : reasons.join('; ');
}
