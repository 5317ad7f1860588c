/**
 * Gates in a mirror step, by counts and by pairs of answers, on the same simulated requests (docs/gates.md).
 *
 *   node dist/bench/gates-pairs.js [--runs N] [--seed N] [--rps N]
 */
import { parseArgs } from 'node:util';
import type { Look } from '../core/gates/index.js';
import { configOf, judge, RELATIVE } from './gates/ours.js';
import { random, type Random } from './gates/random.js';
import type { Outcome } from './gates/rules.js';
import { cellOf, markdown, percentOf, quantile } from './gates/tables.js';
import { LOOK_SEC, STEP_SEC } from './gates/trace.js';
import { wholeNumber } from './support/figures.js';

/** How requests fail: 5% of blue's, in all. */
interface Failures {
  readonly name: string;
  /** Share of requests that no version answers. */
  readonly hard: number;
  /** Green's failures beyond blue's. */
  readonly more: number;
  /** Share of green's failed answers that come too late to be put together with blue's. */
  readonly late: number;
}

const RATE = 0.05;
const CASES: readonly Failures[] = [0, 0.8].flatMap((common) =>
  [
    { what: 'healthy', more: 0, late: 0 },
    { what: 'at the margin, +0.5 pp', more: 0.005, late: 0 },
    { what: 'at the margin, half of green’s failures late', more: 0.005, late: 0.5 },
    { what: '+1 pp', more: 0.01, late: 0 },
  ].map(({ what, ...rest }) => ({
    name: `${what}; ${common * 100}% of failures are the requests’ own`,
    hard: common * RATE,
    ...rest,
  })),
);

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    rps: { type: 'string', default: '100' },
  },
});
const runs = wholeNumber('--runs', values.runs);
const seed = wholeNumber('--seed', values.seed);
const rps = wholeNumber('--rps', values.rps);

function lookOf(source: Random, mirrored: number, { hard, more, late }: Failures): Look {
  const own = (RATE - hard) / (1 - hard);
  const n = source.poisson(rps * LOOK_SEC * mirrored);
  const other = source.poisson(rps * LOOK_SEC * (1 - mirrored));
  const both = source.binomial(n, hard);
  const left = n - both;
  const blueFails = source.binomial(left, own);
  const rate = own + more / (1 - hard);
  const bothByChance = source.binomial(blueFails, rate);
  const greenOnly = source.binomial(left - blueFails, rate);
  const blueOnly = blueFails - bothByChance;
  // Too late: two halves instead of a pair.
  const lateOnly = source.binomial(greenOnly, late);
  const lateBoth = source.binomial(both + bothByChance, late);
  const halves = lateOnly + lateBoth;
  const blueErrors = both + blueFails;
  const greenErrors = both + bothByChance + greenOnly;
  return {
    dtSec: LOOK_SEC,
    blue: { n: n + other, errors: blueErrors + source.binomial(other, RATE), le: [] },
    green: { n, errors: greenErrors, le: [] },
    status: { blue: 'ok', green: 'ok' },
    pairs: {
      n00: n - blueErrors - greenOnly,
      n01: greenOnly - lateOnly,
      n10: blueOnly,
      n11: both + bothByChance - lateBoth,
      blue: { requests: halves, errors: lateBoth },
      green: { requests: halves, errors: halves },
    },
  };
}

const config = configOf(RELATIVE.slice(0, 1), rps);
const rows = [0.1, 1].flatMap((mirrored) =>
  CASES.map((failures, c) => {
    const outcomes: [Outcome[], Outcome[]] = [[], []];
    for (let run = 0; run < runs; run++) {
      const source = random(seed * 1_000_003 + c * 10_007 + mirrored * 101 + run * 7919);
      const looks = Array.from({ length: STEP_SEC / LOOK_SEC }, () => lookOf(source, mirrored, failures));
      outcomes[0].push(
        judge(
          config,
          looks.map(({ pairs: _, ...counts }) => counts),
        ),
      );
      outcomes[1].push(judge(config, looks));
    }
    const texts = outcomes.map((all) => {
      const { rollbackSec, promoteSec } = cellOf(all);
      return [rollbackSec, promoteSec].map(
        (times) => `${percentOf(times.length, runs)} (${quantile(times, 0.5) ?? '–'})`,
      );
    });
    return [`${mirrored * 100}%`, failures.name, ...texts.map(([back, on]) => `${back} · ${on}`)];
  }),
);
process.stdout.write(
  `${runs} runs a row, seed ${seed}, ${rps} requests a second, 5% errors of the baseline, margin 0.5 pp, up to 30 min.\n` +
    'Each cell: rolled back % (median seconds) · proven % (median seconds).\n\n' +
    `${markdown(['mirror', 'green', 'by counts', 'by pairs where that is better'], rows)}\n`,
);
