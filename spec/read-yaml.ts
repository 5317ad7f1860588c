import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { nearFile, readText } from './files.js';
import { excessOf } from './guard.js';
import { MOST_PROBLEMS, pathText, quote, type Problem } from './problem.js';
import { keyText, positionOf, type Source } from './source.js';
import { syntaxFaults, TEMPLATE } from './syntax.js';

/** Far above any spec, far below what makes a parser slow. */
const LARGEST_FILE = 1024 * 1024;
const MOST_ALIASES = 100;
const WRONG_FILE = 'check that it is the right file';

export interface Reading {
  readonly source?: Source;
  readonly problems: readonly Problem[];
}

/**
 * Reads and parses one YAML 1.2 file, positions kept.
 *
 * `source` is there whenever its values can be looked at; `problems` may not be empty all the same.
 *
 * @param shown - the file as the user named it, for messages.
 */
export async function readYaml(path: string, shown: string, kind: Source['kind']): Promise<Reading> {
  const read = await readText(path, LARGEST_FILE);
  if (read.ok) return parseYaml(read.value, shown, kind);
  const { code, message } = read.fault;
  const help = code === 'missing-file' ? await helpToFind(path) : read.fault.help;
  return {
    problems: [
      {
        severity: 'error',
        code: `${kind}/${code}`,
        message: `${shown} ${message}`,
        help,
        path: '',
        file: shown,
        at: null,
      },
    ],
  };
}

/** For a file that a command names; those that files name are looked at before they are read. */
async function helpToFind(path: string): Promise<string> {
  const near = await nearFile(path);
  return near === undefined
    ? 'check the path; it is relative to the folder that the command runs in'
    : `did you mean ${near}?`;
}

export function parseYaml(text: string, file: string, kind: Source['kind']): Reading {
  const lines = linesOf(text);
  const complain = (
    code: string,
    range: readonly [number, number],
    message: string,
    help?: string,
  ): Problem => ({
    severity: 'error',
    code: `${kind}/${code}`,
    message,
    ...(help === undefined ? {} : { help }),
    path: pathText([]),
    file,
    at: positionOf(text, lines, range),
  });
  const excess = excessOf(text);
  if (excess) {
    return { problems: [complain('too-complex', [excess.at, excess.at + 1], excess.message, WRONG_FILE)] };
  }
  let document: Document.Parsed;
  try {
    document = parseDocument(text, {
      prettyErrors: false,
      version: '1.2',
      uniqueKeys: false,
    });
  } catch {
    return { problems: [complain('yaml', [0, 0], 'this is not YAML', WRONG_FILE)] };
  }
  const problems = syntaxFaults(document, text)
    .slice(0, MOST_PROBLEMS + 1)
    .map(({ code, range, message, help }) => complain(code, range, message, help));
  if (document.errors.length > 0) return { problems };
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) {
    return { problems: [complain('empty', [0, 0], 'the file is empty', EMPTY_HELP[kind])] };
  }
  if (!isMap(document.contents)) {
    const { range } = document.contents;
    const message = `the file holds ${isScalar(document.contents) ? 'a text' : 'a list'}; expected fields such as "endpoint: my-endpoint"`;
    const help = /^[\w-]+(?::\S|\s*=)/.test(text.slice(range[0]))
      ? 'write each field as "key: value", with a colon and a space behind the key'
      : EMPTY_HELP[kind];
    return { problems: [...problems, complain('type', [range[0], range[1]], message, help)] };
  }
  const odd = oddities(document, text).slice(0, MOST_PROBLEMS + 1);
  problems.push(...odd.map(({ code, range, message, help }) => complain(code, range, message, help)));
  // Of two equal keys one value is taken, and the rest can be checked on; the others have no plain value.
  if (odd.some(({ code }) => code !== 'duplicate-key')) return { problems };
  try {
    const value: unknown = document.toJS({ maxAliasCount: MOST_ALIASES });
    return { source: { file, kind, text, lines, document, value }, problems };
  } catch {
    const message = 'aliases multiply the document beyond all measure';
    return { problems: [complain('aliases', firstAlias(document), message, 'write the values out')] };
  }
}

/** The parser's own count leaves out lines of what it cannot make sense of. */
function linesOf(text: string): LineCounter {
  const lines = new LineCounter();
  for (let start = 0; ;) {
    lines.addNewLine(start);
    const end = text.indexOf('\n', start);
    if (end < 0) return lines;
    start = end + 1;
  }
}

