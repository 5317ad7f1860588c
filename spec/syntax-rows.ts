import { isCollection, isScalar, visit, type Document, type YAMLError } from 'yaml';
import { columnsAbove } from './indents.js';
import { either } from './problem.js';

/** One thing that keeps a text from being YAML, in words of people who write specs. */
export interface SyntaxFault {
  readonly code: string;
  readonly range: readonly [start: number, end: number];
  readonly message: string;
  readonly help: string;
}

export type Saying = Pick<SyntaxFault, 'message' | 'help'> & Partial<SyntaxFault>;

export interface Place {
  readonly text: string;
  readonly document: Document.Parsed;
  readonly error: YAMLError;
  /** Where the error's line begins. */
  readonly lineStart: number;
  /** From the error's place to the end of its line. */
  readonly rest: string;
}

interface Row {
  readonly code: YAMLError['code'];
  /** What the parser says, where one code is used for several things. */
  readonly said?: RegExp;
  readonly tell: Saying | ((place: Place) => Saying);
}

const NO_COLON = ({ rest }: Place): Saying => {
  const [, key] = /^([\w-]+)[:=：]\S/.exec(rest) ?? /^([\w-]+)(?:\s|$)/.exec(rest) ?? [];
  return {
    message: 'the line holds no key with a value; expected a key, a colon and a space, as in "adopt: true"',
    help: key === undefined ? 'put a colon and a space behind the key' : `write "${key}: " and the value`,
  };
};

const NO_DASH: Saying = {
  message: 'the line stands among the entries of a list, and is none; expected "- " before it',
  help: 'write "- " before it, or indent it deeper if it belongs to the entry above',
};

const OFF_COLUMN = ({ text, error }: Place): Saying => {
  const lineStart = lineStartOf(text, error.pos[0]);
  const [blanks = ''] = /^ */.exec(text.slice(lineStart)) ?? [];
  const at = lineStart + blanks.length;
  const dash = /^-(?=\s|$)/.test(text.slice(at));
  if (!dash && columnsAbove(text, at, 'dash').includes(blanks.length))
    return { ...NO_DASH, range: [at, at + 1] };
  if (dash && columnsAbove(text, at, 'key').includes(blanks.length)) {
    return {
      range: [at, at + 1],
      message: 'an entry of a list ("- ") stands among keys; expected a key with a value',
      help: 'write the key of the list on a line before it ("steps:"), or remove the "- "',
    };
  }
  const found = blanks.length === 1 ? '1 space' : `${blanks.length} spaces`;
  return {
    range: [at, at + 1],
    message: `the line is indented by ${found}, which fits none of the lines above it`,
    help: indentHelp(text, at),
  };
};

const COMMA: Saying = {
  message: 'a comma is missing between two entries of [ ] or { }',
  help: 'write a comma between them; a text with a colon or a comma in it goes in quotes',
};

const DASH_IN_LINE: Saying = {
  message: 'a list that is written with "- " begins on the line of its key',
  help: 'begin it on the next line, or write it as [one, two]; a text that begins with "- " goes in quotes',
};

const DASH_IN_BRACKETS: Saying = {
  message: 'entries with "- " stand inside [ ] or { }',
  help: 'leave the dashes out and part the entries by commas, or leave the brackets out',
};

export const DIRECTIVE: Saying = {
  message:
    'a first line with "%" tells a parser of YAML how to read the file; this one says nothing that is needed',
  help: 'remove the line',
};

const TAG = ({ rest }: Place): Saying => ({
  code: 'tag',
  message: `tags are not used here, got ${/^!\S{0,40}/.exec(rest)?.[0] ?? 'one'}`,
  help: 'remove the tag; a text that begins with "!" goes in quotes',
});

