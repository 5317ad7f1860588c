import { describe, expect, it } from 'vitest';
import {
  factors,
  greenFactors,
  initialDispersion,
  updateDispersion,
} from '../../../core/gates/dispersion.js';

const alone = (xG: number, nG: number) => ({ xB: 0, nB: 0, xG, nG });

describe('the dispersion of counts, by hand', () => {
  const first = updateDispersion(initialDispersion(), alone(1, 2), 0);

  it('has nothing to measure the first look against', () => {
    expect(first).toEqual({ xB: 0, nB: 0, xG: 1, nG: 2, d: 0, v: 0, sum: 0, closed: 0 });
  });

  it('closes a count-block at a variance of exactly 2, and remembers 85% of what it was measured against', () => {
    // 8 requests at a rate of (1 + 0.5) / (2 + 1): 4 expected, 6 found, variance 8 / 4.
    const { xG, nG, d, v, sum, closed } = updateDispersion(first, alone(6, 8), 0);

    expect({ d, v, closed }).toEqual({ d: 0, v: 0, closed: 1 });
    expect(sum).toBeCloseTo(4 / (2 + 4 / 1.5), 12);
    expect(xG).toBeCloseTo(0.85 * 7, 12);
    expect(nG).toBeCloseTo(0.85 * 10, 12);
  });

  it('counts one block as 16 at most', () => {
    const long = updateDispersion(initialDispersion(), alone(10_000, 1_000_000), 0);
    expect(updateDispersion(long, alone(5_000, 10_000), 0)).toMatchObject({ sum: 16, closed: 1 });
  });

  it('measures green’s part of all bad requests where there is a baseline', () => {
    const before = updateDispersion(initialDispersion(), { xB: 9, nB: 90, xG: 1, nG: 10 }, 1);
    const q = 1.5 / 11 / (9.5 / 91);
    const part = (q * 10) / (q * 10 + 90);

    const { d, v, closed } = updateDispersion(before, { xB: 7, nB: 90, xG: 3, nG: 10 }, 1);

    expect(closed).toBe(0);
    expect(d).toBeCloseTo(3 - 10 * part, 12);
    expect(v).toBeCloseTo(10 * part * (1 - part), 12);
  });

  it('takes the baseline’s own factor where it is larger, if asked to', () => {
    const few = { ...initialDispersion(), sum: 6, closed: 2 };
    const many = { ...initialDispersion(), sum: 90, closed: 18 };
    const both = { mode: 'auto', by: 'larger' } as const;

    expect(greenFactors(both, few, many)).toEqual(factors(both, many));
    expect(greenFactors(both, many, few)).toEqual(factors(both, many));
    expect(greenFactors({ mode: 'auto' }, few, many)).toEqual(factors({ mode: 'auto' }, few));
    expect(greenFactors({ mode: 'fixed', phi: 2 }, few, many).phi).toBe(2);
  });

  it('is freed there of the cap on what a block says', () => {
    const by = (mean: number) =>
      factors(
        { mode: 'auto', by: 'larger', nu0: 1e-9 },
        { ...initialDispersion(), sum: 50 * mean, closed: 50 },
      ).phi;

    // E min(phi Z^2, 16) for a normal Z, from tables of the normal distribution.
    expect(by(1)).toBeCloseTo(1, 2);
    expect(by(3.682)).toBeCloseTo(4, 1);
    expect(by(6.342)).toBeCloseTo(9, 1);
    expect(by(15.9)).toBeCloseTo(16, 6);
  });

  it('tempers a pass more while little was seen, and a breach by the estimate alone', () => {
    const state = { ...initialDispersion(), sum: 30, closed: 6 };
    expect(factors({ mode: 'auto' }, state)).toEqual({
      phi: 3.4,
      phiPass: 3.4 * (1 + 0.5 * Math.sqrt(0.2)),
    });
    expect(factors({ mode: 'auto', phi0: 2, nu0: 16 }, state).phi).toBeCloseTo(62 / 22, 12);
    expect(factors({ mode: 'fixed', phi: 2 }, state)).toEqual({ phi: 2, phiPass: 2 });
    expect(factors({ mode: 'auto' }, { ...state, sum: 1e9 }).phi).toBe(16);
    expect(factors({ mode: 'auto' }, { ...state, sum: 0 }).phi).toBe(1);
  });
});
