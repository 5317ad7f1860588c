import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lnEvidence, oneSample, twoSampleTerms } from '../../../core/gates/evariable.js';
import { BREACH_GRID, PASS_GRID, type Tilt } from '../../../core/gates/grid.js';
import { binomial } from './binomial.js';

const tilt = (h: number): Tilt => ({ h, lnWeight: 0, exp: Math.exp(h), expm1: Math.expm1(h) });

/** The expectation of one look's factor, over every outcome. */
function expectation(
  pB: number,
  nB: number,
  pG: number,
  nG: number,
  r: number,
  delta: number,
  h: number,
): number {
  const green = binomial(nG, pG);
  return binomial(nB, pB).reduce(
    (sum, mB, xB) =>
      sum +
      green.reduce(
        (inner, mG, xG) => inner + mB * mG * Math.exp(lnEvidence({ xB, nB, xG, nG }, r, delta, tilt(h))),
        0,
      ),
    0,
  );
}

const grids = fc.constantFrom(...BREACH_GRID, ...PASS_GRID).map(({ h }) => h);
const size = fc.integer({ min: 0, max: 9 });
const share = fc.double({ min: 0, max: 1, noNaN: true });

describe('the e-variable of one look', () => {
  it('has weights that sum to 1 on both grids', () => {
    for (const grid of [BREACH_GRID, PASS_GRID]) {
      expect(grid.reduce((sum, { lnWeight }) => sum + Math.exp(lnWeight), 0)).toBeCloseTo(1, 14);
    }
    expect(BREACH_GRID.every(({ h }) => h > 0) && PASS_GRID.every(({ h }) => h < 0)).toBe(true);
  });

  it('expects at most 1 while green is on the null side of the margin, whatever the rates and counts are', () => {
    fc.assert(
      fc.property(
        grids,
        size,
        size,
        share,
        share,
        fc.constantFrom(0, 0.5, 1, 1.2, 2),
        fc.double({ min: 0, max: 0.3, noNaN: true }),
        (h, nB, nG, pB, pG, r, delta) => {
          const edge = r * pB + delta;
          const onNull = h > 0 ? Math.min(pG, edge) : Math.max(pG, Math.min(1, edge));
          fc.pre(h > 0 || onNull >= edge);
          expect(expectation(pB, nB, onNull, nG, r, delta, h)).toBeLessThanOrEqual(1 + 1e-12);
        },
      ),
      { numRuns: 400, seed: 4 },
    );
  });

  it('expects exactly 1 of an absolute limit that green just keeps', () => {
    for (const { h } of [...BREACH_GRID, ...PASS_GRID]) {
      expect(expectation(0, 0, 0.05, 8, 0, 0.05, h)).toBeCloseTo(1, 12);
    }
  });

  it.each`
    pB     | pG      | r      | delta   | h     | because
    ${0.1} | ${0.4}  | ${1}   | ${0.05} | ${1}  | ${'green is beyond the margin'}
    ${0.1} | ${0.4}  | ${1.5} | ${0.02} | ${1}  | ${'green is beyond the factor'}
    ${0.3} | ${0.02} | ${1}   | ${0.05} | ${-1} | ${'green is well within the margin'}
    ${0}   | ${0.3}  | ${0}   | ${0.1}  | ${1}  | ${'green breaks the limit'}
    ${0}   | ${0.01} | ${0}   | ${0.1}  | ${-1} | ${'green keeps the limit'}
  `('grows when $because', ({ pB, pG, r, delta, h }) => {
    const nB = 9;
    const nG = 9;

    const growth = binomial(nB, pB).reduce(
      (sum, mB, xB) =>
        sum +
        binomial(nG, pG).reduce(
          (inner, mG, xG) => inner + mB * mG * lnEvidence({ xB, nB, xG, nG }, r, delta, tilt(h)),
          0,
        ),
      0,
    );

    expect(growth).toBeGreaterThan(0.1);
  });

  it('is what the definition says, by hand', () => {
    // rho = 2, r = 1, nB = 30, nG = 10: D = 30 + 20 = 50, b = 1 - 10/50 = 0.8, a = 1.6.
    const { a, c } = twoSampleTerms({ xB: 3, nB: 30, xG: 4, nG: 10 }, 1, tilt(Math.LN2));
    expect(a).toBeCloseTo(4 * Math.log(1.6) + 3 * Math.log(0.8), 13);
    expect(c).toBeCloseTo(10 * (1.6 - 1), 13);
    // r = 1.5: D = 30 + 30 = 60, b = 1 - 15/60 = 0.75, a = 1.5.
    const scaled = twoSampleTerms({ xB: 3, nB: 30, xG: 4, nG: 10 }, 1.5, tilt(Math.LN2));
    expect(scaled.a).toBeCloseTo(4 * Math.log(1.5) + 3 * Math.log(0.75), 13);
    expect(scaled.c).toBeCloseTo(10 * 0.5, 13);
    // One arm: (2^4 / 1.1^10).
    expect(oneSample(4, 10, 0.1, tilt(Math.LN2))).toBeCloseTo(4 * Math.LN2 - 10 * Math.log(1.1), 13);
  });

  it('is symmetric: arms swapped and the bet turned round give the same evidence', () => {
    fc.assert(
      fc.property(grids, fc.nat(50), fc.nat(500), fc.nat(50), fc.nat(500), (h, xB, moreB, xG, moreG) => {
        const counts = { xB, nB: xB + moreB + 1, xG, nG: xG + moreG + 1 };
        const swapped = { xB: counts.xG, nB: counts.nG, xG: counts.xB, nG: counts.nB };
        expect(lnEvidence(swapped, 1, 0, tilt(-h))).toBeCloseTo(lnEvidence(counts, 1, 0, tilt(h)), 8);
      }),
    );
  });

  it('says exactly nothing without traffic of either arm', () => {
    for (const t of [...BREACH_GRID, ...PASS_GRID]) {
      for (const r of [0.5, 1, 2]) {
        expect(twoSampleTerms({ xB: 0, nB: 0, xG: 1_000_000, nG: 5_000_000 }, r, t)).toEqual({ a: 0, c: 0 });
        expect(lnEvidence({ xB: 7, nB: 90, xG: 0, nG: 0 }, r, 0.1, t)).toBeCloseTo(0, 15);
      }
      expect(lnEvidence({ xB: 7, nB: 90, xG: 0, nG: 0 }, 0, 0.1, t)).toBeCloseTo(0, 15);
    }
  });

  it('grows with every bad request of green, and shrinks with every one of blue (a bet on breach)', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...BREACH_GRID),
        fc.nat(40),
        fc.nat(40),
        fc.constantFrom(0.5, 1, 2),
        (t, xB, xG, r) => {
          const at = (b: number, g: number) => lnEvidence({ xB: b, nB: 400, xG: g, nG: 100 }, r, 0.01, t);
          expect(at(xB, xG + 1)).toBeGreaterThan(at(xB, xG));
          expect(at(xB + 1, xG)).toBeLessThan(at(xB, xG));
        },
      ),
    );
  });
});

describe('failures in groups', () => {
  it('are covered by tempering with the size of the largest group, however the requests of a group depend on each other', () => {
    const phi = 4;
    const pG = 0.3;
    // Groups of 4 of green that fail all, three, or none of their requests, and of blue, all or none: means pG and 0.1.
    const groups = [
      [4, 0.15],
      [3, 0.2],
      [0, 0.65],
    ] as const;
    const delta = pG - 0.1;
    for (const tilt of [...BREACH_GRID, ...PASS_GRID]) {
      let sum = 0;
      for (const [first, p] of groups)
        for (const [second, q] of groups)
          for (const [blue, s] of [
            [4, 0.1],
            [0, 0.9],
          ] as const) {
            const ln = lnEvidence({ xB: blue, nB: 4, xG: first + second, nG: 8 }, 1, delta, tilt);
            sum += p * q * s * Math.exp(ln / phi);
          }
      expect(sum).toBeLessThanOrEqual(1 + 1e-12);
    }
  });
});
