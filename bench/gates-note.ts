/**
 * What the design measured of whole rollouts, and where its assumptions are bent (its 7.4 and 7.5), again with this code:
 * the gates as the design has them, without bets (docs/gates.md).
 *
 *   npm run bench -- gates-note [--runs N] [--seed N] [--only TEXT]
 */
import { parseArgs } from 'node:util';
import type { Look, MachineConfig } from '../core/gates/index.js';
import type { Gate } from '../core/plan.js';
import { EDGES_MS, STOCK_EDGES_MS } from './gates/latency.js';
import { configOf, judge, RELATIVE, withoutBets } from './gates/ours.js';
import { argo, flagger, PEEKING, peekingWithMargin } from './gates/peers.js';
import { random } from './gates/random.js';
import { rolledBackAt, steppedTrace } from './gates/rollout.js';
import type { Outcome, Rule } from './gates/rules.js';
import {
  always,
  coldStart,
  errors,
  greenBlip,
  inLastStep,
  lateErrors,
  PLAIN,
  podErrors,
  type Scenario,
  slow,
} from './gates/scenarios.js';
import { markdown, percentOf, quantile } from './gates/tables.js';
import { GREEN_SHARE, LOOK_SEC, STEP_SEC, trace } from './gates/trace.js';
import { wholeNumber } from './support/figures.js';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
  },
});
const runs = wholeNumber('--runs', values.runs);
const seed = wholeNumber('--seed', values.seed);

interface Row {
  readonly what: string;
  /** As the design has it. */
  readonly note: string;
  readonly measure: () => string;
}

type Made = Pick<Scenario, 'make'>;

const seedOf = (row: string, rps: number, run: number): number =>
  seed * 1_000_003 +
  [...row].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) % 100_003, 7) +
  rps * 101 +
  run * 7919;

const note = (
  gates: readonly Gate[],
  rps: number,
  steps = 1,
  edgesMs: readonly number[] = EDGES_MS,
): MachineConfig => withoutBets(configOf(gates, rps, steps, edgesMs));
const withMetrics = (
  config: MachineConfig,
  change: Partial<MachineConfig['metrics'][number]>,
): MachineConfig => ({
  ...config,
  metrics: config.metrics.map((metric) => ({ ...metric, ...change })),
});

/** Each level's share of runs that ended so, as the design writes it: `0.4 / 0 / 0`. */
function shares(
  end: Outcome['end'],
  levels: readonly number[],
  judged: (rps: number, run: number) => Outcome,
): string {
  const texts = levels.map((rps) => {
    const ends = Array.from({ length: runs }, (_, run) => judged(rps, run));
    return percentOf(ends.filter((each) => each.end === end).length, runs);
  });
  return texts.join(' / ');
}

function delays(
  row: string,
  rps: number,
  green: Made,
  onsetSec: number,
  plannedBlocks: number | null,
  steps = 3,
): string {
  const base = note(RELATIVE, rps, steps);
  const config = plannedBlocks === null ? base : withMetrics(base, { plannedBlocks });
  const shareOf = steps === 1 ? [GREEN_SHARE] : undefined;
  const found = Array.from({ length: runs }, (_, run) =>
    rolledBackAt(config, steppedTrace(green, rps, seedOf(row, rps, run), shareOf), steps),
  )
    .filter((at) => at !== null && at > onsetSec)
    .map((at) => (at ?? 0) - onsetSec)
    .sort((a, b) => a - b);
  const caught = found.length === runs ? '' : ` (${percentOf(found.length, runs)}%)`;
  return found.length === 0 ? `– (0%)` : `${quantile(found, 0.5)} / ${quantile(found, 0.95)}${caught}`;
}

const LEVELS = [10, 100, 1000];
/** The longest exposure. */
const LONGEST = peekingWithMargin('z-test with margins', false);
const AT_MARGIN: Made = { make: always(PLAIN, { ...PLAIN, errorRate: 0.006, latency: [[1, 1.1]] }) };
const HEALTHY: Made = { make: always(PLAIN, PLAIN) };
const stepped = (green: Parameters<typeof inLastStep>[0]): Made => ({ make: inLastStep(green) });

