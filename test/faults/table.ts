import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { CellResult } from './cell.js';
import type { Cell } from './matrix.js';
import { quantile } from './rollback.js';

/** What a table keeps of a cell that was run. */
export interface Done {
  /** The cell, as far as it is the same in each run: how long an activity takes is not. */
  readonly key: string;
  /** Whether what was to be killed was there, and at its moment. */
  readonly hit: Hit;
  readonly rollbackMs: number | null;
  /** Empty = right. */
  readonly wrong: string;
}

const COLUMNS = ['spec', 'killed', 'moment', 'between', 'hit at', 'outcome', 's', 'requests', 'failed', 'over ms', 'rollback ms', '']; // prettier-ignore
const RIGHT = 'right';
const NOT_THERE = 'not there';
const NEVER = 'never';

/** `next`: at the moment after its own, since nothing lies between but the server's answer; `never`: it did not come. */
type Hit = 'in time' | 'next' | 'later' | typeof NOT_THERE | typeof NEVER;

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
    this.done.push({
      key: keyOf(cell),
      hit: hitOf(cell, result),
      rollbackMs: result.rollbackMs,
      wrong: problems.join('; '),
    });
  }

  /** Tells how all of it went, also what earlier runs of this table did. */
  async close(): Promise<string> {
    const wrong = this.done.filter((each) => each.wrong !== '');
    const took = this.done.flatMap(({ rollbackMs }) => rollbackMs ?? []);
    const hits = (how: Done['hit']): number => this.done.filter(({ hit }) => hit === how).length;
    const text =
      `${this.done.length} cells, ${wrong.length} wrong; in ${hits(NOT_THERE)} nothing was there to be killed, ` +
      `in ${hits('next')} it was hit at the next moment and in ${hits('later')} still later. ${tookText(took)}`;
    await appendFile(this.#file, `\n${text}\n`);
    return text;
  }
}

/** How long rollbacks took from their decision, milliseconds. */
export function tookText(took: readonly number[]): string {
  const of = (q: number): string => String(quantile(took, q) ?? '-');
  return (
    `Decision to roll back until read back: median ${of(0.5)} ms, p99 ${of(0.99)} ms, ` +
    `longest ${of(1)} ms, of ${took.length} rollbacks.`
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
    hitText(cell, result),
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

/** Where it was hit, and what that is to its own moment: `14`, `15 (next)`. */
export function hitText(cell: Cell, result: CellResult): string {
  const hit = hitOf(cell, result);
  if (result.hitAt === null) return hit;
  return hit === 'in time' ? String(result.hitAt) : `${result.hitAt} (${hit})`;
}

/** Whether a cell says nothing of its moment: it is to be run again. */
export function missedItsMoment(cell: Cell, result: CellResult): boolean {
  const hit = hitOf(cell, result);
  // That its moment did not come is a problem itself.
  if (hit === NEVER) return result.problems.length === 1;
  return hit === 'later' && result.problems.length === 0;
}

function hitOf({ kill: { at }, next }: Cell, { hitAt, missed }: CellResult): Hit {
  if (hitAt === null) return missed ? NOT_THERE : NEVER;
  if (hitAt === at) return 'in time';
  return hitAt <= next ? 'next' : 'later';
}

function parsedHit(text: string): Hit {
  if (text === NOT_THERE || text === NEVER) return text;
  return text.includes('next') ? 'next' : text.includes('later') ? 'later' : 'in time';
}

function parsed(line: string): readonly Done[] {
  const cells = line.split('|').map((text) => text.trim());
  const [, spec, victim, moment = '', , hit = '', , , , , , rollback = '', verdict = ''] = cells;
  const at = Number.parseInt(moment, 10);
  if (cells.length !== COLUMNS.length + 2 || Number.isNaN(at)) return [];
  return [
    {
      key: [spec, victim, at, moment === String(at) ? 'at once' : 'in the middle'].join(' '),
      hit: parsedHit(hit),
      rollbackMs: rollback === '' ? null : Number(rollback),
      wrong: verdict === RIGHT ? '' : verdict.replaceAll('**', ''),
    },
  ];
}
