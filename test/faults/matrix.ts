import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type CellResult, type Kill, runCell } from './cell.js';
import { type Point, pointsOf, type Seen } from './points.js';
import { type SpecName } from './specs.js';
import { type Victim, World } from './world.js';

/** One cell that is to be run. */
export interface Cell {
  readonly spec: SpecName;
  readonly kill: Kill & { readonly at: number };
  readonly between: string;
}

export interface MatrixOptions {
  readonly specs: readonly SpecName[];
  readonly victims: readonly Victim[];
  /** Lengths of the history to kill at; null = all. */
  readonly at: readonly number[] | null;
  /** So many cells, drawn evenly; null = all. */
  readonly sample: number | null;
  readonly seed: number;
  readonly times: number;
  /** Kill nothing: for how long things take by themselves. */
  readonly undisturbed: boolean;
  /** Markdown file that gets a row as soon as a cell is over. */
  readonly out: string;
  readonly say: (line: string) => void;
}

/** A kill in the middle of what takes longer than this too, and not only at its beginning and its end. */
const LONG_MS = 400;

/**
 * Runs the matrix: each reference spec undisturbed, to learn its history; then once for each of its moments and each
 * part that can be killed.
 *
 * @returns how many cells were run, and those that were not right.
 */
export async function runMatrix(options: MatrixOptions): Promise<{
  readonly run: number;
  readonly wrong: readonly CellResult[];
}> {
  const { out, say } = options;
  await mkdir(dirname(out), { recursive: true });
  await writeFile(out, `# Kill matrix\n\nSeed ${options.seed}, begun ${new Date().toISOString()}.\n\n`);
  const world = await World.start();
  const results: CellResult[] = [];
  try {
    const learn = async (spec: SpecName): Promise<CellResult> => {
      const result = await runCell(world, spec, null);
      say(`${spec}, undisturbed: ${line(result)}`);
      return result;
    };
    if (options.undisturbed) {
      for (let turn = 0; turn < options.times; turn++) {
        for (const spec of options.specs) results.push(await learn(spec));
      }
    } else {
      const cells: Cell[] = [];
      for (const spec of options.specs) {
        const undisturbed = await learn(spec);
        if (undisturbed.problems.length > 0) results.push(undisturbed);
        cells.push(...cellsOf(spec, undisturbed.events, options));
      }
      const drawn = draw(cells, options.sample, options.seed);
      say(`${drawn.length} of ${cells.length} cells`);
      await appendFile(out, HEAD);
      for (let turn = 0; turn < options.times; turn++) {
        for (const cell of drawn) {
          const result = await runCell(world, cell.spec, cell.kill);
          results.push(result);
          await appendFile(out, row(cell, result));
          say(`${cell.spec}, ${cell.kill.victim} at ${place(cell)}: ${line(result)}`);
        }
      }
    }
  } finally {
    await world.stop();
  }
  const wrong = results.filter(({ problems }) => problems.length > 0);
  await appendFile(out, summary(results, wrong));
  return { run: results.length, wrong };
}

function cellsOf(spec: SpecName, events: readonly Seen[], { victims, at }: MatrixOptions): readonly Cell[] {
  const moments = pointsOf(events).flatMap((point): readonly Moment[] => [point, ...middleOf(point, events)]);
  return moments
    .filter((moment) => at === null || at.includes(moment.at))
    .flatMap(({ at, between, afterMs }) =>
      victims.map((victim) => ({
        spec,
        kill: { victim, at, ...(afterMs === undefined ? {} : { afterMs }) },
        between,
      })),
    );
}

type Moment = Point & { readonly afterMs?: number };

function middleOf(point: Point, events: readonly Seen[]): readonly Moment[] {
  const before = events.find(({ id }) => id === point.at);
  const after = events.find(({ id }) => id > point.at);
  const tookMs = (after?.atMs ?? 0) - (before?.atMs ?? 0);
  return tookMs < LONG_MS ? [] : [{ ...point, afterMs: Math.round(tookMs / 2) }];
}

/** A seeded shuffle, so that a part of the matrix is an even sample of it. */
function draw(cells: readonly Cell[], count: number | null, seed: number): readonly Cell[] {
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const keyed = cells.map((cell) => ({ cell, key: random() })).sort((a, b) => a.key - b.key);
  return keyed.slice(0, count ?? cells.length).map(({ cell }) => cell);
}

const HEAD = [
  '| spec | killed | moment | between | hit at | outcome | s | requests | failed | over ms | rollback ms | |',
  `|${'---|'.repeat(12)}`,
  '',
].join('\n');

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
    result.problems.length === 0 ? 'right' : `**${result.problems.join('; ')}**`,
  ];
  return `| ${cells.map((text) => String(text).replaceAll('|', '/')).join(' | ')} |\n`;
}

function place({ kill: { at, afterMs } }: Cell): string {
  return afterMs === undefined ? String(at) : `${at} + ${afterMs} ms`;
}

function line(result: CellResult): string {
  const { outcome, seconds, requests, failed, problems } = result;
  return (
    `${outcome} in ${seconds.toFixed(1)} s, ${failed} of ${requests} requests failed` +
    (problems.length === 0 ? '' : `; WRONG: ${problems.join('; ')} (${result.reason})`)
  );
}

function summary(results: readonly CellResult[], wrong: readonly CellResult[]): string {
  const took = results.flatMap(({ rollbackMs }) => rollbackMs ?? []).sort((a, b) => a - b);
  const quantile = (q: number): string =>
    String(took[Math.min(took.length - 1, Math.floor(q * took.length))] ?? '-');
  return (
    `\n${results.length} cells, ${wrong.length} wrong. Decision to roll back until read back: ` +
    `median ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms, longest ${took.at(-1) ?? '-'} ms, of ${took.length} rollbacks.\n`
  );
}
