/** One thing wrong with a spec or a file that it names. Values, so that all of them are shown at once. */
export interface Problem {
  /** Errors reject the spec; warnings do not. */
  readonly severity: 'error' | 'warning';
  /** Stable name to match on, e.g. `spec/unknown-key` or `deployment/missing-file`. */
  readonly code: string;
  /** What is wrong, with the value found, and what was expected. */
  readonly message: string;
  /** What to do. */
  readonly help?: string;
  /** Where in the document: `steps[1].mirror`; empty for the document itself. */
  readonly path: string;
  /** The file as the user named it. */
  readonly file: string;
  /** Where in the file's text; null when the file could not be read at all. */
  readonly at: Position | null;
}

export interface Position {
  /** Offsets in the text, UTF-16 units: start, and end (not included). */
  readonly range: readonly [start: number, end: number];
  /** From 1. */
  readonly line: number;
  /** From 1, in characters (code points), as editors count. */
  readonly column: number;
  /** The whole line, without its line break; of one with a secret, what stands before that. */
  readonly source: string;
}

/** Problems with a value that may be a secret: nothing shows it, for what is shown is kept in logs. */
const OF_SECRETS: ReadonlySet<string> = new Set(['secret', 'plain-secret']);

/** @param code - of a problem, with or without the kind of file before it. */
export function isOfSecret(code: string): boolean {
  return OF_SECRETS.has(code.slice(code.lastIndexOf('/') + 1));
}

/** What else is wrong in the line of a secret shows no more of it than the secret's own problem does. */
export function hidingSecrets(problems: readonly Problem[]): readonly Problem[] {
  const lineOf = ({ file, at }: Problem): string => `${at?.line} ${file}`;
  const shown = new Map<string, string>();
  for (const problem of problems) {
    const { code, at } = problem;
    const before = shown.get(lineOf(problem));
    if (at === null || !isOfSecret(code)) continue;
    if (before === undefined || at.source.length < before.length) shown.set(lineOf(problem), at.source);
  }
  return problems.map((problem) => {
    const source = shown.get(lineOf(problem));
    return problem.at === null || source === undefined
      ? problem
      : { ...problem, at: { ...problem.at, source } };
  });
}

/** More than anybody mends at once; a file of noise would have tens of thousands. */
export const MOST_PROBLEMS = 100;

export type Path = readonly (string | number)[];

/** `steps[1].mirror`; names that are not plain words are quoted. */
export function pathText(path: Path): string {
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`;
      if (!/^[\w$-]+$/.test(part)) return `[${quote(part)}]`;
      return index === 0 ? part : `.${part}`;
    })
    .join('');
}

const LONGEST_QUOTE = 60;

/** A value as people wrote it, cut to one short line; control characters are escaped. */
export function quote(value: unknown): string {
  if (typeof value === 'string') {
    const cut = value.length > LONGEST_QUOTE ? `${value.slice(0, LONGEST_QUOTE)}…` : value;
    return JSON.stringify(cut).replace(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, escapeUnit);
  }
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (value === null) return 'nothing';
  if (typeof value === 'object') return 'a mapping';
  return String(value);
}

function escapeUnit(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** `a`, `a or b`, `a, b or c`. */
export function either(words: readonly string[]): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}
