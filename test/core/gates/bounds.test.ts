import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluate, type Look } from '../../../core/gates/index.js';
import { bounds, upperRate } from '../../../core/gates/bounds.js';
import { initialPass, lnAbove, lnBelow, passLook } from '../../../core/gates/pass.js';
import { config, errorsMetric, look } from './streams.js';

const looks = fc.array(
  fc
    .tuple(fc.nat(8), fc.nat(800), fc.nat(4), fc.nat(200))
    .map(([xB, nB, xG, nG]) => look([xB, nB + xB], [xG, nG + xG])),
  { minLength: 1, maxLength: 12 },
);

describe('the bounds of a step', () => {
  it('agree with the decision: proven is the same event as an upper bound within the margin', () => {
    fc.assert(
      fc.property(
        looks,
        fc.constantFrom(0, 1, 1.2),
        fc.constantFrom(0.005, 0.02, 0.1),
        (stream, r, delta) => {
          const setup = config([errorsMetric({ r, delta, passRole: false })]);
          for (const { metrics } of evaluate({ config: setup, looks: stream })) {
            const m = metrics['errors'];
            expect((m?.lnPass ?? -Infinity) >= Math.log(20)).toBe((m?.upper ?? 1) <= delta);
          }
        },
      ),
      { seed: 7 },
    );
  });

  it('lie in order, and are all that is possible where nothing was seen', () => {
    fc.assert(
      fc.property(looks, fc.constantFrom(0, 1, 1.2), (stream, r) => {
        for (const { metrics } of evaluate({ config: config([errorsMetric({ r })]), looks: stream })) {
          expect(metrics['errors']?.lower).toBeLessThanOrEqual(metrics['errors']?.upper ?? NaN);
        }
      }),
      { seed: 8, numRuns: 40 },
    );
    const nothing = (r: number) =>
      evaluate({ config: config([errorsMetric({ r })]), looks: [look([0, 0], [0, 0])] })[0]?.metrics[
        'errors'
      ];
    expect(nothing(0)).toMatchObject({ lower: 0, upper: 1 });
    expect(nothing(1.2)).toMatchObject({ lower: -1.2, upper: 1 });
  });

  it.each([
    [0, 600, 0, 0.00776],
    [10, 1000, 0.0027, 0.0239],
  ])('of one arm are those of the note, 95% both ends together: %i of %i', (x, n, lower, upper) => {
    const seen: Look = look([0, 0], [x, n]);
    const setup = config([errorsMetric({ r: 0, delta: 0.05 })], { alphaPass: 0.025 });

    const m = evaluate({ config: setup, looks: [seen] })[0]?.metrics['errors'];

    expect(m?.lower).toBeCloseTo(lower, 4);
    expect(m?.upper).toBeCloseTo(upper, 4);
    expect(upperRate(x, n, 0.025)).toBe(m?.upper);
  });

  // Doubles around such bounds lie further apart than bounds of shares are told apart.
  it.each([17.2, 50, 1e6])('end where the evidence reaches its threshold, also with a factor of %d', (r) => {
    const metric = errorsMetric({ r });
    const wanted = Math.log(20);
    fc.assert(
      fc.property(looks, (stream) => {
        const state = stream.reduce(
          (sum, { blue, green }) =>
            passLook(sum, metric, { xB: blue.errors, nB: blue.n, xG: green.errors, nG: green.n }, 1),
          initialPass(metric),
        );
        const { lower, upper } = bounds(state, r, 0.05);
        const step = (at: number) => 4e-15 * Math.max(1, Math.abs(at));

        expect(upper === 1 || lnBelow(state, upper) >= wanted).toBe(true);
        expect(upper === -r || lnBelow(state, upper - step(upper)) < wanted).toBe(true);
        expect(lower === -r || lnAbove(state, lower) >= wanted).toBe(true);
        expect(lower === 1 || lnAbove(state, lower + step(lower)) < wanted).toBe(true);
      }),
      { seed: 9, numRuns: 300 },
    );
  });

  it('are found for evidence that is no number, too', () => {
    const nothing = [NaN, NaN, NaN, NaN, NaN, NaN, NaN, NaN, NaN];
    const state = {
      kind: 'two-sample',
      passA: nothing,
      passC: nothing,
      breachA: nothing,
      breachC: nothing,
    } as const;

    expect(bounds(state, 1, 0.05)).toEqual({ lower: -1, upper: 1 });
    expect(bounds({ kind: 'one-sample', x: NaN, n: NaN }, 0, 0.05)).toEqual({ lower: 0, upper: 1 });
  });

  it('hold the true difference between them: too often wrong would be a broken gate', () => {
    // Every possible outcome of one look, at true rates 0.2 and 0.3.
    const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n, k - 1) * (n - k + 1)) / k);
    const mass = (n: number, k: number, p: number) => choose(n, k) * p ** k * (1 - p) ** (n - k);
    let above = 0;
    let below = 0;
    for (let xB = 0; xB <= 12; xB++) {
      for (let xG = 0; xG <= 12; xG++) {
        const p = mass(12, xB, 0.2) * mass(12, xG, 0.3);
        const m = evaluate({ config: config([errorsMetric()]), looks: [look([xB, 12], [xG, 12])] })[0]
          ?.metrics['errors'];
        if ((m?.lower ?? 0) > 0.1) above += p;
        if ((m?.upper ?? 0) < 0.1) below += p;
      }
    }
    expect(above).toBeLessThanOrEqual(0.05);
    expect(below).toBeLessThanOrEqual(0.05);
  });
});
