import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  advance,
  beginStep,
  collect,
  explain,
  gateEvidence,
  initialState,
  parseEvalInput,
  readingOf,
  recordLook,
  replayLook,
  startCollecting,
  type GateState,
  type Look,
  type MachineConfig,
} from '../../../core/gates/index.js';
import { lnEvidence } from '../../../core/gates/evariable.js';
import { BREACH_GRID, PASS_GRID } from '../../../core/gates/grid.js';
import { betterPaired, pairedCounts, pairsBetween } from '../../../core/gates/pairs.js';
import type { PairCounts } from '../../../core/metrics.js';
import { config, errorsMetric, look, random } from './streams.js';

const NO_HALVES = { blue: { requests: 0, errors: 0 }, green: { requests: 0, errors: 0 } };
const pairs = (n00: number, n01: number, n10: number, n11: number, over: Partial<PairCounts> = {}) => ({
  n00,
  n01,
  n10,
  n11,
  ...NO_HALVES,
  ...over,
});

const TILTS = [...BREACH_GRID, ...PASS_GRID];
const lnE = (counts: PairCounts, delta: number, h: number) => {
  const tilt = TILTS.find((each) => each.h === h);
  return tilt === undefined ? NaN : lnEvidence(pairedCounts(counts), 1, delta, tilt);
};

/** Counters of a look of 10% mirroring that agree with its pairs. */
function mirrored(counts: PairCounts, elsewhere: [errors: number, requests: number] = [0, 0]): Look {
  const { xB, nB, xG, nG } = pairedCounts(counts);
  return { ...look([xB + elsewhere[0], nB + elsewhere[1]], [xG, nG]), pairs: counts };
}

const run = (setup: MachineConfig, looks: readonly Look[]) => {
  let state = initialState(setup);
  return looks.map((each) => {
    const next = advance(setup, state, each, { bounds: false });
    state = next.state;
    return next;
  });
};

