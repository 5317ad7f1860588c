import { describe, expect, it } from 'vitest';
import {
  requestsToBreach,
  requestsToPass,
  informationLimit,
  capSeconds,
} from '../../../core/gates/forecast.js';
import type { MetricConfig } from '../../../core/gates/index.js';
import { expectedStarts, stepStart } from '../../../core/gates/starts.js';
import { errorsMetric } from './streams.js';

const AT_10 = { perBlue: 1 / 9 };

/** Share of requests slower than `ms`, lognormal with median 100 ms times `by`, sigma 0.5. */
function slower(ms: number, by = 1): number {
  const x = Math.abs(Math.log(ms / (100 * by)) / 0.5) / Math.SQRT2;
  let tail = 0;
  for (let k = 60; k > 0; k--) tail = k / 2 / (x + tail);
  const erfc = x > 2 ? Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + tail) : 1 - series(x);
  return ms > 100 * by ? erfc / 2 : 1 - erfc / 2;
}

function series(x: number): number {
  let sum = x;
  let term = x;
  for (let n = 1; n < 80; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const P95 = 100 * Math.exp(0.5 * 1.6448536);
const P99 = 100 * Math.exp(0.5 * 2.3263479);

/** Relative to the value of the note's table, which gives medians with two digits. */
function near(got: number, noted: number, within = 0.11): void {
  expect(got / noted, `${got} against ${noted}`).toBeGreaterThan(1 - within);
  expect(got / noted, `${got} against ${noted}`).toBeLessThan(1 + within);
}

describe('green requests until proven, at 10% of the traffic (the table of the note)', () => {
  it.each`
    what                            | rate     | delta    | noted
    ${'0 errors, margin 0.5 pp'}    | ${0}     | ${0.005} | ${860}
    ${'0.1% errors, margin 0.5 pp'} | ${0.001} | ${0.005} | ${1300}
    ${'1% errors, margin 0.5 pp'}   | ${0.01}  | ${0.005} | ${4900}
    ${'0 errors, margin 0.1 pp'}    | ${0}     | ${0.001} | ${4300}
    ${'0.1% errors, margin 0.1 pp'} | ${0.001} | ${0.001} | ${15500}
  `('$what: $noted', ({ rate, delta, noted }) => {
    const rates = { blue: rate as number, green: rate as number };
    near(requestsToPass(errorsMetric({ delta }), rates, 0.05, AT_10), noted as number);
  });

  it.each`
    what                | edge   | ratio   | noted
    ${'p95 within 10%'} | ${P95} | ${1.1}  | ${1600}
    ${'p95 within 21%'} | ${P95} | ${1.21} | ${470}
    ${'p99 within 10%'} | ${P99} | ${1.1}  | ${5000}
  `('$what: $noted', ({ edge, ratio, noted }) => {
    const rates = { blue: slower(edge as number), green: slower((edge as number) * (ratio as number)) };
    near(requestsToPass(errorsMetric({ delta: 0 }), rates, 0.05, AT_10), noted as number);
  });

  it('by hand: no errors, so each tilt grows by delta times |e^h - 1| nB / D a request', () => {
    const n = requestsToPass(errorsMetric(), { blue: 0, green: 0 }, 0.05, AT_10);
    const h = [-1 / 64, -1 / 32, -1 / 16, -1 / 8, -1 / 4, -1 / 2, -1, -2, -4];
    const w = [0.02, 0.03, 0.05, 0.08, 0.1, 0.12, 0.15, 0.2, 0.25];
    const evidence = h.reduce(
      (sum, x, i) => sum + (w[i] ?? 0) * Math.exp((0.005 * n * (1 - Math.exp(x)) * 9) / (9 + Math.exp(x))),
      0,
    );
    expect(evidence).toBeCloseTo(20, 6);
  });
});

describe('green requests until rolled back, with two required gates, a guard and the crash guard (the same table)', () => {
  const weight = 0.28;

  it.each`
    what       | green    | noted
    ${'100%'}  | ${1}     | ${4}
    ${'50%'}   | ${0.5}   | ${8}
    ${'10%'}   | ${0.1}   | ${50}
    ${'+5 pp'} | ${0.051} | ${135}
    ${'+2 pp'} | ${0.021} | ${830}
    ${'+1 pp'} | ${0.011} | ${5300}
  `('$what errors: $noted', ({ green, noted }) => {
    near(
      requestsToBreach(errorsMetric({ weight }), { blue: 0.001, green: green as number }, 0.01, AT_10),
      noted as number,
    );
  });

  it.each`
    what          | edge   | by      | noted
    ${'p95 +25%'} | ${P95} | ${1.25} | ${1080}
    ${'p95 +50%'} | ${P95} | ${1.5}  | ${145}
    ${'p95 2x'}   | ${P95} | ${2}    | ${30}
    ${'p99 +25%'} | ${P99} | ${1.25} | ${3080}
    ${'p99 +50%'} | ${P99} | ${1.5}  | ${370}
    ${'p99 2x'}   | ${P99} | ${2}    | ${54}
  `('$what: $noted', ({ edge, by, noted }) => {
    const rates = { blue: slower(edge as number), green: slower((edge as number) * 1.1, by as number) };
    near(requestsToBreach(errorsMetric({ delta: 0, weight }), rates, 0.01, AT_10), noted as number);
  });
});

describe('a forecast', () => {
  it('is never where green is at its margin or on the other side of it', () => {
    expect(requestsToPass(errorsMetric(), { blue: 0.01, green: 0.015 }, 0.05, AT_10)).toBe(Infinity);
    expect(requestsToBreach(errorsMetric(), { blue: 0.01, green: 0.015 }, 0.01, AT_10)).toBe(Infinity);
    expect(requestsToBreach(errorsMetric(), { blue: 0.01, green: 0.01 }, 0.01, AT_10)).toBe(Infinity);
  });

  it('asks for more where more must be sure, where a regression starts late, and where counts scatter more', () => {
    const at = (over: object) =>
      requestsToBreach(errorsMetric(), { blue: 0.001, green: 0.051 }, 0.01, { ...AT_10, ...over });
    expect(at({ chance: 0.9 })).toBeGreaterThan(1.2 * at({}));
    expect(at({ start: stepStart(errorsMetric()) })).toBeGreaterThan(1.3 * at({}));
    expect(at({ dispersion: { mode: 'fixed', phi: 2 } })).toBeCloseTo(2 * at({}), 0);
    expect(() => at({ chance: 0.6 })).toThrow(/chance must be one of/);
  });

  it('knows that a learned dispersion has to be trusted less while little was seen', () => {
    const rates = { blue: 0.001, green: 0.001 };
    const slo = errorsMetric({ r: 0, delta: 0.01 });
    const fixed = requestsToPass(slo, rates, 0.05, AT_10);
    const auto = requestsToPass(slo, rates, 0.05, { ...AT_10, dispersion: { mode: 'auto' } });
    expect(auto / fixed).toBeGreaterThan(1.25);
    expect(auto / fixed).toBeLessThan(1.36);
  });

  it('trusts it more with every count-block, which holds a variance of 2', () => {
    const rates = { blue: 0.05, green: 0.05 };
    const slo = errorsMetric({ r: 0, delta: 0.06 });
    const fixed = requestsToPass(slo, rates, 0.05, AT_10);
    const auto = requestsToPass(slo, rates, 0.05, { ...AT_10, dispersion: { mode: 'auto' } });
    const blocks = (auto * 0.05 * 0.95) / 2;
    expect(blocks).toBeGreaterThan(20);
    expect(auto / fixed).toBeCloseTo(1 + 0.5 * Math.sqrt(2 / (4 + blocks)), 6);
  });

  it('needs at least three blocks for a rollback, whatever happens', () => {
    expect(capSeconds(errorsMetric({ blipSec: 10 }), 5, 0.01)).toBe(25);
    expect(capSeconds(errorsMetric({ blipSec: 1 }), 5, 0.01)).toBe(15);
  });

  it('needs more where less is staked on it: of alpha, or on the step that the regression begins with', () => {
    const seconds = (weight: number, later: boolean, over: Partial<MetricConfig> = {}) => {
      const metric = errorsMetric({ weight, starts: expectedStarts(3), ...over });
      return capSeconds(metric, 5, 0.01, later ? stepStart(metric) : undefined);
    };

    // A block adds 2.5 at the most, and from 0.665 or 0.07 of the stake it is 5.0 or 7.2 to all of alpha.
    expect([1, 0.16, 0.08].map((weight) => seconds(weight, false))).toEqual([25, 25, 35]);
    expect([1, 0.16, 0.08].map((weight) => seconds(weight, true))).toEqual([25, 35, 35]);
    expect(seconds(0.16, true, { thirdBlockDecides: true })).toBe(25);
  });

  it('of +5 pp lies within twice the information limit for a single gate', () => {
    const rates = { blue: 0.001, green: 0.051 };
    const limit = informationLimit(errorsMetric(), rates, 0.01);
    // ln 100 / (0.051 ln(0.051/0.006) + 0.949 ln(0.949/0.994)), by hand.
    expect(limit).toBeCloseTo(4.60517 / (0.051 * 2.140066 + 0.949 * -0.0463302), 0);
    expect(requestsToBreach(errorsMetric(), rates, 0.01, AT_10) / limit).toBeLessThan(2);
    expect(informationLimit(errorsMetric(), { blue: 0.001, green: 0.001 }, 0.01)).toBe(Infinity);
  });
});
