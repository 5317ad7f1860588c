import { type CellResult, runCell } from './cell.js';
import { undisturbedProblems } from './judge-times.js';
import type { Kill } from './killer.js';
import { pointsOf, type Seen } from './points.js';
import { rollbackIn, waitsIn } from './rollback.js';
import { type SpecName, SPECS } from './specs.js';
import { hitText, keyOf, missedItsMoment, place, Table, tookText } from './table.js';
import { startWorld, type TargetKind, type Victim, type World } from './world.js';

/** One cell that is to be run. */
export interface Cell {
  readonly spec: SpecName;
  readonly kill: Kill & { readonly at: number };
  readonly between: string;
  /** Where the moment after it begins. */
  readonly next: number;
}

export interface MatrixOptions {
  readonly target: TargetKind;
  readonly specs: readonly SpecName[];
  readonly victims: readonly Victim[];
  /** Lengths of the history to kill at; null = all. */
  readonly at: readonly number[] | null;
  /** So many cells, drawn evenly; null = all. */
  readonly sample: number | null;
  readonly seed: number;
  readonly times: number;
  /** So many cells side by side, each in a world of its own. */
  readonly jobs: number;
  /** Kill nothing: for how long things take by themselves. */
  readonly undisturbed: boolean;
  /** Markdown file that gets a row as soon as a cell is over. */
  readonly out: string;
  /** Go on with the table in that file: what it has is not run again. */
  readonly resume: boolean;
  readonly say: (line: string) => void;
}

/** Whoever hears of a moment late kills at another: that cell is run again. */
const TRIES = 3;

/** Three of the specs roll back: as many undisturbed runs of each as tell how long a rollback takes. */
const TIMED = 7;

/**
 * Runs the matrix: each reference spec undisturbed, to learn its history; then once for each of its moments and each
 * part that can be killed.
 *
 * @returns how it went, and what was not right.
 */
export async function runMatrix(options: MatrixOptions): Promise<{
  readonly text: string;
  readonly wrong: readonly string[];
}> {
  const { jobs, target } = options;
  const worlds: World[] = [];
  try {
    for (let job = 0; job < jobs; job++) worlds.push(await startWorld(target));
    // First rollouts, side by side, take so long on two cores that nobody can read an endpoint for seconds.
    if (jobs > 1) await Promise.all(worlds.map((world) => runCell(world, 'abort', null)));
    return await (options.undisturbed ? runUndisturbed : runKills)(worlds, options);
  } finally {
    for (const world of worlds) await world.stop();
  }
}

async function runUndisturbed(worlds: readonly World[], options: MatrixOptions) {
  const { results, wrong } = await undisturbed(worlds, options, options.times);
  const took = results.flatMap(({ rollbackMs }) => rollbackMs ?? []);
  const all = [...wrong, ...undisturbedProblems(took, false)];
  return { text: `${results.length} undisturbed runs, ${all.length} wrong. ${tookText(took)}`, wrong: all };
}

async function undisturbed(worlds: readonly World[], { specs, say }: MatrixOptions, times: number) {
  const results: (CellResult & { readonly spec: SpecName })[] = [];
  const wrong: string[] = [];
  await share(Array.from({ length: times }, () => specs).flat(), worlds, async (spec, world) => {
    const result = await runCell(world, spec, null);
    say(`${spec}, undisturbed: ${line(result)}`);
    wrong.push(...result.problems.map((problem) => `${spec}, undisturbed: ${problem}`));
    results.push({ ...result, spec });
  });
  return { results, wrong };
}

async function runKills(worlds: readonly World[], options: MatrixOptions) {
  const { out, resume, say, seed, specs, target, times } = options;
  const whole = options.sample === null && options.at === null;
  const { results, wrong } = await undisturbed(worlds, options, whole ? TIMED : 1);
  const took = results.flatMap(({ rollbackMs }) => rollbackMs ?? []);
  wrong.push(...undisturbedProblems(took, whole && specs.length === SPECS.length));
  // The last of them: in a first run everything is slow, and what is brief then has no middle to be killed in later.
  const learned = specs.flatMap((spec) => results.findLast((result) => result.spec === spec) ?? []);
  const cells = learned.flatMap(({ spec, events }) => cellsOf(spec, events, options));
  if (cells.length === 0) wrong.push('nothing was killed: no rollout has such a moment');
  const table = await Table.open(
    out,
    `Target ${target}, seed ${seed}, begun ${new Date().toISOString()}.`,
    resume,
  );
  const drawn = draw(cells, options.sample, seed);
  const left = notDone(Array.from({ length: times }, () => drawn).flat(), table);
  say(`${left.length} of ${times * cells.length} cells`);
  await share(left, worlds, async (cell, world) => {
    for (let tries = TRIES; ; tries--) {
      const result = await runCell(world, cell.spec, cell.kill);
      say(
        `${cell.spec}, ${cell.kill.victim} at ${place(cell)}, hit ${hitText(cell, result)}: ${line(result)}`,
      );
      if (tries > 1 && missedItsMoment(cell, result)) continue;
      await table.add(cell, result);
      break;
    }
  });
  const text = await table.close();
  const bad = table.done.flatMap((done) => (done.wrong === '' ? [] : `${done.key}: ${done.wrong}`));
  return { text: `${text} Table: ${out}`, wrong: [...wrong, ...bad] };
}

/** Does all of it in order, each world the next that is left. */
async function share<T>(
  work: readonly T[],
  worlds: readonly World[],
  run: (each: T, world: World) => Promise<void>,
): Promise<void> {
  const left = [...work];
  await Promise.all(
    worlds.map(async (world) => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) await run(next, world);
    }),
  );
}

/** Each cell is taken off the list as often as the table has it. */
function notDone(cells: readonly Cell[], { done }: Table): readonly Cell[] {
  const before = done.map(({ key }) => key);
  return cells.filter((cell) => {
    const at = before.indexOf(keyOf(cell));
    if (at >= 0) before.splice(at, 1);
    return at < 0;
  });
}

function cellsOf(spec: SpecName, events: readonly Seen[], { victims, at }: MatrixOptions): readonly Cell[] {
  const points = pointsOf(events);
  return points
    .filter((point) => at === null || at.includes(point.at))
    .flatMap(({ between, ...moment }) => {
      const next = points.find((point) => point.at > moment.at)?.at ?? Infinity;
      return victims.map((victim) => ({ spec, kill: { victim, ...moment }, between, next }));
    });
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

function line(result: CellResult): string {
  const { outcome, seconds, requests, failed, rollbackMs, problems, events } = result;
  const waits = rollbackMs === null ? '' : waitsIn(rollbackIn(events));
  return (
    `${outcome} in ${seconds.toFixed(1)} s, ${failed} of ${requests} requests failed` +
    (waits === '' ? '' : `; from the decision to roll back it waited ${waits}`) +
    (problems.length === 0 ? '' : `; WRONG: ${problems.join('; ')} (${result.reason})`)
  );
}
