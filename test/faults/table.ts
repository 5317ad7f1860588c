import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { CellResult } from './cell.js';
import type { Cell } from './matrix.js';

/** What a table keeps of a cell that was run. */
export interface Done {
  /** The cell, as far as it is the same in each run: how long an activity takes is not. */
  readonly key: string;
  readonly rollbackMs: number | null;
  /** Empty = right. */
  readonly wrong: string;
}

const COLUMNS = ['spec', 'killed', 'moment', 'between', 'hit at', 'outcome', 's', 'requests', 'failed', 'over ms', 'rollback ms', '']; // prettier-ignore
const RIGHT = 'right';

/** The Markdown file of a run of the matrix: it gets a row as soon as a cell is over, and a run that was cut can go on. */
export class Table {
  readonly done: Done[];
  readonly #file: string;

  private constructor(file: string, done: Done[]) {
    this.#file = file;
    this.done = done;
  }

  /** @param resume - keep what stands there, if anything does. */
  static async open(file: string, title: string, resume: boolean): Promise<Table> {
    const text = resume ? await readFile(file, 'utf8').catch(() => '') : '';
    await mkdir(dirname(file), { recursive: true });
    if (text === '') await writeFile(file, `# Kill matrix\n\n`);
    await appendFile(file, `${text.endsWith('\n\n') || text === '' ? '' : '\n'}${title}\n\n${HEAD}`);
    return new Table(file, text.split('\n').flatMap(parsed));
  }

  async add(cell: Cell, result: CellResult): Promise<void> {
    const { problems } = result;
    await appendFile(this.#file, row(cell, result));
    this.done.push({ key: keyOf(cell), rollbackMs: result.rollbackMs, wrong: problems.join('; ') });
  }

  /** Tells how all of it went, also what earlier runs of this table did. */
  async close(): Promise<string> {
    const wrong = this.done.filter((each) => each.wrong !== '');
    const took = this.done.flatMap(({ rollbackMs }) => rollbackMs ?? []);
    const text = `${this.done.length} cells, ${wrong.length} wrong. ${tookText(took)}`;
    await appendFile(this.#file, `\n${text}\n`);
    return text;
  }
}

/** How long rollbacks took from their decision, milliseconds. */
export function tookText(took: readonly number[]): string {
  const sorted = [...took].sort((a, b) => a - b);
  const quantile = (q: number): string =>
    String(sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? '-');
  return (
    `Decision to roll back until read back: median ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms, ` +
    `longest ${sorted.at(-1) ?? '-'} ms, of ${sorted.length} rollbacks.`
  );
}

/** The same cell has the same key in every run, whatever an activity took in it. */
export function keyOf({ spec, kill: { victim, at, afterMs } }: Cell): string {
  return [spec, victim, at, afterMs === undefined ? 'at once' : 'in the middle'].join(' ');
}

export function place({ kill: { at, afterMs } }: Cell): string {
  return afterMs === undefined ? String(at) : `${at} + ${afterMs} ms`;
}

const HEAD = `| ${COLUMNS.join(' | ')} |\n|${'---|'.repeat(COLUMNS.length)}\n`;

function row(cell: Cell, result: CellResult): string {
  const cells = [
    cell.spec,
    cell.kill.victim,
    place(cell),
    cell.between,
    result.hitAt ?? 'not there',
    result.outcome,
    result.seconds.toFixed(1),
    result.requests,
    result.failed,
    result.failedForMs,
    result.rollbackMs ?? '',
    result.problems.length === 0 ? RIGHT : `**${result.problems.join('; ')}**`,
  ];
  return `| ${cells.map((text) => String(text).replaceAll('|', '/')).join(' | ')} |\n`;
}

function parsed(line: string): readonly Done[] {
  const cells = line.split('|').map((text) => text.trim());
  const [, spec, victim, moment = '', , , , , , , , rollback = '', verdict = ''] = cells;
  const at = Number.parseInt(moment, 10);
  if (cells.length !== COLUMNS.length + 2 || Number.isNaN(at)) return [];
  return [
    {
      key: [spec, victim, at, moment === String(at) ? 'at once' : 'in the middle'].join(' '),
      rollbackMs: rollback === '' ? null : Number(rollback),
      wrong: verdict === RIGHT ? '' : verdict.replaceAll('**', ''),
    },
  ];
}
