/**
 * The breach side beside other sequential methods: one error gate without a margin, 100 requests a second (docs/gates.md).
 *
 *   node dist/bench/gates-methods.js [--runs N] [--seed N]
 */
import { parseArgs } from 'node:util';
import type { Look } from '../core/gates/index.js';
import { METHODS } from './gates/methods.js';
import { random } from './gates/random.js';
import { markdown, percentOf, quantile } from './gates/tables.js';
import { GREEN_SHARE, LOOK_SEC, STEP_SEC } from './gates/trace.js';
import { wholeNumber } from './support/figures.js';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' } },
});
const runs = wholeNumber('--runs', values.runs);
const seed = wholeNumber('--seed', values.seed);
const rps = 100;

/** Errors of the baseline by look: 1%, or two minutes of 0.2% and two of 4% by turns. */
const steady = () => 0.01;
const jumping = (look: number) => (Math.floor((look * LOOK_SEC) / 120) % 2 === 0 ? 0.002 : 0.04);

const COLUMNS = [
  { name: 'no difference, 1%: rejected %', rate: steady, more: 0 },
  { name: 'no difference, rate jumping: rejected %', rate: jumping, more: 0 },
  { name: '+1 pp on 1%: seconds', rate: steady, more: 0.01 },
  { name: '+5 pp on 1%: seconds', rate: steady, more: 0.05 },
  { name: '+1 pp on the jumping rate: seconds', rate: jumping, more: 0.01 },
];

function looks(run: number, column: number): Look[] {
  const { rate, more } = COLUMNS[column] as (typeof COLUMNS)[number];
  const source = random(seed * 1_000_003 + column * 10_007 + run * 7919);
  return Array.from({ length: STEP_SEC / LOOK_SEC }, (_, i): Look => {
    const arm = (share: number, p: number) => {
      const n = source.poisson(rps * LOOK_SEC * share);
      return { n, errors: source.binomial(n, p), le: [] };
    };
    const blue = arm(1 - GREEN_SHARE, rate(i));
    const green = arm(GREEN_SHARE, rate(i) + more);
    return { dtSec: LOOK_SEC, blue, green, status: { blue: 'ok', green: 'ok' } };
  });
}

const found = METHODS.map(() => COLUMNS.map((): number[] => []));
COLUMNS.forEach((_, column) => {
  for (let run = 0; run < runs; run++) {
    const given = looks(run, column);
    METHODS.forEach((method, m) => {
      const at = method.judge(given);
      if (at !== null) found[m]?.[column]?.push(at);
    });
  }
});

const rows = METHODS.map(({ name }, m) => [
  name,
  ...COLUMNS.map(({ more }, column) => {
    const times = [...(found[m]?.[column] ?? [])].sort((a, b) => a - b);
    if (more === 0) return percentOf(times.length, runs);
    const share = times.length < runs ? `, ${percentOf(times.length, runs)}%` : '';
    return `${quantile(times, 0.5) ?? '–'} (${quantile(times, 0.95) ?? '–'})${share}`;
  }),
]);
process.stdout.write(
  `${runs} runs a cell, seed ${seed}, ${rps} requests a second, alpha 1%; seconds: median (95%).\n\n` +
    `${markdown(['method', ...COLUMNS.map(({ name }) => name)], rows)}\n`,
);