function wholeRollout(row: string, scenario: Made): string {
  return LEVELS.map((rps) => {
    const config = note(RELATIVE, rps, 3);
    const found = Array.from({ length: runs }, (_, run) =>
      rolledBackAt(config, steppedTrace(scenario, rps, seedOf(row, rps, run))),
    ).filter((at) => at !== null);
    return percentOf(found.length, runs);
  }).join(' / ');
}

function peeking(row: string, scenario: Made, rule: Rule): string {
  return shares('rolled back', LEVELS, (rps, run) =>
    rule.judge(steppedTrace(scenario, rps, seedOf(row, rps, run))),
  );
}

const LATE: readonly (readonly [string, number, Made, number, number, string, string])[] = [
  ['+5 pp only at step 3', 10, stepped(errors(0.051)), 1200, 3, '100 / 145', '255 / 363'],
  ['+5 pp only at step 3', 100, stepped(errors(0.051)), 1200, 3, '45 / 50', '195 / 268'],
  ['+1 pp only at step 3', 100, stepped(errors(0.011)), 1200, 3, '230 / 383', 'not found'],
  ['+25% latency only at step 3', 100, stepped(slow(1.25)), 1200, 3, '135 / 165', '555 / 595 (69%)'],
  ['+5 pp at minute 10 of 30', 10, { make: lateErrors }, 600, 1, '233 (median)', '405 (median)'],
  ['+5 pp at minute 10 of 30', 100, { make: lateErrors }, 600, 1, '75 (median)', '380 (median)'],
  ['+5 pp at minute 10 of 30', 1000, { make: lateErrors }, 600, 1, '45 (median)', '230 (median)'],
];

const ERRORS_ALONE = RELATIVE.slice(0, 1);

/** One gate on errors exactly at its margin, errors in clusters of 5 on both; `row` sets the traffic, the same for all. */
function clustered(
  end: 'rolled back' | 'promoted',
  change: Partial<MachineConfig['metrics'][number]>,
): string {
  const scenario: Made = {
    make: always({ ...PLAIN, cluster: 5 }, { ...PLAIN, errorRate: 0.006, cluster: 5 }),
  };
  return shares(end, LEVELS, (rps, run) => {
    const looks = trace(scenario, rps, seedOf('clustered', rps, run));
    const config = note(ERRORS_ALONE, rps);
    const one = config.metrics
      .filter(({ name }) => name === 'errors')
      .map((metric) => ({ ...metric, weight: 1, ...change }));
    // Evidence for a pass ends a run, so a rollback after it is not seen: each end by itself.
    return end === 'promoted'
      ? judge({ ...config, metrics: one }, looks)
      : judge(
          { ...config, metrics: one.map((metric) => ({ ...metric, passRole: false })), minDurationSec: 1e9 },
          looks,
        );
  });
}

function podRow(lastSec: readonly number[], judged: (looks: readonly Look[]) => Outcome): string {
  const texts = lastSec.map((sec) => {
    const ends = Array.from({ length: runs }, (_, run) =>
      judged(trace({ make: podErrors(sec) }, 100, seedOf(`pods ${sec}`, 100, run))),
    );
    return percentOf(ends.filter((each) => each.end === 'rolled back').length, runs);
  });
  return texts.join(' / ');
}

