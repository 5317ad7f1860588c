import {
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  type LineCounter,
  type Document,
  type Node,
  type Pair,
} from 'yaml';
import { beforeSecret } from './secret-lines.js';
import { beforeAddress, pathText, shownOf, type Path, type Position, type Problem } from './problem.js';

/** A file that was read and parsed, with all that is needed to point into it. */
export interface Source {
  /** As the user named it. */
  readonly file: string;
  readonly kind: 'spec' | 'deployment';
  readonly text: string;
  readonly lines: LineCounter;
  readonly document: Document.Parsed;
  /** The document as plain values. */
  readonly value: unknown;
}

export interface Complaint {
  readonly code: string;
  readonly message: string;
  readonly help?: string | undefined;
  readonly severity?: Problem['severity'];
  /** Point at the key instead of its value. */
  readonly key?: boolean;
}

/** Makes a problem of what is wrong at a path of a document. */
export function problemAt(source: Source, path: Path, complaint: Complaint): Problem {
  const at = positionOf(source.text, source.lines, locate(source.document, path, complaint.key ?? false));
  const place = { code: `${source.kind}/${complaint.code}`, path: pathText(path) };
  return {
    severity: complaint.severity ?? 'error',
    ...place,
    message: complaint.message,
    ...(complaint.help === undefined ? {} : { help: complaint.help }),
    file: source.file,
    at: { ...at, source: shownOf(at.source, at.column, place) },
  };
}

type Range = readonly [start: number, end: number];

/** Where a path stands: its value, its key, or for what is not there the nearest parent. */
function locate(document: Document.Parsed, path: Path, key: boolean): Range {
  let node: Node | null = follow(document, document.contents);
  let range: Range = rangeOf(node) ?? [0, 0];
  for (const [index, part] of path.entries()) {
    const last = index === path.length - 1;
    if (isMap(node)) {
      const pair: Pair | undefined = node.items.find((item) => keyText(item) === String(part));
      if (!pair) break;
      const keyRange = isNode(pair.key) ? rangeOf(pair.key) : undefined;
      node = isNode(pair.value) ? follow(document, pair.value) : null;
      const valueRange = rangeOf(node);
      // `mirror:` with nothing behind it has an empty range: the key says more.
      const useKey = (key && last) || !valueRange || valueRange[0] === valueRange[1];
      range = (useKey ? keyRange : valueRange) ?? valueRange ?? range;
    } else if (isSeq(node)) {
      const item = node.items[Number(part)];
      if (!isNode(item)) break;
      node = follow(document, item);
      range = rangeOf(node) ?? range;
    } else break;
  }
  return range;
}

/** The node that an alias stands for: a mistake in it is mended there. */
function follow(document: Document.Parsed, node: Node | null): Node | null {
  return isAlias(node) ? (node.resolve(document) ?? node) : node;
}

export function keyText(pair: unknown): string | undefined {
  return isPair(pair) && isScalar(pair.key) ? String(pair.key.value) : undefined;
}

function rangeOf(node: Node | null): Range | undefined {
  return node?.range ? [node.range[0], node.range[1]] : undefined;
}

export function positionOf(text: string, lines: LineCounter, range: Range): Position {
  // A parser may complain of what is missing behind the end.
  const [start, end] = range.map((offset) => Math.min(offset, text.length)) as [number, number];
  const { line, col } = lines.linePos(start);
  const lineStart = start - (col - 1);
  const lineEnd = /[\r\n]/.exec(text.slice(lineStart))?.index;
  const source = lineEnd === undefined ? text.slice(lineStart) : text.slice(lineStart, lineStart + lineEnd);
  return {
    range: [start, Math.max(start, end)],
    line,
    column: [...source.slice(0, col - 1)].length + 1,
    source: beforeSecret(beforeAddress(source)),
  };
}
