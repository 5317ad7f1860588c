import { z } from 'zod';
import { either, isOfSecret, MOST_PROBLEMS, pathText, quote, type Path, type Problem } from '../problem.js';
import { problemAt, type Complaint, type Source } from '../source.js';
import { meantBy, suggest } from '../suggest.js';
import { choosers, isMapping, isSchema } from './choice.js';
import { refused } from './refused.js';
import { respelt } from './respell.js';
import { textKinds, type KnownKind } from './texts.js';

type Issue = z.core.$ZodIssue;

export interface Checked<T> {
  /** Undefined when the value does not fit the schema. */
  readonly value: T | undefined;
  readonly problems: readonly Problem[];
}

/** Checks a part of a document against the schema of that part. */
export function check<S extends z.ZodType>(source: Source, schema: S, value: unknown, at: Path): Checked<z.output<S>> {
  const result = schema.safeParse(value);
  if (result.success) return { value: result.data, problems: [] };
  const problems = problemsOf(source, schema, value, at, result.error.issues);
  if (problems.length > 0) return { value: undefined, problems };
  // Never silent: a form that zod refuses and its chooser does not.
  const complaint = { code: 'value', message: `${quote(value)} does not fit here`, help: descriptionOf(schema) };
  return { value: undefined, problems: [problemAt(source, at, complaint)] };
}

function problemsOf(
  source: Source,
  schema: z.ZodType,
  value: unknown,
  at: Path,
  issues: readonly Issue[],
): Problem[] {
  const told = new Set<string>();
  const problems: Problem[] = [];
  for (const issue of issues) {
    if (problems.length > MOST_PROBLEMS) break;
    const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
    // A key that does not fit is no fault of the value that stands there.
    const union = issue.code === 'invalid_key' ? undefined : outermostUnion(schema, value, path);
    if (union === undefined) {
      problems.push(...issueProblems(source, schema, value, at, path, issue));
      continue;
    }
    // Whatever is wrong below a union is told once, by the form that was meant.
    const key = pathText(union.path);
    if (told.has(key)) continue;
    told.add(key);
    problems.push(...unionProblems(source, union.schema, valueAt(value, union.path), [...at, ...union.path]));
  }
  return problems;
}

function issueProblems(
  source: Source,
  schema: z.ZodType,
  value: unknown,
  at: Path,
  path: Path,
  issue: Issue,
): Problem[] {
  const full = [...at, ...path];
  const place = schemaAt(schema, value, path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, MOST_PROBLEMS + 1).map((key) => problemAt(source, [...full, key], { ...unknownKey(place, key, full), key: true }));
  }
  if (issue.code === 'invalid_key') {
    const record = schemaAt(schema, value, path.slice(0, -1));
    const plain = record && unwrapped(record);
    const kind = kindOf(plain instanceof z.ZodRecord ? (plain.keyType as z.ZodType) : undefined);
    const key = String(path.at(-1) ?? '');
    const complaint = kind ? badText(kind, key) : { code: 'key', message: `${quote(key)} cannot be a key here` };
    return [problemAt(source, full, { ...complaint, key: true })];
  }
  return [problemAt(source, full, complaintOf(issue, place, valueAt(value, path), full))];
}

/** The first union on the way to a path: zod tells of it that no form fits, or of one form only. */
function outermostUnion(
  schema: z.ZodType,
  value: unknown,
  path: Path,
): { readonly schema: z.ZodType; readonly path: Path } | undefined {
  for (let depth = 0; depth <= path.length; depth += 1) {
    const here = path.slice(0, depth);
    const found = schemaAt(schema, value, here);
    const plain = found && unwrapped(found);
    if (plain && choosers.has(plain)) return { schema: plain, path: here };
  }
  return undefined;
}

/** The errors of the form that was meant. */
function unionProblems(source: Source, union: z.ZodType, found: unknown, at: Path): Problem[] {
  const choice = choosers.get(union)?.choose(found);
  if (isSchema(choice)) return [...check(source, choice, found, at).problems];
  const unknown = { code: 'type', message: `${quote(found)} has none of the forms that are possible here` };
  return [problemAt(source, at, choice ?? unknown)];
}

function unknownKey(place: z.ZodType | undefined, key: string, at: Path): Complaint {
  const owner = place && unwrapped(place);
  const refusal = owner && refused.get(owner)?.fields[key];
  if (refusal) return { code: 'not-carried', message: `"${key}" is not carried: ${refusal.why}`, help: refusal.help };
  const known = owner instanceof z.ZodObject ? Object.keys(owner.shape) : [];
  const near = meantBy(key, known);
  const help = key.includes(':') ? `did you mean "${near}: …"? Behind the colon stands a space` : `did you mean "${near}"?`;
  return {
    code: 'unknown-key',
    message: `${quote(key)} is not a field ${ownerText(at)}`,
    help: near === undefined ? `expected ${either(known)}` : help,
  };
}