/** Every failure of a mirrored request is the request's own in four of five cases; counts, margin 0. */
function mirrored(rps: number): string {
  const gate: Gate = {
    ...(ERRORS_ALONE[0] as Gate),
    limit: { kind: 'worse-by', share: 0, ratio: 1 },
  } as Gate;
  const config = note([gate], rps);
  const back = Array.from({ length: runs }, (_, run) => {
    const source = random(seedOf('mirrored', rps, run));
    const looks = Array.from({ length: STEP_SEC / LOOK_SEC }, (): Look => {
      const arm = (n: number, same: number) => ({
        n,
        errors: same + source.binomial(n, 0.2 * 0.001),
        le: [],
      });
      const n = source.poisson(rps * LOOK_SEC * GREEN_SHARE);
      const other = source.poisson(rps * LOOK_SEC * (1 - GREEN_SHARE));
      const same = source.binomial(n, 0.8 * 0.001);
      const blue = arm(n + other, same + source.binomial(other, 0.8 * 0.001));
      return { dtSec: LOOK_SEC, blue, green: arm(n, same), status: { blue: 'ok', green: 'ok' } };
    });
    return judge(config, looks);
  }).filter(({ end }) => end === 'rolled back');
  return percentOf(back.length, runs);
}

/** With Envoy's own buckets, which cannot tell 10% at 250 ms: each level's share that ends so, and the median second. */
function stock(end: 'rolled back' | 'promoted', by: number): string {
  const scenario: Made = { make: always(PLAIN, slow(by)) };
  const texts = [100, 1000].map((rps) => {
    const config = note(RELATIVE, rps, 1, STOCK_EDGES_MS);
    const ends = Array.from({ length: runs }, (_, run) =>
      judge(
        config,
        trace(scenario, rps, seedOf(`stock ${by}`, rps, run), () => GREEN_SHARE, STOCK_EDGES_MS),
      ),
    );
    const at = ends
      .filter((each) => each.end === end)
      .map(({ atSec }) => atSec)
      .sort((a, b) => a - b);
    const median = at.length === 0 ? '' : ` (${quantile(at, 0.5)} s)`;
    return `${percentOf(at.length, runs)}${median}`;
  });
  return texts.join(' / ');
}

const BLIPS: readonly (readonly [number, string])[] = [
  [5, '4.0 / 12 / 27'],
  [10, '1.6 / 8.4 / 24'],
  [30, '0.8 / 2.8 / 14'],
  [60, '0.4 / 1.6 / 9.2'],
];
const CLUSTER_ROWS: readonly (readonly [
  string,
  Partial<MachineConfig['metrics'][number]>,
  string,
  string,
])[] = [
  ['fixed at 1', { dispersion: { mode: 'fixed', phi: 1 } }, '3.2 / 21 / 35', '56 / 59 / 45'],
  ['learned', { dispersion: { mode: 'auto' } }, '0.6 / 5.2 / 2.8', '38 / 39 / 12'],
  [
    'carried over (6)',
    { dispersion: { mode: 'auto', phi0: 6, nu0: 16 } },
    '0 / 0.8 / 1.0',
    '2.0 / 5.8 / 3.8',
  ],
];

const STOCK: readonly (readonly [string, 'rolled back' | 'promoted', number, string])[] = [
  ['no regression: promoted', 'promoted', 1, '100 (263 s) / 100 (60 s)'],
  ['latency +10%: promoted', 'promoted', 1.1, '0 / 0.2'],
  ['latency +25%: rolled back', 'rolled back', 1.25, '165 / 95 s'],
  ['latency 2x: rolled back', 'rolled back', 2, '95 / 95 s'],
];

