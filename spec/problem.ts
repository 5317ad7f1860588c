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
  /** The whole line, without its line break; of one with a secret or a web address, what stands before that. */
  readonly source: string;
}

/** Problems with a value that may be a secret: nothing shows it, for what is shown is kept in logs. */
const OF_SECRETS: ReadonlySet<string> = new Set(['secret', 'plain-secret']);

/** @param code - of a problem, with or without the kind of file before it. */
export function isOfSecret(code: string): boolean {
  return OF_SECRETS.has(code.slice(code.lastIndexOf('/') + 1));
}

/** Where values stand that may be secrets, also those under a key that is misspelt. */
const BESIDE_SECRETS = /^(?:notify|environment_variables)(?:[.[]|$)/;

/** What may be shown of the line that a problem points at. */
export function shownOf(
  source: string,
  column: number,
  { code, path }: Pick<Problem, 'code' | 'path'>,
): string {
  if (isOfSecret(code)) return [...source].slice(0, column - 1).join('');
  return BESIDE_SECRETS.test(path) ? (/^[^:]*:(?=\s|$)/.exec(source)?.[0] ?? '') : source;
}

/** What else is wrong in the line of a secret shows no more of it than the secret's own problem does. */
export function hidingSecrets(problems: readonly Problem[]): readonly Problem[] {
  const lineOf = ({ file, at }: Problem): string => `${at?.line} ${file}`;
  const shown = new Map<string, string>();
  for (const problem of problems) {
    const { code, path, at } = problem;
    const before = shown.get(lineOf(problem));
    if (at === null || !(isOfSecret(code) || BESIDE_SECRETS.test(path))) continue;
    if (before === undefined || at.source.length < before.length) shown.set(lineOf(problem), at.source);
  }
  return problems.map((problem) => {
    const source = shown.get(lineOf(problem));
    return problem.at === null || source === undefined
      ? problem
      : { ...problem, at: { ...problem.at, source } };
  });
}

/** A web address may be a secret by itself, as a webhook's is: of none is more shown than that it is one. */
export function withoutAddresses(text: string): string {
  return text.replace(/(https?:\/\/)\S+/gi, '$1…');
}

/** A line up to its first web address. */
export function beforeAddress(line: string): string {
  return /^.*?https?:\/\//i.exec(line)?.[0] ?? line;
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

/** A value as people wrote it, cut to one short line, without web addresses; control characters are escaped. */
export function quote(value: unknown): string {
  if (typeof value === 'string') {
    const shown = withoutAddresses(value);
    const cut = shown.length > LONGEST_QUOTE ? `${shown.slice(0, LONGEST_QUOTE)}…` : shown;
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
