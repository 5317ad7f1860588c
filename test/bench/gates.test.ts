import { describe, expect, it } from 'vitest';
import { isHigh } from '../../bench/gates/kayenta.js';
import { EDGES_MS, interpolatedQuantile, slowerThan } from '../../bench/gates/latency.js';
import { OURS } from '../../bench/gates/ours.js';
import { argo, flagger } from '../../bench/gates/peers.js';
import { random } from '../../bench/gates/random.js';
import { SCENARIOS } from '../../bench/gates/scenarios.js';
import { GREEN_SHARE, trace } from '../../bench/gates/trace.js';
import type { Look } from '../../core/gates/index.js';

/** Looks of 5 s in which green answers so many requests, all fast, so many with an error. */
function looks(perLook: readonly (readonly [errors: number, n: number])[]): Look[] {
  return perLook.map(([errors, n]) => ({
    dtSec: 5,
    blue: { n: 0, errors: 0, le: new Array<number>(99).fill(0) },
    green: { n, errors, le: new Array<number>(99).fill(n) },
    status: { blue: 'ok', green: 'ok' },
  }));
}

const minutes = (pattern: string) =>
  looks(
    [...pattern].flatMap((mark) =>
      new Array<[number, number]>(12).fill(mark === 'x' ? [1, 10] : mark === '0' ? [0, 0] : [0, 10]),
    ),
  );

describe('the peers’ rules', () => {
  it.each`
    pattern             | end              | atSec  | because
    ${'..........'}     | ${'promoted'}    | ${600} | ${'ten checks are good'}
    ${'xxxxxxxxxx'}     | ${'rolled back'} | ${360} | ${'the tick after the fifth failed one acts'}
    ${'x.x.x.x.x.'}     | ${'rolled back'} | ${600} | ${'failed checks never go away'}
    ${'x.x.x.x.......'} | ${'promoted'}    | ${840} | ${'four failed ones are allowed'}
    ${'000000'}         | ${'rolled back'} | ${360} | ${'no data fails'}
  `('Flagger: $end at $atSec s when $because', ({ pattern, end, atSec }) => {
    expect(flagger('', 60, 5, 10).judge(minutes(pattern as string), 10)).toEqual({ end, atSec });
  });

  it.each`
    pattern         | end              | atSec  | because
    ${'..........'} | ${'promoted'}    | ${600} | ${'all measurements are good'}
    ${'xxxxxxxxxx'} | ${'rolled back'} | ${240} | ${'the fourth failure exceeds the limit of three'}
    ${'x.x.x.....'} | ${'promoted'}    | ${600} | ${'three failures do not exceed it'}
    ${'00000.....'} | ${'rolled back'} | ${300} | ${'five errors in a row end it'}
    ${'0000.0000.'} | ${'promoted'}    | ${600} | ${'any answer resets them'}
  `('Argo: $end at $atSec s when $because', ({ pattern, end, atSec }) => {
    expect(argo('', 60, 10, 3).judge(minutes(pattern as string), 10)).toEqual({ end, atSec });
  });

  it('do what their arithmetic says: 50 requests a check, 0.5% errors, limit 1%, rolled back in 74 and 16 of 100', () => {
    const source = random(7);
    const share = (judge: (looks: Look[]) => { end: string }) => {
      let back = 0;
      for (let run = 0; run < 1500; run++) {
        const checks = Array.from({ length: 60 }, () => [
          [source.binomial(50, 0.005), 50] as const,
          ...new Array<readonly [number, number]>(11).fill([0, 0]),
        ]);
        if (judge(looks(checks.flat())).end === 'rolled back') back += 1;
      }
      return back / 1500;
    };

    expect(Math.abs(share((all) => flagger('', 60, 2, 10).judge(all, 10)) - 0.74)).toBeLessThan(0.05);
    expect(Math.abs(share((all) => argo('', 60, 10, 3).judge(all, 10)) - 0.16)).toBeLessThan(0.04);
  });

  it('Kayenta’s rank test calls independent points high as often as described', () => {
    const source = random(9);
    const normal = () => Math.sqrt(-2 * Math.log(1 - source.next())) * Math.cos(2 * Math.PI * source.next());
    const points = (mean: number, n: number) => Array.from({ length: n }, () => mean * 1 + 0.2 * normal());
    const high = (mean: number, n: number) => {
      let count = 0;
      for (let run = 0; run < 300; run++) if (isHigh(points(1, n), points(mean, n))) count += 1;
      return count / 300;
    };

    expect(high(1, 30)).toBeLessThan(0.02);
    expect(Math.abs(high(1.2, 30) - 0.7)).toBeLessThan(0.12);
    expect(isHigh([1, 1, 1], [1, 1, 1])).toBe(false);
    expect(isHigh([], [1])).toBe(false);
  });
});

