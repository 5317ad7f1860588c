import { describe, expect, it } from 'vitest';
import {
  advance,
  beginStep,
  checkConfig,
  initialState,
  type GateState,
  type Look,
  type MachineConfig,
  type MetricConfig,
} from '../../../core/gates/index.js';
import { OUTAGE_BETS } from '../../../core/gates/breach-bets.js';
import { blockCap } from '../../../core/gates/breach.js';
import { expectedStarts } from '../../../core/gates/starts.js';
import { binomial } from './binomial.js';
import { config, errorsMetric, look } from './streams.js';

type Starts = NonNullable<MetricConfig['starts']>;

const starting = (over: Parameters<typeof errorsMetric>[0] = {}) =>
  config([errorsMetric({ starts: expectedStarts(4), ...over })]);

/** Wealth of every look; each list is a step. */
function wealth(setup: MachineConfig, steps: readonly (readonly Look[])[]): number[] {
  let state: GateState = initialState(setup);
  return steps.flatMap((looks) =>
    looks.map((each, i) => {
      const next = advance(setup, state, { ...each, newStep: i === 0 }, { bounds: false });
      state = next.state;
      return next.result.lnTotal ?? -Infinity;
    }),
  );
}

describe('where a regression is expected to begin', () => {
  it('is beyond the plan for 5 of 100; of the rest 70 of 100 the first block, 15 a later step, 15 any block', () => {
    const near = ({ first, step, steps, beyond }: Starts) =>
      [first, step, steps, beyond].map((n) => n?.toFixed(9));

    expect(near(expectedStarts(4))).toEqual(
      near({ first: 0.95 * 0.7, step: (0.95 * 0.15) / 3, steps: 3, beyond: 0.05 }),
    );
    expect(near(expectedStarts(1))).toEqual(near({ first: 0.95 * 0.7, step: 0, steps: 0, beyond: 0.05 }));
    expect(expectedStarts(0)).toEqual(expectedStarts(1));
  });

  it.each([1, 2, 7, 180])(
    'gives out no more and no less than the whole stake, of %i blocks',
    (plannedBlocks) => {
      const empty = new Array<Look>(40).fill(look([0, 0], [0, 0]));

      for (const ln of wealth(starting({ plannedBlocks }), [empty, empty, empty, empty, empty, empty])) {
        expect(ln).toBeCloseTo(0, 12);
      }
    },
  );

  it.each([
    ['as they are while the baseline serves too', {}, 2],
    ['as they are after cutover', { r: 0, delta: 0.1, thirdBlockDecides: true }, 4],
    [
      'after one planned block',
      { plannedBlocks: 1, starts: { first: 0.5, step: 0, steps: 0, beyond: 0.5 } },
      2,
    ],
  ] as const)(
    'expects at most 1 at the margin, over every outcome of four blocks (caps %s)',
    (_, over, n) => {
      const starts = { first: 0.6, step: 0.3, steps: 1 };
      const setup = config([
        errorsMetric({ delta: 0.1, blipSec: 5, plannedBlocks: 3, starts, breachBets: OUTAGE_BETS, ...over }),
      ]);
      const alone = 'r' in over;
      const [blue, green] = alone ? [[1], binomial(n, 0.1)] : [binomial(n, 0.2), binomial(n, 0.3)];
      const sums = [0, 0, 0, 0];
      const walk = (state: GateState, depth: number, mass: number): void => {
        const from = depth === 2 ? beginStep(setup, state) : state;
        for (const [xB, pB] of blue.entries()) {
          for (const [xG, pG] of green.entries()) {
            const next = advance(setup, from, look([xB, alone ? 0 : n], [xG, n]), { bounds: false });
            const p = mass * pB * pG;
            sums[depth] = (sums[depth] ?? 0) + p * Math.exp(next.result.lnTotal ?? -Infinity);
            if (depth < 3) walk(next.state, depth + 1, p);
          }
        }
      };

      walk(initialState(setup), 0, 1);

      for (const sum of sums) {
        expect(sum).toBeLessThanOrEqual(1 + 1e-9);
        expect(sum).toBeGreaterThan(0.4);
      }
    },
  );

  it('caps a block so that two cannot roll back, and three can', () => {
    expect(blockCap(0.01, { starts: expectedStarts(4) })).toBeCloseTo(0.5 * Math.log(99 / 0.665), 14);
    const bad = new Array<Look>(8).fill(look([0, 90000], [10000, 10000], 10));

    const reached = wealth(starting({ plannedBlocks: 16 }), [bad]).findIndex((ln) => ln >= Math.log(100));

    expect(reached).toBe(2);
  });

  it('finds an outage in its eighth block at the latest, long after the plan and all that was healthy until then', () => {
    const fine = new Array<Look>(4000).fill(look([9, 9000], [1, 1000], 10));
    const bad = new Array<Look>(60).fill(look([9, 9000], [1000, 1000], 10));
    const blocksBefore = (after: number, starts: Starts) =>
      wealth(starting({ plannedBlocks: 100, starts }), [[...fine.slice(0, after), ...bad]])
        .slice(after)
        .findIndex((ln) => ln >= Math.log(100));
    const { beyond: _, ...planned } = expectedStarts(4);
    const onsets = [50, 101, 200, 1000, 4000];

    expect(onsets.map((after) => blocksBefore(after, expectedStarts(4)))).toEqual([4, 4, 5, 6, 7]);
    // Without a share for it, the last one is not found at all within these ten minutes.
    expect(onsets.map((after) => blocksBefore(after, planned))).toEqual([4, 4, 7, 30, -1]);
  });

  it('finds what begins with the first requests, or with a step, sooner than even starts do', () => {
    const fine = new Array<Look>(120).fill(look([2, 900], [0, 100]));
    const bad = new Array<Look>(120).fill(look([2, 900], [2, 100]));
    const plain = config([errorsMetric()]);
    const delay = (setup: MachineConfig, steps: readonly (readonly Look[])[], onset: number) =>
      wealth(setup, steps).findIndex((ln) => ln >= Math.log(100)) - onset;

    const first = [plain, starting()].map((setup) => delay(setup, [bad], 0));
    const step = [plain, starting()].map((setup) => delay(setup, [fine, bad], 120));
    const middle = [plain, starting()].map((setup) => delay(setup, [[...fine, ...bad]], 120));

    expect(first).toEqual([10, 9]);
    expect(step).toEqual([16, 13]);
    // The price: a regression that begins in the middle of a step.
    expect(middle).toEqual([16, 18]);
  });

  it.each`
    what                       | over                                                            | says
    ${'more than the stake'}   | ${{ starts: { first: 0.7, step: 0.2, steps: 2 } }}              | ${'starts must be shares of at most 1 in all'}
    ${'more after the plan'}   | ${{ starts: { first: 0.7, step: 0.1, steps: 2, beyond: 0.2 } }} | ${'2 steps of 0.1 and 0.2 beyond the plan'}
    ${'nothing for the first'} | ${{ starts: { first: 0, step: 0.2, steps: 2 } }}                | ${'first above 0, got first 0'}
    ${'half a step'}           | ${{ starts: { first: 0.5, step: 0, steps: 1.5 } }}              | ${'1.5 steps'}
    ${'negative steps'}        | ${{ starts: { first: 0.5, step: 0, steps: -1 } }}               | ${'-1 steps'}
    ${'bets beyond 1'}         | ${{ breachBets: OUTAGE_BETS.map((bet) => 2 * bet) }}            | ${'breachBets must be 11 weights'}
    ${'bets that are missing'} | ${{ breachBets: [1] }}                                          | ${'breachBets must be 11 weights'}
  `('refuses $what', ({ over, says }) => {
    const problems = checkConfig(config([errorsMetric(over as Parameters<typeof errorsMetric>[0])]));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(says);
  });
});
