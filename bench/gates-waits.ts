/**
 * How soon a regression is found that begins within the plan, or after hours of approvals, holds and pauses that are in no
 * plan; with a share of the stake kept for those hours, and without (docs/gates.md).
 *
 *   npm run bench -- gates-waits [--runs N] [--seed N] [--rps 10,100]
 */
import { parseArgs } from 'node:util';
import { advance, initialState, type GateState, type Look, type MachineConfig } from '../core/gates/index.js';
import { configOf, RELATIVE } from './gates/ours.js';
import { always, errors, PLAIN, type Scenario } from './gates/scenarios.js';
import { markdown, percentOf, quantile } from './gates/tables.js';
import { LOOK_SEC, STEP_SEC, trace } from './gates/trace.js';
import { wholeNumber } from './support/figures.js';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    rps: { type: 'string', default: '10,100' },
  },
});
const runs = wholeNumber('--runs', values.runs);
const seed = wholeNumber('--seed', values.seed);
const levels = values.rps.split(',').map((text) => wholeNumber('--rps', text));

const HOUR = 3600 / LOOK_SEC;
/** Healthy looks before the regression; the plan is half an hour. */
const ONSETS = [
  { name: 'with the first request', looks: 0 },
  { name: 'in minute 10 of the plan', looks: HOUR / 6 },
  { name: 'at the end of the plan', looks: HOUR / 2 },
  { name: 'an hour after it', looks: 1.5 * HOUR },
  { name: '8 hours after it', looks: 8.5 * HOUR },
  { name: '24 hours after it', looks: 24.5 * HOUR },
];
const CASES = [
  { name: 'every request fails', make: always(PLAIN, errors(1)) },
  { name: 'errors +5 pp', make: always(PLAIN, errors(0.051)) },
];
const HEALTHY = { make: always(PLAIN, PLAIN) };

/** The same shares among themselves, with nothing kept for later. */
function withoutBeyond(config: MachineConfig): MachineConfig {
  const metrics = config.metrics.map(({ starts, ...metric }) => {
    if (starts === undefined) return metric;
    const { first, step, steps, beyond = 0 } = starts;
    return { ...metric, starts: { first: first / (1 - beyond), step: step / (1 - beyond), steps } };
  });
  return { ...config, metrics };
}

/** As while a person is waited for: only a breach is decided. */
function watched(config: MachineConfig, from: GateState, looks: readonly Look[]) {
  let state = from;
  for (const [i, look] of looks.entries()) {
    const next = advance(config, state, look, { mode: 'guard', bounds: false });
    state = next.state;
    if (next.result.decision === 'breach') return { state, sec: (i + 1) * LOOK_SEC };
  }
  return { state, sec: null };
}

function* healthy(rps: number, start: number): Generator<Look> {
  for (let part = 0; ; part++) yield* trace(HEALTHY, rps, start + 31 * part);
}

/** Seconds to the rollback by onset, case and way; and healthy hours that were rolled back. */
function run(rps: number, start: number, ways: readonly MachineConfig[]) {
  const stream = healthy(rps, start);
  const states = ways.map(initialState);
  let seen = 0;
  let wrong = 0;
  const found = ONSETS.map(({ looks }, o) => {
    const before = Array.from({ length: looks - seen }, () => stream.next().value as Look);
    seen = looks;
    ways.forEach((config, w) => {
      const { state, sec } = watched(config, states[w] as GateState, before);
      states[w] = state;
      wrong += sec === null ? 0 : 1;
    });
    return CASES.map(({ make }, c) => {
      const bad = trace({ make }, rps, start + 101 * o + 7 * c + 5);
      return ways.map((config, w) => watched(config, states[w] as GateState, bad).sec);
    });
  });
  return { found, wrong };
}

const cell = (times: readonly (number | null)[]): string => {
  const found = times.filter((time) => time !== null).sort((a, b) => a - b);
  const share = found.length === times.length ? '' : `, ${percentOf(found.length, times.length)}%`;
  return found.length === 0 ? 'not found' : `${quantile(found, 0.5)} / ${quantile(found, 0.95)}${share}`;
};

const rows: string[][] = [];
let wrong = 0;
for (const rps of levels) {
  const config = configOf(RELATIVE, rps);
  const ways = [config, withoutBeyond(config)];
  const all = Array.from({ length: runs }, (_, i) => run(rps, seed * 1_000_003 + rps * 101 + i * 7919, ways));
  wrong += all.reduce((sum, each) => sum + each.wrong, 0);
  CASES.forEach(({ name }: Pick<Scenario, 'name'>, c) =>
    ONSETS.forEach((onset, o) => {
      const cells = ways.map((_, w) => cell(all.map(({ found }) => found[o]?.[c]?.[w] ?? null)));
      rows.push([name, String(rps), onset.name, ...cells]);
    }),
  );
}
process.stdout.write(
  `${runs} runs a row, seed ${seed}; a plan of ${STEP_SEC / 60} min. Seconds to the rollback, median / 95% (share found in ` +
    `half an hour, if not all). Healthy hours before it that were rolled back: ${wrong}.\n\n` +
    `${markdown(['regression', 'rps', 'begins', '5% kept for after the plan', 'nothing kept'], rows)}\n`,
);