describe('the e-variable of pairs', () => {
  it.each`
    cells                     | blueHalves  | greenHalves | delta
    ${[0.5, 0.2, 0.1, 0.2]}   | ${[0, 0]}   | ${[0, 0]}   | ${0.1}
    ${[0.9, 0.1, 0, 0]}       | ${[0, 0]}   | ${[0, 0]}   | ${0.1}
    ${[0.3, 0.05, 0.05, 0.6]} | ${[0, 0]}   | ${[0, 0]}   | ${0}
    ${[0.2, 0.4, 0.1, 0.3]}   | ${[0, 0]}   | ${[0, 0]}   | ${0.3}
    ${[0, 0.6, 0.4, 0]}       | ${[0, 0]}   | ${[0, 0]}   | ${0.2}
    ${[0.3, 0.2, 0.1, 0.4]}   | ${[0, 0]}   | ${[3, 0.6]} | ${0.1}
    ${[0.1, 0.05, 0.05, 0.8]} | ${[0, 0]}   | ${[2, 0.9]} | ${(5 * 0.85 + 2 * 0.9) / 7 - 0.85}
    ${[0.1, 0.05, 0.05, 0.8]} | ${[3, 0.2]} | ${[0, 0]}   | ${0.85 - (5 * 0.85 + 3 * 0.2) / 8}
    ${[0.4, 0.3, 0.1, 0.2]}   | ${[2, 0.1]} | ${[1, 0.7]} | ${(5 * 0.5 + 0.7) / 6 - (5 * 0.3 + 0.2) / 7}
  `(
    'expects at most 1 at the margin, whatever both fail together: $cells, halves $blueHalves and $greenHalves',
    ({ cells, blueHalves, greenHalves, delta }) => {
      const p = cells as number[];
      const sums = TILTS.map(() => 0);
      const n = 5;
      const factorial = (k: number): number => (k < 2 ? 1 : k * factorial(k - 1));
      const arms = [blueHalves, greenHalves] as readonly [requests: number, rate: number][];
      const halves = arms.map(([requests, rate]) =>
        Array.from({ length: requests + 1 }, (_, errors) => ({
          requests,
          errors,
          mass:
            (factorial(requests) / factorial(errors) / factorial(requests - errors)) *
            rate ** errors *
            (1 - rate) ** (requests - errors),
        })),
      );
      for (let a = 0; a <= n; a++)
        for (let b = 0; a + b <= n; b++)
          for (let c = 0; a + b + c <= n; c++) {
            const counts = [a, b, c, n - a - b - c];
            const ways = factorial(n) / counts.reduce((product, k) => product * factorial(k), 1);
            const mass = counts.reduce((product, k, i) => product * (p[i] ?? 0) ** k, ways);
            const [n00, n01, n10, n11] = counts as [number, number, number, number];
            for (const blue of halves[0] ?? [])
              for (const green of halves[1] ?? []) {
                const seen = pairs(n00, n01, n10, n11, { blue, green });
                TILTS.forEach(({ h }, i) => {
                  const value = Math.exp(lnE(seen, delta as number, h));
                  sums[i] = (sums[i] ?? 0) + mass * blue.mass * green.mass * value;
                });
              }
          }

      for (const sum of sums) expect(sum).toBeLessThanOrEqual(1 + 1e-12);
      expect(Math.max(...sums)).toBeGreaterThan(0.99);
    },
  );

  it('counts the halves of one side too, where the other has none', () => {
    const clientsLeft = (errors: number) =>
      pairs(95, 0, 0, 5, { ...NO_HALVES, green: { requests: 4, errors } });
    const b = (100 + 104) / (100 + Math.E * 104);

    expect(lnE(clientsLeft(3), 0, 1) - lnE(clientsLeft(0), 0, 1)).toBeCloseTo(3 * (1 + Math.log(b)), 12);
    expect(lnE(clientsLeft(0), 0, 1)).toBeCloseTo(5 * Math.log(Math.E * b + b - 1), 12);
  });

  it('by hand: a where green alone failed, b where blue alone did, nothing where both or neither did', () => {
    const b = 2 / (1 + Math.E);
    const one = (n01: number, n10: number, n11: number) =>
      lnE(pairs(10 - n01 - n10 - n11, n01, n10, n11), 0, 1);

    expect(one(1, 0, 0)).toBeCloseTo(Math.log(Math.E * b), 12);
    expect(one(0, 1, 0)).toBeCloseTo(Math.log(b), 12);
    expect(one(0, 0, 7)).toBeCloseTo(0, 12);
    expect(lnE(pairs(10, 0, 0, 0), 0.1, 1)).toBeCloseTo(-0.1 * 10 * (Math.E * b - 1), 12);
  });

  it('is never larger where pairs are told apart into halves, whichever they are', () => {
    const cell = fc.nat(30);
    fc.assert(
      fc.property(
        fc.tuple(cell, cell, cell, cell),
        fc.tuple(cell, cell, cell, cell),
        fc.constantFrom(...TILTS),
        (whole, apart, { h }) => {
          const [a, b, c, d] = apart;
          const n = a + b + c + d;
          const halves = { blue: { requests: n, errors: c + d }, green: { requests: n, errors: b + d } };
          const [n00, n01, n10, n11] = whole;
          const all = lnE(pairs(n00 + a, n01 + b, n10 + c, n11 + d), 0.01, h);
          const split = lnE(pairs(n00, n01, n10, n11, halves), 0.01, h);
          expect(split).toBeLessThanOrEqual(all + 1e-9);
          if (d === 0) expect(split).toBeCloseTo(all, 9);
        },
      ),
      { seed: 4 },
    );
  });

  it('counts every answer once: pairs and halves make up all of them', () => {
    const counts = pairedCounts(
      pairs(80, 5, 3, 2, { blue: { requests: 7, errors: 1 }, green: { requests: 4, errors: 2 } }),
    );

    expect(counts).toMatchObject({ xB: 6, nB: 97, xG: 9, nG: 94 });
  });
});

