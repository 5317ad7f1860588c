import { describe, expect, it } from 'vitest';
import {
  advance,
  beginStep,
  forecastGate,
  initialState,
  type Look,
  type MachineConfig,
  type MetricConfig,
} from '../../../core/gates/index.js';
import { shareAbove } from '../../../core/gates/histogram.js';
import { expectedStarts, stepStart } from '../../../core/gates/starts.js';
import { config, errorsMetric, GUARD, look } from './streams.js';

const traffic = (rps: number, percent = 10) => ({
  blueRps: (rps * (100 - percent)) / 100,
  greenRps: (rps * percent) / 100,
  intervalSec: 5,
});

const EDGES = [50, 100, 200, 220, 400];
/** 5% slower than 200 ms, 4% slower than 220 ms. */
const HISTOGRAM = { edgesMs: EDGES, le: [10_000, 50_000, 95_000, 96_000, 99_900, 100_000] };
const BEFORE = { errorRate: 0.001, histogram: HISTOGRAM };

const setup = (metric: MetricConfig, over: Partial<MachineConfig> = {}) =>
  config([GUARD, metric], {
    warmupSec: 30,
    minDurationSec: 60,
    edgesMs: EDGES,
    dispersion: { mode: 'auto' },
    ...over,
  });

function forecast(metric: MetricConfig, rps: number, over: Partial<MachineConfig> = {}) {
  const made = forecastGate(setup(metric, over), metric, BEFORE, traffic(rps));
  if (made === null) throw new Error('no forecast');
  return made;
}

const errors = errorsMetric({ weight: 0.28 });
const latency = errorsMetric({
  name: 'latency',
  source: 'latency',
  delta: 0,
  weight: 0.28,
  blipSec: 30,
  plannedBlocks: 60,
  breachEdge: { blue: 2, green: 3 },
  passEdge: { blue: 2, green: 3 },
});

