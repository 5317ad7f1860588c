import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  advance,
  initialState,
  type GateState,
  type Look,
  type MachineConfig,
} from '../../../core/gates/index.js';
import { betsFrom } from '../../../core/gates/bets.js';
import { blockCap } from '../../../core/gates/breach.js';
import { PASS_GRID } from '../../../core/gates/grid.js';
import { binomial } from './binomial.js';
import { config, errorLooks, errorsMetric, GUARD, look } from './streams.js';

/** Numbers of every look, without decisions that stick. */
function run(setup: MachineConfig, looks: readonly Look[], bounds = false) {
  let state: GateState = initialState(setup);
  return looks.map((each) => {
    const step = advance(setup, state, each, { bounds });
    state = step.state;
    return step;
  });
}

const last = <T>(values: readonly T[]): T => values[values.length - 1] as T;

/** Expectation of the total wealth after each look, over every outcome of small looks. */
function expectedWealth(
  setup: MachineConfig,
  pB: number,
  pG: number,
  n: { blue: number; green: number },
  looks: number,
) {
  const blue = binomial(n.blue, pB);
  const green = binomial(n.green, pG);
  const sums = new Array<number>(looks).fill(0);
  const walk = (state: GateState, depth: number, mass: number) => {
    if (depth === looks) return;
    for (let xB = 0; xB <= n.blue; xB++) {
      for (let xG = 0; xG <= n.green; xG++) {
        const p = mass * (blue[xB] ?? 0) * (green[xG] ?? 0);
        if (p === 0) continue;
        const step = advance(setup, state, look([xB, n.blue], [xG, n.green]), { bounds: false });
        sums[depth] = (sums[depth] ?? 0) + p * Math.exp(step.result.lnTotal ?? -Infinity);
        walk(step.state, depth + 1, p);
      }
    }
  };
  walk(initialState(setup), 0, 1);
  return sums;
}

