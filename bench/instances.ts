/**
 * Noise of single instances: the gate on all of green's requests, and the same gate without each of green's instances
 * in turn, of which all have to breach (docs/gates.md, "Counts per instance").
 *
 *   node dist/bench/instances.js [--runs N] [--seed N] [--rps N]
 */
import { parseArgs } from 'node:util';
import { advance, initialState, type Look, type MachineConfig } from '../core/gates/index.js';
import { random, type Random } from './gates/random.js';
import { markdown, percentOf, quantile } from './gates/tables.js';
import { wholeNumber } from './support/figures.js';

const LOOK_SEC = 5;
const LOOKS = 360;
const ERRORS = 0.001;
/** Instances of the baseline for each of green. */
const BLUE_PER_GREEN = 9;
const SPELL_EVERY_SEC = 600;
const SPELL_ERRORS = 0.5;

interface World {
  readonly name: string;
  /** Mean length of the spells that every instance has, seconds; 0 = none. */
  readonly spellSec: number;
  /** Share of errors of one of green's instances after so many seconds, beyond what all have. */
  readonly more: (instance: number, atSec: number) => number;
}

const none = () => 0;
const WORLDS: readonly World[] = [
  { name: 'healthy, spells of 5 s', spellSec: 5, more: none },
  { name: 'healthy, spells of 15 s', spellSec: 15, more: none },
  { name: 'healthy, spells of 60 s', spellSec: 60, more: none },
  { name: 'errors +5 pp on all', spellSec: 0, more: () => 0.05 },
  { name: 'all requests fail', spellSec: 0, more: () => 1 },
  {
    name: 'one instance fails half, from minute 2 on',
    spellSec: 0,
    more: (instance, atSec) => (instance === 0 && atSec >= 120 ? 0.5 : 0),
  },
];

const CONFIG: MachineConfig = {
  alpha: 0.01,
  alphaPass: 0.05,
  warmupSec: 30,
  minDurationSec: Infinity,
  deadlineSec: Infinity,
  edgesMs: [],
  dispersion: { mode: 'auto' },
  metrics: [
    { name: 'errors', source: 'errors', r: 1, delta: 0.005, weight: 0.84, blipSec: 10, plannedBlocks: 180 },
    {
      name: 'crash',
      source: 'errors',
      r: 0,
      delta: 0.5,
      weight: 0.16,
      blipSec: 10,
      plannedBlocks: 180,
      duringWarmup: true,
      passRole: false,
    },
  ],
};

interface Counted {
  readonly n: number;
  readonly errors: number;
}

const NOTHING: Counted = { n: 0, errors: 0 };
const plus = (a: Counted, b: Counted): Counted => ({ n: a.n + b.n, errors: a.errors + b.errors });
const minus = (a: Counted, b: Counted): Counted => ({ n: a.n - b.n, errors: a.errors - b.errors });

/** Requests of one instance, look by look, with spells that come and go by themselves. */
function instance(rng: Random, rps: number, world: World, more: (atSec: number) => number): Counted[] {
  let bad = false;
  let left = world.spellSec === 0 ? Infinity : rng.exponential(SPELL_EVERY_SEC);
  return Array.from({ length: LOOKS }, (_, i) => {
    let badSec = 0;
    for (let rest = LOOK_SEC; rest > 0;) {
      const step = Math.min(rest, left);
      if (bad) badSec += step;
      rest -= step;
      left -= step;
      if (left > 0) continue;
      bad = !bad;
      left = rng.exponential(bad ? world.spellSec : SPELL_EVERY_SEC);
    }
    const n = rng.poisson(rps * LOOK_SEC);
    const share = Math.min(1, ERRORS + more(i * LOOK_SEC) + (SPELL_ERRORS * badSec) / LOOK_SEC);
    return { n, errors: rng.binomial(n, share) };
  });
}

function lookOf(blue: Counted, green: Counted): Look {
  const arm = (counts: Counted) => ({ ...counts, le: [] });
  return { dtSec: LOOK_SEC, blue: arm(blue), green: arm(green), status: { blue: 'ok', green: 'ok' } };
}

/** When the gates would roll back, seconds: by all requests, and where no single instance can do it alone. */
function rollbacks(
  world: World,
  instances: number,
  rps: number,
  seed: number,
): { all: number | null; without: number | null } {
  const rng = random(seed);
  const each = rps / (instances * (1 + BLUE_PER_GREEN));
  const many = (count: number, more: (i: number) => (atSec: number) => number) =>
    Array.from({ length: count }, (_, i) => instance(rng, each, world, more(i)));
  const blue = many(instances * BLUE_PER_GREEN, () => none);
  const green = many(instances, (i) => (atSec) => world.more(i, atSec));
  const at = (arm: readonly Counted[][], look: number) =>
    arm.reduce((sum, series) => plus(sum, series[look] ?? NOTHING), NOTHING);

  // The first leaves nobody out.
  const states = Array.from({ length: instances === 1 ? 1 : instances + 1 }, () => initialState(CONFIG));
  const enough = Math.log(1 / CONFIG.alpha);
  const found: { all: number | null; without: number | null } = { all: null, without: null };
  for (let look = 0; look < LOOKS; look++) {
    const [b, g] = [at(blue, look), at(green, look)];
    const totals = states.map((state, i) => {
      const left = i === 0 ? g : minus(g, green[i - 1]?.[look] ?? NOTHING);
      const next = advance(CONFIG, state, lookOf(b, left), { bounds: false });
      states[i] = next.state;
      return next.result.lnTotal ?? -Infinity;
    });
    const [all = -Infinity, ...without] = totals;
    const sec = (look + 1) * LOOK_SEC;
    if (all >= enough) found.all ??= sec;
    if (without.length > 0 && Math.min(...without) >= enough) found.without ??= sec;
    if (found.all !== null && (instances === 1 || found.without !== null)) break;
  }
  return found;
}

function cell(times: readonly (number | null)[]): string {
  const known = times.filter((time) => time !== null).sort((a, b) => a - b);
  const rolledBack = percentOf(known.length, times.length);
  return known.length === 0 ? rolledBack : `${rolledBack} (${quantile(known, 0.5)}/${quantile(known, 0.95)})`;
}

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
const rows = WORLDS.flatMap((world) =>
  [1, 2, 3].map((instances) => {
    const all = Array.from({ length: runs }, (_, run) =>
      rollbacks(world, instances, rps, seed * 1_000_003 + run * 7919 + instances),
    );
    return [
      world.name,
      String(instances),
      cell(all.map((found) => found.all)),
      instances === 1 ? '–' : cell(all.map((found) => found.without)),
    ];
  }),
);
process.stdout.write(
  `${markdown([`${rps} rps, ${runs} runs each`, 'instances of green', 'all requests', 'no single instance alone'], rows)}\n`,
);
