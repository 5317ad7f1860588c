import { describe, expect, it } from 'vitest';
import {
  advance,
  informationLimit,
  initialState,
  mapGates,
  requestsToBreach,
  type MetricConfig,
} from '../../../core/gates/index.js';
import { firstBreachBets, OUTAGE_BETS } from '../../../core/gates/breach-bets.js';
import { BREACH_GRID } from '../../../core/gates/grid.js';
import type { Gate } from '../../../core/plan.js';
import { config, errorsMetric, look } from './streams.js';

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const own = BREACH_GRID.map(({ lnWeight }) => Math.exp(lnWeight));
const history = { requests: 100_000, errors: 100, le: [] };

/** Tilts that have more than a quarter of their weight. */
const winners = (bets: readonly number[]) =>
  BREACH_GRID.filter((_, i) => (bets[i] ?? 0) > 0.26 * (own[i] ?? 1)).map(({ h }) => h);

describe('where the breach side bets', () => {
  it('sums to 1 and keeps a quarter of the grid’s own weights, so that it costs at most ln 4', () => {
    for (const requests of [0, 1e3, 1e5, 1e9, null]) {
      const bets = firstBreachBets(errorsMetric(), { baseline: history, requests });
      expect(sum(bets)).toBeCloseTo(1, 12);
      bets.forEach((bet, i) => expect(bet).toBeGreaterThanOrEqual(0.25 * (own[i] ?? 1) - 1e-15));
    }
  });

  it('is on the tilts that can win with the requests that come, and are rates below 1', () => {
    const at = (requests: number | null) =>
      winners(firstBreachBets(errorsMetric(), { baseline: history, requests }));

    expect(at(18_000)).toEqual([1, 2, 3, 4]);
    expect(at(180_000)).toEqual([0.5, 1, 2, 3, 4]);
    expect(at(1_800_000)).toEqual([0.125, 0.25, 0.5, 1, 2, 3, 4]);
    expect(at(null)).toEqual(BREACH_GRID.slice(0, -1).map(({ h }) => h));
  });

  it('reads an absolute limit in odds, which have no end, and needs no baseline for it', () => {
    const limit = errorsMetric({ r: 0, delta: 0.3 });
    const at = (requests: number) => winners(firstBreachBets(limit, { baseline: null, requests }));

    expect(at(18_000)).toEqual([0.25, 0.5, 1, 2, 3, 4, 6]);
    expect(at(1_000)).toEqual([1, 2, 3, 4, 6]);
  });

  it.each`
    because                             | metric                              | known
    ${'nothing is known of blue'}       | ${errorsMetric()}                   | ${{ baseline: null, requests: 1e5 }}
    ${'too little is known of it'}      | ${errorsMetric()}                   | ${{ baseline: { ...history, requests: 499 }, requests: 1e5 }}
    ${'no tilt can win'}                | ${errorsMetric()}                   | ${{ baseline: history, requests: 10 }}
    ${'any error is more than allowed'} | ${errorsMetric({ r: 0, delta: 0 })} | ${{ baseline: history, requests: 1e5 }}
  `('is the grid’s own choice where $because', ({ metric, known }) => {
    const bets = firstBreachBets(metric as MetricConfig, known as Parameters<typeof firstBreachBets>[1]);

    bets.forEach((bet, i) => expect(bet).toBeCloseTo(own[i] ?? NaN, 12));
  });

  it('is on outages, for the crash guard', () => {
    expect(sum(OUTAGE_BETS)).toBeCloseTo(1, 12);
    expect(winners(OUTAGE_BETS)).toEqual([1, 2, 3, 4, 6]);
  });

  it('weighs the evidence: all on one tilt is that tilt’s wealth alone', () => {
    const only = (index: number) => BREACH_GRID.map((_, i) => (i === index ? 1 : 0));
    const lnAfter = (breachBets: readonly number[]) => {
      const setup = config([errorsMetric({ delta: 0, plannedBlocks: 1, breachBets })]);
      return advance(setup, initialState(setup), look([0, 900], [2, 100])).result.lnTotal ?? NaN;
    };

    // h = 1: two bad ones of green, 2 (h + ln b), b = 1 - (e - 1) 100 / (900 + 100 e).
    const b = 1 - (Math.expm1(1) * 100) / (900 + 100 * Math.E);
    expect(lnAfter(only(6))).toBeCloseTo(2 * (1 + Math.log(b)), 12);
    expect(lnAfter(only(7))).toBeGreaterThan(lnAfter(only(6)));
  });
});

describe('requests to catch +5 pp at 10 a second, against the information limit', () => {
  const base = { role: 'required', weight: null, dispersion: { mode: 'auto' }, shared: 'hold' } as const;
  const errors: Gate = {
    ...base,
    name: 'errors',
    metric: 'error-rate',
    blipMs: 10_000,
    limit: { kind: 'worse-by', share: 0.005, ratio: 1 },
  };
  const another = (name: string): Gate => ({ ...errors, name });
  const rates = { blue: 0.001, green: 0.051 };
  const ratio = (gates: readonly Gate[], note = false) => {
    const mapped = mapGates({
      gates,
      watching: { intervalMs: 5000, warmUpMs: 30_000, alpha: 0.01, alphaPass: 0.05 },
      plannedMs: 1_800_000,
      plannedSteps: 1,
      plannedRequests: 18_000,
      edgesMs: [],
      baseline: history,
    });
    if (!mapped.ok) throw new Error('refused');
    const found = mapped.setup.config.metrics.find(({ name }) => name === 'errors') as MetricConfig;
    const { breachBets: _, starts: __, ...plain } = found;
    const metric = note ? plain : found;
    return requestsToBreach(metric, rates, 0.01, { perBlue: 1 / 9 }) / informationLimit(metric, rates, 0.01);
  };

  it('is 1.4 times with one gate, 1.6 with two, 1.7 with three; 1.6 to 1.9 with the grid’s own weights', () => {
    const sets = [[errors], [errors, another('b')], [errors, another('b'), another('c')]];

    expect(sets.map((gates) => ratio(gates).toFixed(2))).toEqual(['1.41', '1.59', '1.69']);
    expect(sets.map((gates) => ratio(gates, true).toFixed(2))).toEqual(['1.63', '1.81', '1.91']);
  });
});