const UNCLOSED_BRACKET = ({ text, document, error }: Place): Saying => {
  const close = /end with a (.)/.exec(error.message)?.[1] ?? ']';
  const open = close === ']' ? '[' : '{';
  const end =
    text.slice(error.pos[0]).trim() === ''
      ? 'the end of the file'
      : `line ${text.slice(0, error.pos[0]).split('\n').length}, which is not indented deeper than its key`;
  const at = lastStart(document, (start, node) => isCollection(node) && text[start] === open, error.pos[0]);
  return {
    ...(at === undefined ? {} : { range: [at, at + 1] }),
    message: `the "${open}" is not closed before ${end}`,
    help: `write the "${close}" where it ends; all lines up to the "${close}", its own too, are indented deeper than the key`,
  };
};

const UNCLOSED_QUOTE = ({ text, document, error }: Place): Saying => {
  const quote = error.message.includes('"') ? '"' : "'";
  const at = lastStart(document, (start, node) => isScalar(node) && text[start] === quote, error.pos[0]);
  return {
    ...(at === undefined ? {} : { range: [at, at + 1] }),
    message: `the quote ${quote} is not closed`,
    help: `write ${quote} at the end of the text as well`,
  };
};

/** Where the last of some nodes begins that begin before a place. */
function lastStart(
  document: Document.Parsed,
  isWanted: (start: number, node: unknown) => boolean,
  before: number,
): number | undefined {
  let found: number | undefined;
  visit(document, {
    Node(_key, node) {
      const start = node.range?.[0];
      if (start !== undefined && start < before && isWanted(start, node)) found = Math.max(found ?? 0, start);
    },
  });
  return found;
}

const STRAY = ({ rest }: Place): Saying => {
  const close = rest.charAt(0);
  return {
    message: `a "${close}" closes nothing; no "${close === ']' ? '[' : '{'}" is open here`,
    help: 'remove it, or write the bracket that it closes',
  };
};

const BEGINNING = ({ rest }: Place): Saying => ({
  message: `a text cannot begin with ${rest.charAt(0)} unless it stands in quotes`,
  help: /^%\d/.test(rest) ? 'write the percent sign behind the number: 10%' : 'put the value in quotes',
});

const TRAILING: Saying = {
  message: 'more text stands behind the end of a value',
  help: 'put the whole value in quotes, or remove what is too much',
};