const ROWS: readonly Row[] = [
  {
    what: '7.4: every metric at its margin, rolled back %, 10 / 100 / 1000 rps',
    note: '0.1 / 0 / 0',
    measure: () => wholeRollout('margin', AT_MARGIN),
  },
  {
    what: '7.4: the same, z without margin',
    note: '100 / 100 / 100',
    measure: () => peeking('margin', AT_MARGIN, PEEKING),
  },
  {
    what: '7.4: the same, z with margin',
    note: '18 / 17 / 15',
    measure: () => peeking('margin', AT_MARGIN, LONGEST),
  },
  {
    what: '7.4: no regression, rolled back %',
    note: '0 / 0 / 0',
    measure: () => wholeRollout('none', HEALTHY),
  },
  {
    what: '7.4: the same, z without margin',
    note: '29 / 27 / 20',
    measure: () => peeking('none', HEALTHY, PEEKING),
  },
  {
    what: '7.4: the same, z with margin',
    note: '3.4 / 1.2 / 0',
    measure: () => peeking('none', HEALTHY, LONGEST),
  },
  ...LATE.flatMap(([name, rps, scenario, onset, steps, withRestarts, without]): Row[] => [
    {
      what: `7.4: ${name}, ${rps} rps, seconds after it began`,
      note: withRestarts,
      measure: () => delays(name, rps, scenario, onset, null, steps),
    },
    {
      what: `7.4: the same without restarts`,
      note: without,
      measure: () => delays(name, rps, scenario, onset, 1, steps),
    },
  ]),
  {
    what: '7.5: one outage of 10 s of green, rolled back %, 10 / 100 / 1000 rps',
    note: '0.4 / 0 / 0',
    measure: () =>
      shares('rolled back', LEVELS, (rps, run) =>
        judge(note(RELATIVE, rps), trace({ make: greenBlip }, rps, seedOf('blip', rps, run))),
      ),
  },
  ...BLIPS.map(([blipSec, noted]): Row => ({
    what: `7.5: pods with spells of 50% errors of 5 / 15 / 60 s, 100 rps, blip ${blipSec} s, rolled back %`,
    note: noted,
    measure: () => {
      const config = note(RELATIVE, 100);
      const blips = withMetrics(config, { blipSec, plannedBlocks: Math.ceil(STEP_SEC / blipSec) });
      return podRow([5, 15, 60], (looks) => judge(blips, looks));
    },
  })),
  {
    what: '7.5: the same, Flagger',
    note: '0.4 / 4.0 / 16',
    measure: () => podRow([5, 15, 60], (looks) => flagger('Flagger', 60, 5, 10).judge(looks)),
  },
  {
    what: '7.5: the same, Argo',
    note: '0.8 / 4.8 / 13',
    measure: () => podRow([5, 15, 60], (looks) => argo('Argo', 60, 10, 3).judge(looks)),
  },
  ...CLUSTER_ROWS.flatMap(([name, change, back, pass]): Row[] => [
    {
      what: `7.5: clusters of mean 5, at the margin, \`phi\` ${name}: rolled back %, 10 / 100 / 1000 rps`,
      note: back,
      measure: () => clustered('rolled back', change),
    },
    { what: '7.5: the same, passed %', note: pass, measure: () => clustered('promoted', change) },
  ]),
  {
    what: '7.5: mirrored copies, 80% of failures the requests’ own, margin 0, rolled back %, 100 / 1000 rps',
    note: '0 / 0',
    measure: () => [100, 1000].map(mirrored).join(' / '),
  },
  {
    what: '7.5: green cold for 30 s and no warm-up, rolled back %, 1 / 10 / 100 / 1000 rps',
    note: '0.1 / 0.1 / 53 / 100',
    measure: () =>
      shares('rolled back', [1, ...LEVELS], (rps, run) =>
        judge(
          { ...note(RELATIVE, rps), warmupSec: 0 },
          trace({ make: coldStart }, rps, seedOf('cold', rps, run)),
        ),
      ),
  },
  ...STOCK.map(([name, end, by, noted]): Row => ({
    what: `7.5: stock Envoy buckets, ${name} %, 100 / 1000 rps`,
    note: noted,
    measure: () => stock(end, by),
  })),
];

const started = performance.now();
const chosen = ROWS.filter(({ what }) => what.includes(values.only));
const rows = chosen.map(({ what, note: noted, measure }) => [what, noted, measure()]);
process.stdout.write(
  `${runs} runs a figure, seed ${seed}; seconds: median / 95% (share caught).\n\n` +
    `${markdown(['situation', 'design', 'here'], rows)}\n`,
);
process.stderr.write(`took ${((performance.now() - started) / 1000).toFixed(0)} s\n`);