describe('the assembled breach process', () => {
  it.each`
    what                                  | r      | delta   | pB     | dispersion
    ${'a difference at its margin'}       | ${1}   | ${0.1}  | ${0.2} | ${{ mode: 'auto' }}
    ${'a factor at its margin'}           | ${1.5} | ${0.05} | ${0.3} | ${{ mode: 'fixed', phi: 1 }}
    ${'a limit that both arms just keep'} | ${0}   | ${0.3}  | ${0.3} | ${{ mode: 'auto' }}
    ${'a limit, baseline far beyond it'}  | ${0}   | ${0.3}  | ${0.9} | ${{ mode: 'fixed', phi: 1 }}
    ${'no errors at all'}                 | ${1}   | ${0}    | ${0}   | ${{ mode: 'auto' }}
  `('expects at most 1 after every look: $what', ({ r, delta, pB, dispersion }) => {
    const setup = config([errorsMetric({ r, delta, blipSec: 5, plannedBlocks: 3 })], { dispersion });

    const sums = expectedWealth(setup, pB, r * pB + delta, { blue: 3, green: 2 }, 4);

    for (const sum of sums) expect(sum).toBeLessThanOrEqual(1 + 1e-9);
  });

  it('keeps the whole start weight as wealth: without evidence it is exactly 1', () => {
    for (const plannedBlocks of [1, 2, 7, 180]) {
      const steps = run(
        config([errorsMetric({ plannedBlocks })]),
        new Array<Look>(400).fill(look([0, 0], [0, 0])),
      );
      for (const { result } of steps) expect(result.lnTotal).toBeCloseTo(0, 12);
    }
  });

  it('adds at most the cap in one block, by hand: half the wealth in play, all of it at the cap', () => {
    const alpha = 0.01;
    const cap = 0.5 * Math.log(2 * 99);
    expect(blockCap(alpha)).toBeCloseTo(cap, 14);

    const [first] = run(config([errorsMetric({ delta: 0, plannedBlocks: 2 })], { alpha }), [
      look([0, 100000], [1000, 1000]),
    ]);

    // Every tilt but the smallest few is at the cap: M <= 1/2 e^cap + 1/2, and close to it.
    const most = Math.log(0.5 * Math.exp(cap) + 0.5);
    expect(first?.result.lnTotal).toBeLessThanOrEqual(most);
    expect(first?.result.lnTotal).toBeGreaterThan(most - 0.02);
  });

  it('cannot roll back in two blocks, whatever happens in them, and does in three', () => {
    for (const dtSec of [5, 10]) {
      const bad = new Array<Look>(8).fill(look([0, 90000], [10000, 10000], dtSec));
      const steps = run(config([errorsMetric({ plannedBlocks: 16 })]), bad);
      const perBlock = 10 / dtSec;
      const first = steps.findIndex(({ result }) => result.decision === 'breach');
      expect(first).toBe(2 * perBlock);
    }
  });

  it.each([0, 5, 10, 15, 25, 60, 300])(
    'outlasts a total outage of green of 10 s after %i s of health',
    (start) => {
      const fine = look([90, 90000], [10, 10000]);
      const looks = Array.from({ length: 120 }, (_, i) =>
        i * 5 >= start && i * 5 < start + 10 ? look([90, 90000], [10000, 10000]) : fine,
      );
      const metrics = [GUARD, errorsMetric({ weight: 0.84 })];

      const steps = run(config(metrics, { dispersion: { mode: 'auto' } }), looks);

      expect(steps.map(({ result }) => result.decision)).not.toContain('breach');
    },
  );

  it.each([10, 100, 1000])('rolls a green that fails every request back after 25 s at %i rps', (rps) => {
    const metrics = [GUARD, errorsMetric({ weight: 0.84 })];
    const looks = new Array<Look>(20).fill(look([0, rps * 4.5], [rps * 0.5, rps * 0.5]));

    const steps = run(config(metrics, { warmupSec: 30, dispersion: { mode: 'auto' } }), looks);

    const breach = steps.find(({ result }) => result.decision === 'breach');
    expect(breach?.result.elapsedSec).toBe(25);
    expect(breach?.result.reason).toBe('crash-guard');
  });

  it('finds a regression after hours of good evidence: restarts forget what was', () => {
    const good = errorLooks(5, 120, { blue: 0.001, green: 0.001 }, { blue: 450, green: 50 });
    const bad = errorLooks(6, 60, { blue: 0.001, green: 0.051 }, { blue: 450, green: 50 });
    const delay = (plannedBlocks: number) => {
      const steps = run(config([errorsMetric({ plannedBlocks })]), [...good, ...bad]);
      return steps.findIndex(({ result }) => result.decision === 'breach') - good.length;
    };

    expect(delay(180)).toBeGreaterThan(0);
    expect(delay(180)).toBeLessThan(14);
    expect(delay(1)).toBeGreaterThan(2 * delay(180));
  });

  it('weighs the first block a half and a later one 1 / (2 (B - 1)), by hand', () => {
    const B = 5;
    const alpha = 0.01;
    const one = look([0, 1000], [1, 100]);
    const setup = config([errorsMetric({ delta: 0, blipSec: 5, plannedBlocks: B })], { alpha });
    const h = [1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 3, 4, 6];
    const w = [0.02, 0.03, 0.05, 0.08, 0.12, 0.15, 0.15, 0.13, 0.1, 0.09, 0.08];
    // One error of green: E = rho * b with b = (nB + nG) / (nB + rho nG), below the cap for every tilt.
    const e = h.map((x) =>
      Math.min((Math.exp(x) * 1100) / (1000 + Math.exp(x) * 100), Math.exp(blockCap(alpha))),
    );
    const first = 0.5 * e.reduce((s, x, i) => s + x * (w[i] ?? 0), 0) + 0.5;
    const second = e.reduce((s, x, i) => s + (0.5 * x + 1 / 8) * x * (w[i] ?? 0), 0) + 3 / 8;

    const steps = run(setup, [one, one]);

    expect(steps[0]?.result.lnTotal).toBeCloseTo(Math.log(first), 12);
    expect(steps[1]?.result.lnTotal).toBeCloseTo(Math.log(second), 12);
  });

  it('tempers evidence by phi: twice the factor, half the log evidence of an open block', () => {
    const counts = [look([0, 1000], [1, 100])];
    const grown = (phi: number) =>
      last(
        run(
          config([errorsMetric({ plannedBlocks: 1, delta: 0 })], { dispersion: { mode: 'fixed', phi } }),
          counts,
        ),
      ).state.metrics['errors']?.breach.inBlock ?? [];

    grown(1).forEach((evidence, i) => expect(grown(2)[i]).toBeCloseTo(evidence / 2, 13));
  });
});