describe('what a mirror step is judged by', () => {
  const setup = config([errorsMetric()]);
  const shared = mirrored(pairs(90, 2, 3, 5), [45, 900]);

  it('is pairs once both fail together more often than blue does alone, one look later', () => {
    const steps = run(setup, [shared, shared, shared]);
    const metric = (i: number) => steps[i]?.state.metrics['errors'];

    expect(steps.map((_, i) => metric(i)?.pairing)).toEqual(['next', 'on', 'on']);
    // The look between counts for neither, so that no answer counts twice.
    expect(metric(1)?.breach).toEqual(metric(0)?.breach);
    expect(metric(1)?.pass).toEqual(metric(0)?.pass);
    expect(metric(2)?.step).toMatchObject({ xG: 7 + 7, nG: 200, nB: 1000 + 100 });
    expect(metric(2)?.pairs).toEqual({ n: 300, greenOnly: 6, blueOnly: 9, both: 15 });
  });

  it('is counts where failures are not the requests’ own', () => {
    const alone = mirrored(pairs(92, 4, 4, 0), [45, 900]);
    const steps = run(setup, [alone, alone, alone]);

    expect(steps[2]?.state.metrics['errors']?.pairing).toBeUndefined();
    expect(steps[2]?.result).toEqual(
      run(
        setup,
        [alone, alone, alone].map(({ pairs: _, ...rest }) => rest),
      )[2]?.result,
    );
  });

  it.each`
    both | blueOnly | perBlue | better
    ${0} | ${0}     | ${1}    | ${false}
    ${1} | ${50}    | ${1}    | ${true}
    ${1} | ${0}     | ${0.1}  | ${true}
    ${1} | ${1}     | ${0.1}  | ${false}
    ${8} | ${9}     | ${0.1}  | ${false}
    ${9} | ${9}     | ${0.1}  | ${true}
  `('weighs $both by both and $blueOnly by blue alone at $perBlue', ({ both, blueOnly, perBlue, better }) => {
    const n = 1000;
    const step = { xB: 0, nB: n / (perBlue as number), xG: 0, nG: n };
    const seen = { n, greenOnly: 0, both: both as number, blueOnly: blueOnly as number };
    expect(betterPaired({ step, pairs: seen })).toBe(better);
  });

  it('is counts where the gate asks for a limit, a factor, or latency', () => {
    for (const over of [{ r: 0, delta: 0.5 }, { r: 1.2 }] as const) {
      const steps = run(config([errorsMetric(over)]), [shared, shared]);
      expect(steps[1]?.state.metrics['errors']?.pairs).toBeUndefined();
    }
  });

  it('is counts again in the next step, and in a look whose pairs are missing or cannot be true', () => {
    const state = run(setup, [shared, shared]).at(-1)?.state as GateState;
    const wrong = mirrored(pairs(90, 2, 3, 5), [45, 900]);
    const { pairs: _, ...without } = wrong;
    const next = (from: GateState, each: Look) =>
      advance(setup, from, each, { bounds: false }).result.lnTotal;

    expect(beginStep(setup, state).metrics['errors']).not.toHaveProperty('pairs');
    expect(beginStep(setup, state).metrics['errors']).not.toHaveProperty('pairing');
    expect(next(state, { ...wrong, pairs: pairs(90, -1, 3, 5) })).toBe(next(state, without));
    expect(next(state, wrong)).not.toBe(next(state, without));
  });

  it('leaves one look out before it goes back to pairs, since answers still on their way were counted', () => {
    const state = run(setup, [shared, shared]).at(-1)?.state as GateState;
    const { pairs: _, ...without } = shared;
    const steps = [without, shared, shared].reduce<ReturnType<typeof advance>[]>(
      (all, each) => [...all, advance(setup, all.at(-1)?.state ?? state, each, { bounds: false })],
      [],
    );

    expect(steps.map((step) => step.state.metrics['errors']?.pairing)).toEqual(['next', 'on', 'on']);
    expect(steps.map((step) => step.state.metrics['errors']?.step.nG)).toEqual([
      ...[0, 0, 100].map((more) => (steps[0]?.state.metrics['errors']?.step.nG ?? NaN) + more),
    ]);
  });

  it('finds a green that fails what blue answers, and only that', () => {
    const worse = new Array<Look>(60).fill(mirrored(pairs(89, 6, 0, 5), [45, 900]));
    const lnBreach = (looks: readonly Look[]) => run(setup, looks).at(-1)?.result.lnTotal ?? NaN;

    expect(lnBreach(worse)).toBeGreaterThan(Math.log(100));
    expect(lnBreach(worse.map(() => mirrored(pairs(89, 0, 6, 5), [45, 900])))).toBeLessThan(0);
  });

  it('proves a healthy green in a quarter of the requests where failures are the requests’ own', () => {
    const next = random(3);
    const looks = Array.from({ length: 3000 }, (): Look => {
      const cells = [0, 0, 0, 0];
      for (let i = 0; i < 50; i++) {
        const hard = next() < 0.04;
        const [blue, green] = [hard || next() < 0.01, hard || next() < 0.01];
        const cell = (blue ? 2 : 0) + (green ? 1 : 0);
        cells[cell] = (cells[cell] ?? 0) + 1;
      }
      const [n00, n01, n10, n11] = cells as [number, number, number, number];
      return mirrored(pairs(n00, n01, n10, n11));
    });
    const provenAfter = (given: readonly Look[]) =>
      50 * (1 + run(setup, given).findIndex(({ result }) => result.decision === 'pass'));

    const paired = provenAfter(looks);
    const counted = provenAfter(looks.map(({ pairs: _, ...rest }) => rest));

    expect(paired).toBeGreaterThan(50);
    expect(4 * paired).toBeLessThan(counted);
  });

  it('says it in words and in the record, in under 2 KB a metric', () => {
    const worse = new Array<Look>(60).fill(mirrored(pairs(89, 6, 0, 5), [45, 900]));
    const steps = run(setup, worse);
    const found = steps.find(({ result }) => result.decision === 'breach') ?? steps[0];
    if (found === undefined) throw new Error('no look');
    const { state, result } = found;

    expect(explain({ config: setup, state, result, signals: [], blue: 'blue', green: 'green' })).toMatch(
      /^of \d+ requests sent to both, green alone failed \d+, blue alone 0, both \d+; a healthy green \(at most 0\.5 pp more than blue\) does worse than this less than once in [\d,]+ \(gate errors\)$/,
    );
    expect(gateEvidence(setup, state, result)[0]?.pairs).toEqual(state.metrics['errors']?.pairs);
    expect(JSON.stringify(state.metrics['errors']).length).toBeLessThan(2048);
  });
});