describe('the simulated traffic', () => {
  it('is the same for the same seed, and another for another', () => {
    const [scenario] = SCENARIOS;
    if (scenario === undefined) throw new Error('no scenario');
    expect(trace(scenario, 10, 5)).toEqual(trace(scenario, 10, 5));
    expect(trace(scenario, 10, 6)).not.toEqual(trace(scenario, 10, 5));
  });

  it('has the load, the errors and the latency that it says', () => {
    const scenario = SCENARIOS.find(({ name }) => name === 'no regression, 1% errors');
    if (scenario === undefined) throw new Error('no scenario');
    const all = trace(scenario, 1000, 3);
    const sum = (pick: (look: Look) => number) => all.reduce((total, look) => total + pick(look), 0);
    const n = sum(({ green }) => green.n);
    const le = EDGES_MS.map((_, i) => sum(({ green }) => green.le[i] ?? 0));

    expect(Math.abs(n / (1_800_000 * GREEN_SHARE) - 1)).toBeLessThan(0.01);
    expect(Math.abs(sum(({ green }) => green.errors) / n - 0.01)).toBeLessThan(0.001);
    expect(interpolatedQuantile([...le, n], 0.95)).toBeCloseTo(228, -1);
    expect(slowerThan(100)).toBeCloseTo(0.5, 12);
    expect(slowerThan(227.6)).toBeCloseTo(0.05, 3);
  });

  it('has counts as Poisson’s, small and large', () => {
    const source = random(1);
    for (const mean of [0.3, 5, 40, 900]) {
      const drawn = Array.from({ length: 4000 }, () => source.poisson(mean));
      const average = drawn.reduce((s, x) => s + x, 0) / drawn.length;
      const variance = drawn.reduce((s, x) => s + (x - average) ** 2, 0) / drawn.length;
      expect(Math.abs(average / mean - 1)).toBeLessThan(0.06);
      expect(Math.abs(variance / mean - 1)).toBeLessThan(0.12);
    }
  });
});

describe('this gate on that traffic', () => {
  const end = (name: string, rps: number, seed: number) => {
    const scenario = SCENARIOS.find((s) => s.name === name);
    if (scenario === undefined) throw new Error(`no scenario ${name}`);
    return OURS[0]?.judge(trace(scenario, rps, seed), rps);
  };

  it.each`
    name                               | rps     | is
    ${'every request fails'}           | ${100}  | ${{ end: 'rolled back', atSec: 25 }}
    ${'every request fails'}           | ${1000} | ${{ end: 'rolled back', atSec: 25 }}
    ${'latency 2x'}                    | ${1000} | ${{ end: 'rolled back', atSec: 95 }}
    ${'errors +5 pp'}                  | ${1000} | ${{ end: 'rolled back', atSec: 55 }}
    ${'no regression, 0.1% errors'}    | ${1000} | ${{ end: 'promoted', atSec: 60 }}
    ${'green cold for its first 30 s'} | ${1000} | ${{ end: 'promoted', atSec: 60 }}
    ${'no regression, 1% errors'}      | ${1}    | ${{ end: 'undecided', atSec: 1800 }}
  `('is $is for "$name" at $rps rps', ({ name, rps, is }) => {
    const ends = [1, 2, 3].map((seed) => end(name as string, rps as number, seed));
    expect(ends.filter((e) => JSON.stringify(e) === JSON.stringify(is)).length).toBeGreaterThanOrEqual(2);
  });
});
