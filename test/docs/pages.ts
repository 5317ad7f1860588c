import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../embedded/package-root.js';

/** A fenced block of a page. */
export interface Block {
  readonly page: string;
  /** Line of its fence, from 1. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
  /** Why nothing runs it: from `<!-- not run: … -->` on the line before the fence. */
  readonly notRun: string | null;
}

/** README.md and every page of docs/, by their path from the root. */
export async function readPages(): Promise<ReadonlyMap<string, string>> {
  const docs = (await readdir(join(packageRoot(), 'docs'))).filter((name) => name.endsWith('.md')).sort();
  const paths = ['README.md', ...docs.map((name) => `docs/${name}`)];
  const texts = await Promise.all(paths.map((path) => readFile(join(packageRoot(), path), 'utf8')));
  return new Map(paths.map((path, i) => [path, texts[i] ?? '']));
}

export function blocksOf(page: string, text: string): Block[] {
  const lines = text.split('\n');
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at++) {
    const fence = /^\s*```(\w*)\s*$/.exec(lines[at] ?? '');
    if (fence === null) continue;
    const end = lines.findIndex((line, i) => i > at && /^\s*```\s*$/.test(line));
    if (end < 0) throw new Error(`${page}:${at + 1}: a fence without an end`);
    const [, notRun = null] = /^<!-- not run: (.+) -->$/.exec(lines[at - 1] ?? '') ?? [];
    blocks.push({
      page,
      line: at + 1,
      language: fence[1] ?? '',
      text: lines.slice(at + 1, end).join('\n'),
      notRun,
    });
    at = end;
  }
  return blocks;
}

/** The command lines of a block: without comments, continued lines as one; of `console`, those behind a `$`. */
export function commandsOf({ language, text }: Block): string[] {
  const lines = text.replace(/\\\n\s*/g, '').split('\n');
  const commands = language === 'sh' ? lines : lines.flatMap((line) => /^\s*\$ (.*)$/.exec(line)?.[1] ?? []);
  return commands
    .map((line) => line.replace(/\s+#.*$/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** A command line as a shell splits it, as far as docs need: blanks, single and double quotes. */
export function wordsOf(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? '');
}

/** What stands in backticks and begins with `greenlight`. */
export function inlineCommandsOf(text: string): string[] {
  return [...text.matchAll(/`(greenlight [^`\n]+)`/g)].map(([, line]) => line ?? '');
}

/** Files that a page shows: blocks whose first line is a comment with a path. */
export function filesOf(blocks: readonly Block[]): ReadonlyMap<string, string> {
  const files = blocks.flatMap(({ text }) => {
    const [, path, rest] = /^# ([\w./-]+\.\w+)\n([\s\S]*)$/.exec(text) ?? [];
    return path === undefined || rest === undefined ? [] : [[path, `${rest}\n`] as const];
  });
  return new Map(files);
}