describe('pairs from the source', () => {
  const counters = (requests: number, errors: number) => ({ requests, errors, le: [], active: 0 });
  const reading = (atMs: number, n: number, given?: PairCounts, kind: 'mirror' | 'live' = 'mirror') =>
    readingOf(
      {
        atMs,
        ageMs: 0,
        edgesMs: [],
        deployments: { blue: { live: counters(10 * n, 0) }, green: { [kind]: counters(n, 0) } },
        ...(given && { pairs: { green: given } }),
      },
      { blue: { deployment: 'blue', kind: 'live' }, green: { deployment: 'green', kind } },
    );
  const options = {
    intervalMs: 5000,
    edgesMs: [],
    perBlue: 0.1,
    kind: 'mirror' as const,
    patienceMs: 30_000,
  };

  it('come as differences, and not at all from live traffic, a source without them, or one that began anew', () => {
    const first = pairs(100, 1, 2, 3);
    const second = pairs(180, 2, 2, 6, {
      blue: { requests: 4, errors: 1 },
      green: { requests: 2, errors: 0 },
    });
    const started = startCollecting(reading(0, 100, first), options);
    const at = (given?: PairCounts) => collect(started, reading(5000, 200, given), options);

    expect(at(second).look?.pairs).toEqual(
      pairs(80, 1, 0, 3, { blue: { requests: 4, errors: 1 }, green: { requests: 2, errors: 0 } }),
    );
    expect(at().look).not.toHaveProperty('pairs');
    expect(at(pairs(5, 0, 0, 0)).look).not.toHaveProperty('pairs');
    expect(at({ ...second, sinceMs: 5000 }).look).not.toHaveProperty('pairs');
    expect(reading(0, 100, first, 'live')).not.toHaveProperty('pairs');
    // A gap: differences start where they are there again.
    const gap = collect(at().state, reading(10_000, 300, second), options);
    expect(gap.look).not.toHaveProperty('pairs');
    expect(collect(gap.state, reading(15_000, 400, second), options).look?.pairs).toEqual(pairs(0, 0, 0, 0));
    expect(pairsBetween(null, second)).toBeNull();
  });

  it('are kept in the record, joined, and come back in a replay', () => {
    const each = mirrored(
      pairs(90, 2, 3, 5, { blue: { requests: 4, errors: 1 }, green: { requests: 2, errors: 0 } }),
    );
    const record = recordLook(recordLook([], each, 10), each, 10);

    expect(record).toHaveLength(1);
    const [joined] = record;
    if (joined === undefined) throw new Error('no record');
    expect(replayLook(joined, 0).pairs).toEqual(
      pairs(180, 4, 6, 10, { blue: { requests: 8, errors: 2 }, green: { requests: 4, errors: 0 } }),
    );
    const { pairs: _, ...plain } = each;
    expect(recordLook(recordLook([], each, 10), plain, 10)).toHaveLength(2);
  });

  it.each`
    given                                 | says
    ${3}                                  | ${'looks[0].pairs must be {n00, n01, n10, n11, blue, green}, got 3'}
    ${{ ...pairs(1, 1, 1, 1), n01: '1' }} | ${'looks[0].pairs.n01 must be a number, got "1"'}
    ${{ n00: 1, n01: 1, n10: 1, n11: 1 }} | ${'looks[0].pairs.blue must be an object {requests, errors}, got nothing'}
  `('are checked where people give them: $says', ({ given, says }) => {
    const parsed = parseEvalInput({
      config: config([errorsMetric()]),
      looks: [{ ...look([0, 1], [0, 1]), pairs: given as unknown }],
    });
    expect(parsed.ok ? [] : parsed.problems).toContain(says);
  });
});
