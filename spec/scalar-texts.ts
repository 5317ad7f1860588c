import { isMap, isScalar, type Document, type Node } from 'yaml';
import { SCALAR_TEXTS } from './schema/deployment.js';
import { keyText, type Source } from './source.js';

/**
 * Takes plain scalars as they stand in the file where a field is a text: `version: 1.10` is "1.10", not 1.1, and
 * `WORKERS: 010` is "010", not 10.
 */
export function plainScalars(source: Source): Source {
  for (const path of SCALAR_TEXTS) keepText(source.document.contents, path);
  return { ...source, value: source.document.toJS() as unknown };
}

function keepText(node: Document.Parsed['contents'] | Node | null, [key, ...rest]: readonly string[]): void {
  if (!isMap(node)) return;
  for (const pair of node.items) {
    if (key !== '*' && keyText(pair) !== key) continue;
    const { value } = pair;
    if (rest.length > 0) keepText(value as Node | null, rest);
    else if (isScalar(value) && isUnquoted(value)) value.value = value.source;
  }
}

function isUnquoted(scalar: {
  value: unknown;
  source?: string;
}): scalar is { value: unknown; source: string } {
  return ['number', 'boolean'].includes(typeof scalar.value) && scalar.source !== undefined;
}