export const ROWS: readonly Row[] = [
  {
    code: 'MULTIPLE_DOCS',
    tell: {
      code: 'several-documents',
      message: 'the file holds several documents; expected one',
      help: 'remove "---" and what follows, or give each document a file of its own',
    },
  },
  { code: 'TAG_RESOLVE_FAILED', tell: TAG },
  { code: 'MULTIPLE_TAGS', tell: TAG },
  { code: 'BAD_COLLECTION_TYPE', tell: TAG },
  { code: 'BLOCK_AS_IMPLICIT_KEY', said: /block sequence/, tell: OFF_COLUMN },
  {
    code: 'BLOCK_AS_IMPLICIT_KEY',
    tell: {
      message: 'a second key with a colon stands on the line of a key; expected one "key: value" a line',
      help: 'put a value with a colon in it in quotes; a key inside a key goes on the next line, indented',
    },
  },
  { code: 'BLOCK_IN_FLOW', tell: ({ rest }) => (/^-\s/.test(rest) ? DASH_IN_BRACKETS : COMMA) },
  {
    code: 'MULTILINE_IMPLICIT_KEY',
    tell: (place) => (/^-\s/.test(place.rest) ? OFF_COLUMN(place) : NO_COLON(place)),
  },
  { code: 'MISSING_CHAR', said: /^Implicit map keys/, tell: NO_COLON },
  { code: 'MISSING_CHAR', said: /^Sequence item/, tell: OFF_COLUMN },
  { code: 'MISSING_CHAR', said: /^Missing closing/, tell: UNCLOSED_QUOTE },
  { code: 'MISSING_CHAR', said: /end with a/, tell: UNCLOSED_BRACKET },
  { code: 'MISSING_CHAR', said: /^Missing (?:,|space)/, tell: COMMA },
  { code: 'MISSING_CHAR', said: /directives-end/, tell: DIRECTIVE },
  {
    code: 'MISSING_CHAR',
    said: /^Comments/,
    tell: {
      message: 'a "#" stands right behind a value; expected a space before a comment',
      help: 'write a space before "#", or put the whole value in quotes if "#" belongs to it',
    },
  },
  {
    code: 'MISSING_CHAR',
    said: /leading empty lines/,
    tell: {
      message: 'an empty line before a text has more spaces than the text is indented by',
      help: 'remove the spaces of the empty lines above',
    },
  },
  {
    code: 'MISSING_CHAR',
    said: /^Tags and anchors/,
    tell: {
      message: 'a space is missing behind a name that begins with "&" or "!"',
      help: 'write a space behind it, or put the whole value in quotes',
    },
  },
  { code: 'BAD_INDENT', said: /end with a/, tell: UNCLOSED_BRACKET },
  { code: 'BAD_INDENT', said: /must start at the same column/, tell: OFF_COLUMN },
  {
    code: 'BAD_INDENT',
    said: /^Block scalar/,
    tell: {
      message: 'the text behind "|" or ">" is not indented',
      help: 'indent its lines deeper than its key',
    },
  },
  {
    code: 'BAD_INDENT',
    tell: {
      message: 'the line is not indented deep enough for what it belongs to',
      help: 'indent it deeper than the key that it belongs to',
    },
  },
  { code: 'UNEXPECTED_TOKEN', said: /flow-(?:seq|map)-end/, tell: STRAY },
  { code: 'UNEXPECTED_TOKEN', said: /block-seq-ind/, tell: DASH_IN_LINE },
  {
    code: 'UNEXPECTED_TOKEN',
    said: /^Unexpected (?:,|empty item)/,
    tell: { message: 'a comma has nothing before it', help: 'remove the comma, or write what is missing' },
  },
  { code: 'UNEXPECTED_TOKEN', said: /^Unexpected \S+ token$/, tell: COMMA },
  {
    code: 'UNEXPECTED_TOKEN',
    said: /^Block scalar header|^Not a YAML token/,
    tell: {
      message: 'text stands on the line of a "|" or ">"',
      help: 'begin the text on the next line; a value that begins with "|" or ">" goes in quotes',
    },
  },
  { code: 'UNEXPECTED_TOKEN', tell: TRAILING },
  { code: 'BAD_SCALAR_START', tell: BEGINNING },
  {
    code: 'BAD_DQ_ESCAPE',
    tell: ({ rest }) => ({
      message: `${rest.slice(0, 2)} means nothing inside double quotes`,
      help: 'use single quotes, where a backslash is a backslash, or write it twice; paths take /',
    }),
  },
  {
    code: 'BAD_ALIAS',
    tell: ({ text, error }) => {
      const sign = text[error.pos[0]] === '&' ? '&' : '*';
      return {
        message: `"${sign}" has no name behind it that YAML could take`,
        help: `put a text that begins with "${sign}" in quotes`,
      };
    },
  },
  {
    code: 'ALIAS_PROPS',
    tell: {
      message: 'an alias (*name) cannot have a name or a tag of its own',
      help: 'remove what stands before "*"',
    },
  },
  {
    code: 'MULTIPLE_ANCHORS',
    tell: { message: 'one value has two names (&name)', help: 'keep one of the two' },
  },
  {
    code: 'BAD_PROP_ORDER',
    tell: {
      message: 'a name (&name) or a tag (!name) stands before "-", "?" or ":"',
      help: 'write it behind, right before the value',
    },
  },
  { code: 'BAD_DIRECTIVE', tell: DIRECTIVE },
  {
    code: 'KEY_OVER_1024_CHARS',
    tell: { message: 'a key is longer than 1024 characters', help: 'check that it is the right file' },
  },
  {
    code: 'RESOURCE_EXHAUSTION',
    tell: { message: 'the file is nested too deep', help: 'check that it is the right file' },
  },
];

export function indentHelp(text: string, at: number): string {
  const columns = columnsAbove(text, at);
  if (columns.length === 0) return 'indent it like the lines that it belongs with';
  return columns.length === 1 && columns[0] === 0
    ? 'remove the spaces before it'
    : `indent it by ${either(columns.map(String))} spaces, like the lines above that it belongs with`;
}

export function lineStartOf(text: string, offset: number): number {
  return offset === 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1;
}