describe('evidence', () => {
  it('is monotone: one more failure of green never makes a rollback less likely, nor a pass more', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(5), fc.nat(5)), { minLength: 1, maxLength: 8 }),
        fc.nat(7),
        fc.constantFrom(0, 1, 1.5),
        (counts, at, r) => {
          const looks = counts.map(([b, g]) => look([b, 400], [g, 50]));
          const worse = looks.map((each, i) =>
            i === at % looks.length
              ? { ...each, green: { ...each.green, errors: each.green.errors + 1 } }
              : each,
          );
          const setup = config([errorsMetric({ r, delta: 0.01, shared: 'strict' })]);
          const before = last(run(setup, looks, true)).result.metrics['errors'];
          const after = last(run(setup, worse, true)).result.metrics['errors'];
          expect(after?.lnBreach ?? NaN).toBeGreaterThanOrEqual((before?.lnBreach ?? NaN) - 1e-12);
          expect(after?.lnPass ?? NaN).toBeLessThanOrEqual((before?.lnPass ?? NaN) + 1e-12);
          expect(after?.upper ?? NaN).toBeGreaterThanOrEqual((before?.upper ?? NaN) - 1e-12);
          expect(after?.lower ?? NaN).toBeGreaterThanOrEqual((before?.lower ?? NaN) - 1e-12);
        },
      ),
      { seed: 5 },
    );
  });

  it('does not depend on how counts are cut into looks: absolute limits, and relative ones at a constant split', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.nat(3),
        fc.nat(6),
        fc.constantFrom(0, 1, 1.2),
        (parts, xG, xB, r) => {
          const piece = look([xB, 360], [xG, 40], 1);
          const whole = look([xB * parts, 360 * parts], [xG * parts, 40 * parts], parts);
          const setup = config([errorsMetric({ r, delta: 0.02, shared: 'strict' })]);
          const cut = last(run(setup, new Array<Look>(parts).fill(piece), true)).result.metrics['errors'];
          const uncut = last(run(setup, [whole], true)).result.metrics['errors'];
          for (const key of ['lnBreach', 'lnPass', 'lower', 'upper'] as const) {
            expect(cut?.[key]).toBeCloseTo(uncut?.[key] ?? NaN, 9);
          }
        },
      ),
      { seed: 6 },
    );
  });

  it('stays finite and sharp at a billion requests a look', () => {
    const huge = look([9e5, 9e8], [1e5, 1e8]);
    const worse = look([9e5, 9e8], [8e5, 1e8]);

    const healthy = last(run(config([errorsMetric()]), new Array<Look>(20).fill(huge), true));
    const sick = last(run(config([errorsMetric()]), new Array<Look>(20).fill(worse), true));

    expect(healthy.result.decision).toBe('pass');
    expect(healthy.result.metrics['errors']?.upper).toBeGreaterThan(0);
    expect(healthy.result.metrics['errors']?.upper).toBeLessThan(1e-4);
    expect(sick.result.decision).toBe('breach');
    expect(sick.result.metrics['errors']?.lower).toBeGreaterThan(0.006);
    expect(JSON.stringify(healthy.state)).not.toMatch(/[[,]null/);
  });

  it('fits into 2 KB a metric after thousands of looks, whatever the gate', () => {
    const looks = errorLooks(9, 3000, { blue: 0.0123, green: 0.0234 }, { blue: 4567.8, green: 456.7 });
    for (const r of [0, 1.2]) {
      // In its second step, with weights of its own on the pass side: as much as is ever kept.
      const bets = betsFrom(PASS_GRID.map((_, i) => i / 7));
      const setup = config([errorsMetric({ r, bets })], { dispersion: { mode: 'auto' } });
      const { state } = last(
        run(setup, [...looks, ...looks.map((each, i) => ({ ...each, newStep: i === 0 }))]),
      );
      expect(state.metrics['errors']?.pass.bets).not.toEqual(bets);
      expect(JSON.stringify(state.metrics['errors']).length).toBeLessThan(2048);
    }
  });
});
