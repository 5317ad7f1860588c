import type { Document, YAMLError } from 'yaml';
import { MOST_PROBLEMS, withoutAddresses } from './problem.js';
import {
  DIRECTIVE,
  indentHelp,
  lineStartOf,
  ROWS,
  type Place,
  type Saying,
  type SyntaxFault,
} from './syntax-rows.js';

/**
 * What the parser found, said so that it can be mended.
 *
 * One mistake makes the parser stumble several times: of a line one fault is told, and none behind a place where it
 * lost its way.
 */
export function syntaxFaults(document: Document.Parsed, text: string): readonly SyntaxFault[] {
  const errors = [...document.errors, ...document.warnings];
  if (errors.length === 0) return [];
  const foreign = foreignText(text);
  if (foreign !== undefined) return [foreign];
  const faults: SyntaxFault[] = [];
  const lines = new Set<number>();
  for (const error of errors) {
    if (faults.length > MOST_PROBLEMS) break;
    const place = placeOf(error, document, text);
    if (lines.has(place.lineStart) || (faults.length > 0 && isAftermath(error))) continue;
    const fault = faultOf(place, errors);
    lines.add(place.lineStart).add(lineStartOf(text, fault.range[0]));
    if (!(fault.message === DIRECTIVE.message && faults.some(({ message }) => message === fault.message))) {
      faults.push(fault);
    }
    if (LOSES_ITS_WAY.test(error.message)) break;
  }
  return faults;
}

/** Behind an end that the parser took for the document's, every word is an error of its own. */
function isAftermath({ message }: YAMLError): boolean {
  return /in YAML stream|at node end/.test(message);
}

const LOSES_ITS_WAY = /end with a [\]}]|Missing closing/;

/** Text that needs no place of the parser's to be known. */
function foreignText(text: string): SyntaxFault | undefined {
  for (const { sign, message, help } of FOREIGN) {
    const found = sign.exec(text);
    if (found) {
      return { code: 'yaml', range: [found.index, found.index + found[0].length], message, help };
    }
  }
  return undefined;
}

export const TEMPLATE = {
  message: 'a template stands in the file (Helm, Jinja or the like); expected the file that it makes',
  help: 'render the template first; a text that begins with "{{" goes in quotes',
};

/** What other programs leave in a file, and what makes one line of it. */
const FOREIGN = [
  {
    sign: /^[^\n]*\r[^\n]+$/,
    message: 'the lines end in a carriage return (CR) alone, which makes one line of the file',
    help: 'save it with LF or CRLF at the end of lines',
  },
  {
    sign: /^(?:<{7}|>{7})(?=[ \r\n]|$)/m,
    message: 'a merge conflict of Git stands in the file',
    help: 'keep what is right of both sides, and remove the lines <<<<<<<, ======= and >>>>>>>',
  },
  { sign: /\{\{|\{%/, ...TEMPLATE },
];

function placeOf(error: YAMLError, document: Document.Parsed, text: string): Place {
  const start = Math.min(error.pos[0], text.length);
  const end = text.indexOf('\n', start);
  const rest = text.slice(start, end < 0 ? text.length : end).replace(/\r$/, '');
  return { text, document, error, lineStart: lineStartOf(text, start), rest };
}

function faultOf(place: Place, errors: readonly YAMLError[]): SyntaxFault {
  const { error } = place;
  const saying = tabOf(place) ?? runOn(place, errors) ?? rowOf(place);
  return { code: 'yaml', range: error.pos, ...saying };
}

/** A tab among the blanks that a line begins with makes the parser complain of many things. */
function tabOf({ text, error, lineStart }: Place): Saying | undefined {
  const [blanks = ''] = /^[ \t]*/.exec(text.slice(lineStart)) ?? [];
  const at = lineStart + blanks.indexOf('\t');
  if (error.code !== 'TAB_AS_INDENT' && !(blanks.includes('\t') && INDENTS.has(error.code))) return undefined;
  return {
    code: 'tab',
    ...(blanks.includes('\t') ? { range: [at, at + 1] } : {}),
    message: 'a tab is used as indentation; YAML indents with spaces',
    help: 'replace the tab by spaces',
  };
}

const INDENTS: ReadonlySet<string> = new Set(['BAD_INDENT', 'MISSING_CHAR', 'MULTILINE_IMPLICIT_KEY']);

/** A line that is indented deeper than the value before it is read on as that value. */
function runOn({ text, error, rest }: Place, errors: readonly YAMLError[]): Saying | undefined {
  const [start] = error.pos;
  const goesOn = errors.some(({ code, pos }) => code === 'MULTILINE_IMPLICIT_KEY' && pos[0] === start);
  if (error.code !== 'BLOCK_AS_IMPLICIT_KEY' || !goesOn || rest.startsWith('- ')) return undefined;
  const next = /^(?:[^\S\n]*\n)*[^\S\n]*/.exec(text.slice(start + rest.length));
  const at = start + rest.length + (next?.[0].length ?? 0);
  if (rest === '' || at >= text.length) return undefined;
  const end = text.indexOf('\n', at);
  return {
    range: [at, end < 0 ? text.length : end],
    message: 'the line is indented too deep: it would belong to the value of the line before it',
    help: indentHelp(text, at),
  };
}

function rowOf(place: Place): Saying {
  const { error } = place;
  const row = ROWS.find(({ code, said }) => code === error.code && (said?.test(error.message) ?? true));
  return row === undefined
    ? unknownFault(error)
    : typeof row.tell === 'function'
      ? row.tell(place)
      : row.tell;
}

/** Should the parser learn to find more. */
function unknownFault({ message }: YAMLError): Saying {
  const said = withoutAddresses(message.charAt(0).toLowerCase() + message.slice(1));
  return {
    message: `this cannot be read as YAML: ${said}`,
    help: 'look at this line and the one before it: indentation, quotes, brackets, colons',
  };
}