describe('the forecast of a gate in a step', () => {
  // gates.md 7.3, this gate's column: medians of the whole set of four metrics, so alike and not equal.
  it.each`
    rps     | what              | measured | within
    ${10}   | ${'+5 pp errors'} | ${180}   | ${0.15}
    ${100}  | ${'+5 pp errors'} | ${60}    | ${0.15}
    ${1000} | ${'+5 pp errors'} | ${55}    | ${0.15}
    ${100}  | ${'+1 pp errors'} | ${578}   | ${0.15}
    ${1000} | ${'+1 pp errors'} | ${95}    | ${0.15}
  `('says of $what at $rps rps what was measured: $measured s', ({ rps, what, measured, within }) => {
    const sec = forecast(errors, rps as number).catches.find((c) => c.what === what)?.sec ?? NaN;
    expect(Math.abs(sec / (measured as number) - 1)).toBeLessThan(within as number);
  });

  it('says of a crash what the guard does: 25 s, warm-up or not', () => {
    const made = forecastGate(setup(errors), GUARD, BEFORE, traffic(100));
    expect(made?.catches.at(-1)).toEqual({ what: 'every request fails', sec: 25 });
  });

  it.each([
    ['the first step', 0, 25],
    ['the third', 2, 35],
  ])('says of a crash that begins with %s when the machine rolls back', (_, stepsBefore, sec) => {
    const metrics = [GUARD, errors].map((metric) => ({ ...metric, starts: expectedStarts(3) }));
    const machine = { ...setup(errors), metrics };
    const [guard] = metrics as [MetricConfig];
    const fine = new Array<Look>(120).fill(look([0, 450], [0, 50]));
    let state = initialState(machine);
    for (let step = 0; step < stepsBefore; step++) {
      for (const each of fine) state = advance(machine, state, each, { bounds: false }).state;
      state = beginStep(machine, state);
    }
    let decision = 'continue';
    let looks = 0;
    for (; decision === 'continue' && looks < 60; looks++) {
      const next = advance(machine, state, look([0, 450], [50, 50]), { bounds: false });
      ({ state } = next);
      ({ decision } = next.result);
    }

    const start = stepsBefore === 0 ? undefined : stepStart(guard);
    const made = forecastGate(machine, guard, BEFORE, traffic(100), start);
    expect([decision, looks * 5]).toEqual(['breach', sec]);
    expect(made?.catches.at(-1)).toEqual({ what: 'every request fails', sec });
  });

  it('has nothing pass before the step’s least time', () => {
    const made = forecast(errors, 1000, { minDurationSec: 300 });
    expect([made.passSec, made.passSecMostly]).toEqual([300, 300]);
  });

  it('says what cannot be decided at this traffic, and how long it would take', () => {
    const busy = forecast(errors, 100);
    const quiet = forecast(errors, 1);

    expect(busy).toMatchObject({ decides: true });
    expect(quiet.decides).toBe(false);
    expect(quiet.needsSec).toBeGreaterThan(3 * 3600);
  });

  it('says never where a margin can never be proven', () => {
    const strict = forecast(errorsMetric({ r: 1, delta: 0 }), 100);
    expect(strict).toMatchObject({ passSec: null, needsSec: null, decides: false });
  });

  it('names the smallest regression that is caught nine times of ten, smaller with more traffic', () => {
    const size = (rps: number) => Number(/\+([\d.]+) pp/.exec(forecast(errors, rps).smallest ?? '')?.[1]);
    expect(size(10)).toBeGreaterThan(size(100));
    expect(size(100)).toBeGreaterThan(size(1000));
    expect(size(1000)).toBeGreaterThan(0.5);
    expect(size(1000)).toBeLessThan(0.8);
  });

  it('forecasts latency from the baseline’s histogram', () => {
    const made = forecast(latency, 100);
    expect(made.catches.map(({ what }) => what)).toEqual(['+25% latency', '+50% latency', '2x latency']);
    const [quarter, half, twice] = made.catches.map(({ sec }) => sec ?? Infinity) as [number, number, number];
    expect(quarter).toBeGreaterThanOrEqual(half);
    expect(half).toBeGreaterThanOrEqual(twice);
    expect(twice).toBe(95);
    expect(made.smallest).toMatch(/^\+\d+(\.\d+)?% latency$/);
  });

  it('has nothing to say of a latency gate without a histogram, nor of one that is paused', () => {
    expect(forecastGate(setup(latency), latency, { errorRate: 0, histogram: null }, traffic(10))).toBeNull();
    expect(forecastGate(setup(errors), { ...errors, paused: true }, BEFORE, traffic(10))).toBeNull();
  });

  it('says of every size when it is caught', () => {
    expect(forecast(errors, 100).catches).toEqual([
      { what: '+1 pp errors', sec: expect.any(Number) as number },
      { what: '+5 pp errors', sec: expect.any(Number) as number },
      { what: 'every request fails', sec: 55 },
    ]);
  });
});

describe('the share of requests above a latency', () => {
  it.each`
    ms     | share
    ${50}  | ${0.9}
    ${100} | ${0.5}
    ${200} | ${0.05}
    ${400} | ${0.001}
    ${25}  | ${0.95}
  `('is $share at $ms ms', ({ ms, share }) => {
    expect(shareAbove(HISTOGRAM, ms as number)).toBeCloseTo(share as number, 12);
  });

  it('falls between edges and beyond the last', () => {
    const at = [10, 60, 150, 210, 300, 500, 1000].map((ms) => shareAbove(HISTOGRAM, ms));
    expect([...at].sort((a, b) => b - a)).toEqual(at);
    expect(at.every((share) => share > 0 && share < 1)).toBe(true);
  });

  it('is nothing where nothing was seen', () => {
    expect(shareAbove({ edgesMs: [], le: [] }, 100)).toBe(0);
    expect(shareAbove({ edgesMs: [100], le: [0, 0] }, 100)).toBe(0);
  });
});
