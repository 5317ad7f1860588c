import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  mirrorTraffic,
  normalTraffic,
  sameTraffic,
  splitTraffic,
  sumShares,
  trafficText,
  type Traffic,
} from '../../core/traffic.js';

const shares = fc.dictionary(fc.constantFrom('blue', 'green', 'red'), fc.integer({ min: 0, max: 100 }));
const traffic: fc.Arbitrary<Traffic> = fc.record({ live: shares, mirror: shares });

describe('traffic', () => {
  it.each`
    text                               | rules
    ${'blue 90 %, green 10 %'}         | ${splitTraffic('blue', 'green', 10)}
    ${'green 100 %'}                   | ${splitTraffic('blue', 'green', 100)}
    ${'blue 100 %, mirror green 10 %'} | ${mirrorTraffic('blue', 'green', 10)}
    ${'off'}                           | ${{ live: {}, mirror: { green: 0 } }}
  `('reads "$text"', ({ text, rules }: { text: string; rules: Traffic }) => {
    expect(trafficText(rules)).toBe(text);
  });

  it('is the same whether a share of 0 is written or left out, in any order', () => {
    fc.assert(
      fc.property(traffic, (rules) => {
        const shuffled = {
          live: { red: 0, ...Object.fromEntries(Object.entries(rules.live).reverse()) },
          mirror: { ...rules.mirror },
        };
        expect(sameTraffic(rules, shuffled)).toBe(true);
        expect(normalTraffic(normalTraffic(rules))).toEqual(normalTraffic(rules));
      }),
    );
  });

  it('sums to 100 at every split and never mirrors to a live deployment', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), (percent) => {
        const split = splitTraffic('blue', 'green', percent);
        const mirror = mirrorTraffic('blue', 'green', percent);
        expect(sumShares(split.live)).toBe(100);
        expect(split.mirror).toEqual({});
        expect(mirror.live).toEqual({ blue: 100 });
      }),
    );
  });
});