function ownerText(at: Path): string {
  const last = at.at(-1);
  if (last === undefined) return 'of this file';
  if (typeof last === 'number') return at[0] === 'steps' ? 'of this step' : 'of this entry';
  return `of ${quote(last)}`;
}

function complaintOf(issue: Issue, place: z.ZodType | undefined, found: unknown, at: Path): Complaint {
  const kind = kindOf(place);
  const help = place && descriptionOf(place);
  if (found === undefined) {
    const key = String(at.at(-1) ?? '');
    return { code: 'missing-key', message: `"${key}" is missing`, help };
  }
  if (kind) return badText(kind, found);
  switch (issue.code) {
    case 'invalid_value': {
      const words = issue.values.map(String);
      const near = typeof found === 'string' ? suggest(found, words) : undefined;
      return {
        code: 'choice',
        message: `${quote(found)} is not possible here; expected ${either(words)}`,
        help: near === undefined ? help : `did you mean "${near}"?`,
      };
    }
    case 'too_big':
      return { code: 'range', message: `must be at most ${sized(issue.origin, issue.maximum)}, got ${amountOf(found)}`, help };
    case 'too_small':
      return { code: 'range', message: `must be at least ${sized(issue.origin, issue.minimum)}, got ${amountOf(found)}`, help };
    case 'invalid_type':
      if (issue.expected === 'array' && isMapping(found)) {
        return { code: 'type', message: 'expected a list, got a mapping', help: 'write "- " before each entry' };
      }
      return { code: 'type', message: `expected ${TYPES[issue.expected] ?? issue.expected}, got ${quote(found)}`, help };
    default:
      return { code: 'value', message: `${quote(found)} does not fit here: ${issue.message}`, help };
  }
}

/** What to say of a text that has not the form of its kind; also of a number that lost its unit. */
function badText(kind: KnownKind, found: unknown): Complaint {
  const text = typeof found === 'number' ? String(found) : found;
  const known = typeof text === 'string' ? kind.explain?.(text, kind) : undefined;
  if (known) return { ...known, help: known.help ?? kind.help };
  if (isOfSecret(kind.code)) return { code: kind.code, message: `expected ${kind.expected}`, help: kind.help };
  const meant = typeof text === 'string' ? respelt(text, kind.fits) : undefined;
  const help = meant === undefined ? kind.help : `write ${meant}`;
  return { code: kind.code, message: `expected ${kind.expected}, got ${quote(found)}`, help };
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
};

function sized(origin: string, limit: number | bigint): string {
  if (origin === 'string') return limit === 1n || limit === 1 ? '1 character long' : `${limit} characters long`;
  if (origin === 'array') return limit === 1 ? '1 entry long' : `${limit} entries long`;
  return String(limit);
}

function amountOf(found: unknown): string {
  if (typeof found === 'string') return found.length === 0 ? 'an empty text' : `${found.length}`;
  if (Array.isArray(found) && found.length > 0) return `${found.length}`;
  return quote(found);
}

/** The part of a schema that a path of a value leads to, with its wrappers: they hold the description. */
function schemaAt(schema: z.ZodType, value: unknown, path: Path): z.ZodType | undefined {
  let here: z.ZodType | undefined = schema;
  let found = value;
  for (const part of path) {
    here = here && inner(here, found);
    if (here instanceof z.ZodObject) here = (here.shape as Record<string, z.ZodType>)[String(part)];
    else if (here instanceof z.ZodArray) here = here.element as z.ZodType;
    else if (here instanceof z.ZodRecord) here = here.valueType as z.ZodType;
    else return undefined;
    found = valueAt(found, [part]);
  }
  return here;
}

/** Without wrappers, and for a union the form that the value has. */
function inner(schema: z.ZodType, value: unknown): z.ZodType | undefined {
  const plain = unwrapped(schema);
  if (!(plain instanceof z.ZodUnion)) return plain;
  const choice = choosers.get(plain)?.choose(value);
  return isSchema(choice) ? inner(choice, value) : undefined;
}

/** Without optional, default and transform. */
function unwrapped(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodPrefault) return unwrapped(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodPipe) return unwrapped(schema.in as z.ZodType);
  return schema;
}

/** The description nearest to the outside. */
function descriptionOf(schema: z.ZodType): string | undefined {
  if (schema.description !== undefined) return schema.description;
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodPrefault) return descriptionOf(schema.unwrap() as z.ZodType);
  return schema instanceof z.ZodPipe ? descriptionOf(schema.in as z.ZodType) : undefined;
}

function kindOf(schema: z.ZodType | undefined): KnownKind | undefined {
  const plain = schema && unwrapped(schema);
  return plain && textKinds.get(plain as z.ZodString);
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((found, part) => {
    if (Array.isArray(found)) return found[Number(part)] as unknown;
    return isMapping(found) && Object.hasOwn(found, part) ? found[part] : undefined;
  }, value);
}

