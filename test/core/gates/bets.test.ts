import { describe, expect, it } from 'vitest';
import {
  advance,
  beginStep,
  checkConfig,
  initialState,
  requestsToPass,
  type GateState,
  type MachineConfig,
  type MetricConfig,
} from '../../../core/gates/index.js';
import { betsFrom, firstBets } from '../../../core/gates/bets.js';
import { PASS_GRID } from '../../../core/gates/grid.js';
import { binomial } from './binomial.js';
import { config, errorsMetric, look } from './streams.js';

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const weights = PASS_GRID.map(({ lnWeight }) => Math.exp(lnWeight));
const history = (errors: number, requests = 100_000) => ({ requests, errors, le: [] });

const after = (setup: MachineConfig, state: GateState, looks: number, green: number, n = 200) => {
  let now = state;
  let lnPass: number | null = null;
  for (let i = 0; i < looks; i++) {
    const step = advance(setup, now, look([2, 9 * n], [green, n]), { bounds: false });
    now = step.state;
    lnPass = step.result.metrics['errors']?.lnPass ?? null;
  }
  return { state: now, lnPass: lnPass ?? -Infinity };
};

const betsOf = (state: GateState) => state.metrics['errors']?.pass.bets ?? [];

describe('where the pass side bets', () => {
  it('sums to 1, and keeps a quarter of the grid’s own weights', () => {
    for (const bets of [
      betsFrom(PASS_GRID.map((_, i) => 40 * i)),
      firstBets(errorsMetric(), history(100), 0.05),
      firstBets(errorsMetric({ r: 0, delta: 0.01 }), history(100), 0.05),
    ]) {
      expect(sum(bets)).toBeCloseTo(1, 12);
      bets.forEach((bet, i) => expect(bet).toBeGreaterThanOrEqual(0.25 * (weights[i] ?? 1)));
    }
  });

  it('is where a version like the baseline would be proven soonest', () => {
    const most = (errors: number) => {
      const bets = firstBets(errorsMetric(), history(errors), 0.05);
      return PASS_GRID[bets.indexOf(Math.max(...bets))]?.h;
    };

    expect([0, 100, 1000, 5000].map(most)).toEqual([-4, -2, -0.5, -0.125]);
  });

  it.each`
    because                                      | metric                                  | baseline
    ${'nothing is known of the baseline'}        | ${errorsMetric()}                       | ${null}
    ${'too little is known of it'}               | ${errorsMetric()}                       | ${history(0, 499)}
    ${'there is no histogram'}                   | ${errorsMetric({ source: 'latency' })}  | ${history(0)}
    ${'the baseline itself breaks the limit'}    | ${errorsMetric({ r: 0, delta: 0.001 })} | ${history(500)}
    ${'a margin of nothing can never be proven'} | ${errorsMetric({ delta: 0 })}           | ${history(500)}
  `('is the grid’s own choice where $because', ({ metric, baseline }) => {
    const bets = firstBets(metric as MetricConfig, baseline as ReturnType<typeof history> | null, 0.05);

    bets.forEach((bet, i) => expect(bet).toBeCloseTo(weights[i] ?? NaN, 12));
  });

  it('counts latency at the edges that a pass is read at', () => {
    const metric = errorsMetric({
      source: 'latency',
      delta: 0,
      breachEdge: { blue: 0, green: 2 },
      passEdge: { blue: 0, green: 1 },
    });
    const le = [95_000, 97_000, 99_900, 100_000];

    const bets = firstBets(metric, { requests: 100_000, errors: 0, le }, 0.05);

    const same = { ...metric, passEdge: { blue: 0, green: 2 } };
    expect(bets).not.toEqual(firstBets(same, { requests: 100_000, errors: 0, le }, 0.05));
    expect(PASS_GRID[bets.indexOf(Math.max(...bets))]?.h).toBe(-0.5);
  });

  it('proves a healthy version sooner, in the first step and more so in the next', () => {
    const plain = config([errorsMetric()]);
    const betting = config([errorsMetric({ bets: firstBets(errorsMetric(), history(100), 0.05) })]);

    const first = [plain, betting].map((setup) => after(setup, initialState(setup), 5, 0));
    const second = [plain, betting].map((setup, i) => {
      const { state } = first[i] ?? { state: initialState(setup) };
      return after(setup, beginStep(setup, state), 5, 0);
    });

    expect(first[1]?.lnPass).toBeGreaterThan((first[0]?.lnPass ?? 0) + 0.1);
    expect((second[1]?.lnPass ?? 0) - (second[0]?.lnPass ?? 0)).toBeGreaterThan(
      (first[1]?.lnPass ?? 0) - (first[0]?.lnPass ?? 0),
    );
  });

  it('costs at most ln 4 where what was learned turns out wrong', () => {
    const plain = config([errorsMetric({ delta: 0.02 })]);
    const betting = config([
      errorsMetric({ delta: 0.02, bets: firstBets(errorsMetric(), history(0), 0.05) }),
    ]);

    const worst = [1, 2, 3, 4].map((green) => {
      const [a, b] = [plain, betting].map((setup) => after(setup, initialState(setup), 30, green).lnPass);
      return (a ?? 0) - (b ?? 0);
    });

    expect(Math.max(...worst)).toBeLessThanOrEqual(Math.log(4) + 1e-12);
    expect(Math.max(...worst)).toBeGreaterThan(0);
  });

  it('stays where it is over a step that saw nothing, and starts anew nothing else', () => {
    const setup = config([errorsMetric({ bets: firstBets(errorsMetric(), history(100), 0.05) })]);
    const { state } = after(setup, initialState(setup), 10, 0);

    const next = beginStep(setup, state);
    const afterEmpty = beginStep(setup, next);

    expect(betsOf(next)).not.toEqual(betsOf(state));
    expect(betsOf(afterEmpty)).toEqual(betsOf(next));
    const fresh = initialState(setup).metrics['errors']?.pass;
    expect({ ...next.metrics['errors']?.pass, bets: [] }).toEqual({ ...fresh, bets: [] });
    expect(sum(betsOf(next))).toBeCloseTo(1, 12);
  });

  it('is the grid’s own in every step for a metric that does not bet, as in gates.md', () => {
    const setup = config([errorsMetric()]);
    const { state } = after(setup, initialState(setup), 10, 0);

    expect(beginStep(setup, state).metrics['errors']?.pass).toEqual(
      initialState(setup).metrics['errors']?.pass,
    );
  });

  it('leaves the expectation at 1 at the margin, in a step that bets on what the one before showed', () => {
    // Every outcome of a step of one look after one of one look, on the boundary of the null.
    const [n, pB] = [5, 0.2];
    for (const [r, delta] of [
      [1, 0.1],
      [1.3, 0],
      [0, 0.3],
    ] as const) {
      const bare = errorsMetric({ r, delta });
      const setup = config([{ ...bare, bets: firstBets(bare, history(1000), 0.05) }]);
      const pG = r * pB + delta;
      const [blue, green] = [binomial(n, pB), binomial(n, pG)];
      let expected = 0;
      for (const [first, p] of binomial(n, 0.05).entries()) {
        const { state } = advance(setup, initialState(setup), look([1, n], [first, n]), { bounds: false });
        const begun = beginStep(setup, state);
        for (let xB = 0; xB <= n; xB++) {
          for (let xG = 0; xG <= n; xG++) {
            const { result } = advance(setup, begun, look([xB, n], [xG, n]), { bounds: false });
            expected +=
              p * (blue[xB] ?? 0) * (green[xG] ?? 0) * Math.exp(result.metrics['errors']?.lnPass ?? 0);
          }
        }
      }
      expect(expected).toBeLessThanOrEqual(1 + 1e-12);
      expect(expected).toBeGreaterThan(0.8);
    }
  });

  it('is forecast, too', () => {
    const bare = errorsMetric();
    const rates = { blue: 0.001, green: 0.001 };
    const requests = (metric: MetricConfig) => requestsToPass(metric, rates, 0.05, { perBlue: 1 / 9 });

    expect(requests({ ...bare, bets: firstBets(bare, history(100), 0.05) })).toBeLessThan(
      0.9 * requests(bare),
    );
  });

  it.each([[[0.5, 0.5]], [weights.map((w) => 2 * w)], [weights.map((w, i) => (i === 0 ? -w : w))]])(
    'is refused where weights cannot be: %j',
    (bets) => {
      expect(checkConfig(config([errorsMetric({ bets })]))[0]).toMatch(
        /^metric errors: bets must be 9 weights that add up to 1, got /,
      );
    },
  );
});
