import { counted } from '../core/units.js';
import type { Position, Problem } from './problem.js';

const WIDEST_SOURCE = 120;

/**
 * Problems as people read them: place, source line and caret, what to do; then how many there are.
 *
 * @returns text with a line break between blocks and none at the end; empty for no problems.
 */
export function renderProblems(problems: readonly Problem[]): string {
  if (problems.length === 0) return '';
  return [...problems.map(renderProblem), summary(problems)].join('\n\n');
}

export function renderProblem(problem: Problem): string {
  const { at } = problem;
  const place = at ? `${problem.file}:${at.line}:${at.column}` : problem.file;
  const head = `${place}: ${problem.severity} ${problem.code}: ${problem.message}`;
  const gutter = at ? ' '.repeat(String(at.line).length) : '';
  return [
    head,
    ...(at ? excerpt(at, gutter) : []),
    ...(problem.path === '' ? [] : [`${gutter} = at ${problem.path}`]),
    ...(problem.help === undefined ? [] : [`${gutter} = help: ${problem.help}`]),
  ].join('\n');
}

function excerpt(at: Position, gutter: string): string[] {
  const characters = [...at.source];
  // A long line is shown around the place; there is always room for it.
  const from =
    at.column > WIDEST_SOURCE / 2 && characters.length > WIDEST_SOURCE ? at.column - WIDEST_SOURCE / 2 : 0;
  const shown = characters.slice(from, from + WIDEST_SOURCE).map(printable);
  const before = shown.slice(0, at.column - 1 - from);
  const marked = shown.slice(before.length, before.length + markedLength(at));
  const padding = before
    .map((character) => (character === '\t' ? '\t' : ' '.repeat(columns(character))))
    .join('');
  const caret = '^'.repeat(
    Math.max(
      1,
      marked.reduce((sum, character) => sum + columns(character), 0),
    ),
  );
  return [`${gutter} |`, `${at.line} | ${shown.join('')}`.trimEnd(), `${gutter} | ${padding}${caret}`];
}

/** Characters of the first line that the range covers. */
function markedLength(at: Position): number {
  const units = at.range[1] - at.range[0];
  const rest = [...at.source].slice(at.column - 1).join('');
  return [...rest.slice(0, units)].length;
}

/** A control character in a file must not reach the terminal as one. */
function printable(character: string): string {
  return /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/u.test(character) && character !== '\t' ? '\uFFFD' : character;
}

const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303f\uff01-\uff60]/u;

/** Columns that a terminal gives a character: wide ones two, marks on the one before none. */
function columns(character: string): number {
  if (/[\p{Mn}\p{Me}\u200d\ufe0f]/u.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

function summary(problems: readonly Problem[]): string {
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const warnings = problems.length - errors;
  const counts = [
    ...(errors === 0 ? [] : [counted(errors, 'error')]),
    ...(warnings === 0 ? [] : [counted(warnings, 'warning')]),
  ];
  return `${counts.join(' and ')} in ${counted(new Set(problems.map(({ file }) => file)).size, 'file')}`;
}
