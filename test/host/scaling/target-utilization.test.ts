import { describe, expect, it } from 'vitest';
import { decide, LOW_FOR_MS, wantedInstances } from '../../../host/scaling/target-utilization.js';

const rule = { minInstances: 1, maxInstances: 10, targetPercent: 70, pollingMs: 1000 };

describe('wantedInstances', () => {
  it('is 286 for 20 requests a second of 10 s at 70 %, as azureml-fe says', () => {
    expect(wantedInstances(20 * 10, 1, { ...rule, maxInstances: 1000 })).toBe(286);
  });

  it.each`
    busy   | concurrent | wanted | because
    ${0}   | ${1}       | ${1}   | ${'the minimum holds'}
    ${7}   | ${1}       | ${10}  | ${'7 of 10 is just the target'}
    ${7}   | ${10}      | ${1}   | ${'7 of 10 at once is just the target'}
    ${8}   | ${10}      | ${2}   | ${'8 of 10 is above the target'}
    ${999} | ${1}       | ${10}  | ${'the maximum holds'}
  `('is $wanted for $busy requests at $concurrent at once: $because', ({ busy, concurrent, wanted }) => {
    expect(wantedInstances(busy, concurrent, rule)).toBe(wanted);
  });
});

describe('decide', () => {
  it('adds at the first high reading', () => {
    expect(decide(4, 1, 1, rule, undefined, 0)).toEqual({ instances: 6, low: undefined });
  });

  it('takes away only after a whole minute of low readings, down to the most that they wanted', () => {
    let low = decide(2, 1, 8, rule, undefined, 0).low;
    expect(low).toEqual({ sinceMs: 0, mostWanted: 3 });
    low = decide(3, 1, 8, rule, low, LOW_FOR_MS - 1).low;

    expect(decide(0, 1, 8, rule, low, LOW_FOR_MS)).toEqual({ instances: 5, low: undefined });
  });

  it('forgets low readings at one that is not', () => {
    const { low } = decide(0, 1, 2, rule, undefined, 0);
    const again = decide(2, 1, 2, rule, low, 30_000);

    expect(again).toEqual({ instances: 3, low: undefined });
  });

  it('follows a lower maximum at once', () => {
    expect(decide(0, 1, 12, rule, undefined, 0).instances).toBe(10);
  });
});