const EMPTY_HELP: Readonly<Record<Source['kind'], string>> = {
  spec: 'a spec needs at least "endpoint" and "deployment"',
  deployment: 'a deployment file needs at least "name"',
};

/** No-break and other spaces that look like one, and those that cannot be seen. */
const ODD_BLANK = /[\u00a0\u2000-\u200b\u202f\u3000\ufeff]/;

/** Tags of YAML's own whose values are none that a spec could hold; others the parser warns of. */
const VALUE_TAGS = /^tag:yaml\.org,2002:(?:binary|omap|pairs|set|timestamp)$/;

interface Oddity {
  readonly code: string;
  readonly range: readonly [number, number];
  readonly message: string;
  readonly help: string;
}

/** What YAML allows and a spec has no use for; it would be misread or lost on the way to plain values. */
function oddities(document: Document.Parsed, text: string): Oddity[] {
  const found: Oddity[] = [];
  const add = (node: { range?: readonly number[] | null }, code: string, message: string, help: string) => {
    found.push({ code, range: [node.range?.[0] ?? 0, node.range?.[1] ?? 0], message, help });
  };
  const directive = document.directives.yaml;
  if (directive.explicit === true && directive.version !== '1.2') {
    const message = `the file says that it is YAML ${directive.version}, where "yes" and "on" mean true; expected YAML 1.2`;
    add({ range: [0, 0] }, 'yaml-version', message, 'remove the line that begins with %YAML');
  }
  const anchors = new Set<string>();
  visit(document, {
    Node(_key, node) {
      if (!isAlias(node) && node.anchor !== undefined) anchors.add(node.anchor);
      if (node.tag !== undefined && VALUE_TAGS.test(node.tag)) {
        add(
          node,
          'tag',
          'tags such as !!binary are not used here',
          'remove the tag, and write the plain value',
        );
      }
      if (isMap(node)) {
        for (const key of repeatedKeys(node)) {
          add(
            key,
            'duplicate-key',
            `the key ${quote(key.value)} stands twice in one mapping`,
            'keep one of the two',
          );
        }
      }
    },
    Alias(_key, node, path) {
      const target = anchors.has(node.source) ? node.resolve(document) : undefined;
      if (target === undefined) {
        add(
          node,
          'alias',
          `the alias *${node.source} has no anchor before it`,
          `write &${node.source} at the value that is meant`,
        );
      } else if (path.includes(target)) {
        add(
          node,
          'alias',
          `the alias *${node.source} stands inside the value that it repeats`,
          'write the value out',
        );
      }
    },
    Pair(_key, pair) {
      if (isMap(pair.key) && pair.key.flow === true && text[(pair.key.range?.[0] ?? 0) - 1] === '{') {
        add(pair.key, 'template', TEMPLATE.message, TEMPLATE.help);
      } else if (!isScalar(pair.key)) {
        add(
          isNode(pair.key) ? pair.key : {},
          'key',
          'a key is a plain text here, got a list, a mapping or an alias',
          'write the key as one word',
        );
      } else if (pair.key.value === '__proto__') {
        add(pair.key, 'key', '"__proto__" cannot be a key', 'use another name');
      } else if (ODD_BLANK.test(String(pair.key.value))) {
        add(
          pair.key,
          'blank',
          'a blank that is no space (copied from a web page, often) stands in this key',
          'write it again with spaces',
        );
      } else if (pair.key.value === '<<') {
        add(pair.key, 'merge', '<< merges nothing here, as YAML 1.2 has it', 'write the fields out');
      }
    },
  });
  return found;
}

/** The parser's own check compares every key with every other one: minutes for a file of a megabyte. */
function repeatedKeys(map: YAMLMap): Scalar[] {
  const seen = new Set<string>();
  return map.items.flatMap((pair) => {
    const key = keyText(pair);
    if (key === undefined) return [];
    const again = seen.has(key);
    seen.add(key);
    return again ? [pair.key as Scalar] : [];
  });
}

function firstAlias(document: Document.Parsed): readonly [number, number] {
  let range: readonly [number, number] = [0, 0];
  visit(document, {
    Alias(_key, node) {
      if (node.range) range = [node.range[0], node.range[1]];
      return visit.BREAK;
    },
  });
  return range;
}
