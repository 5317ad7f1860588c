import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import * as texts from '../../spec/schema/texts.js';
import { durationText, latencyText, percentText, pointsText, quantileText } from '../../spec/units.js';

const S = 1_000;
const M = 60 * S;
const H = 60 * M;

/** The value that a text stands for, or `refused`. */
function read(schema: z.ZodType, text: unknown): unknown {
  const result = schema.safeParse(text);
  return result.success ? result.data : 'refused';
}

describe('a duration', () => {
  it.each`
    text          | ms            | because
    ${'30s'}      | ${30 * S}     | ${'seconds'}
    ${'2m'}       | ${2 * M}      | ${'minutes'}
    ${'1h30m'}    | ${90 * M}     | ${'biggest unit first'}
    ${'2d'}       | ${48 * H}     | ${'days'}
    ${'1d1h1m1s'} | ${90_061 * S} | ${'all units'}
    ${'90m'}      | ${90 * M}     | ${'no unit has to be full'}
    ${'30m1h'}    | ${'refused'}  | ${'smaller unit first'}
    ${'1m1m'}     | ${'refused'}  | ${'a unit stands once'}
    ${'0s'}       | ${'refused'}  | ${'no time at all'}
    ${'05s'}      | ${'refused'}  | ${'leading zeros look like something else'}
    ${'1.5h'}     | ${'refused'}  | ${'whole numbers only'}
    ${'-1s'}      | ${'refused'}  | ${'time runs forward'}
    ${'30'}       | ${'refused'}  | ${'no unit'}
    ${30}         | ${'refused'}  | ${'a number has no unit'}
    ${'30S'}      | ${'refused'}  | ${'units are lower case'}
    ${'250ms'}    | ${'refused'}  | ${'no watching is that short'}
    ${' 30s'}     | ${'refused'}  | ${'no spaces'}
    ${''}         | ${'refused'}  | ${'empty'}
    ${'9999999s'} | ${'refused'}  | ${'months are days'}
  `('$text is $ms: $because', ({ text, ms }: { text: unknown; ms: unknown }) => {
    expect(read(texts.duration(), text)).toBe(ms);
  });

  it('may be 0s where it can be turned off', () => {
    expect(read(texts.durationOrZero(), '0s')).toBe(0);
  });
});

describe('a window', () => {
  it.each`
    text                | value
    ${'2m .. 20m'}      | ${{ atLeastMs: 2 * M, atMostMs: 20 * M }}
    ${'2m..20m'}        | ${{ atLeastMs: 2 * M, atMostMs: 20 * M }}
    ${'0s .. 20m'}      | ${{ atLeastMs: 0, atMostMs: 20 * M }}
    ${'5m'}             | ${{ atLeastMs: 5 * M, atMostMs: 5 * M }}
    ${'0s'}             | ${'refused'}
    ${'2m .. 0s'}       | ${'refused'}
    ${'2m - 20m'}       | ${'refused'}
    ${'2m ..'}          | ${'refused'}
    ${'.. 20m'}         | ${'refused'}
    ${'2m .. 3m .. 4m'} | ${'refused'}
  `('$text', ({ text, value }: { text: string; value: unknown }) => {
    expect(read(texts.window(), text)).toEqual(value);
  });
});

describe('percents, points and ratios', () => {
  it.each([
    [texts.liveShare, '1%', 1],
    [texts.liveShare, '99%', 99],
    [texts.liveShare, '100%', 'refused'],
    [texts.liveShare, '0%', 'refused'],
    [texts.liveShare, '0.5%', 'refused'],
    [texts.liveShare, '10', 'refused'],
    [texts.liveShare, 10, 'refused'],
    [texts.liveShare, '10 %', 'refused'],
    [texts.mirrorShare, '50%', 50],
    [texts.mirrorShare, '101%', 'refused'],
    [texts.limitShare, '1%', 0.01],
    [texts.limitShare, '0.1%', 0.001],
    [texts.limitShare, '99.9%', 0.999],
    [texts.limitShare, '12.5%', 0.125],
    [texts.limitShare, '0.0%', 'refused'],
    [texts.limitShare, '100%', 'refused'],
    [texts.limitShare, '1pp', 'refused'],
    [texts.margin, '0.5pp', { ratio: 1, share: 0.005 }],
    [texts.margin, '20% + 0.1pp', { ratio: 1.2, share: 0.001 }],
    [texts.margin, '20%+0.1pp', { ratio: 1.2, share: 0.001 }],
    [texts.margin, '150% + 1pp', { ratio: 2.5, share: 0.01 }],
    [texts.margin, '20%', 'refused'],
    [texts.margin, '0pp', 'refused'],
    [texts.margin, '20% + 0pp', 'refused'],
    [texts.margin, '100pp', 'refused'],
    [texts.margin, '0.1pp + 20%', 'refused'],
    [texts.slowdown, '10%', 1.1],
    [texts.slowdown, '5%', 1.05],
    [texts.slowdown, '150%', 2.5],
    [texts.slowdown, '0%', 'refused'],
    [texts.confidence, '99%', 0.01],
    [texts.confidence, '95%', 0.05],
    [texts.confidence, '99.9%', 0.001],
    [texts.confidence, '50%', 'refused'],
    [texts.confidence, '50.0%', 'refused'],
    [texts.confidence, '50.1%', 0.499],
    [texts.confidence, '100%', 'refused'],
    [texts.weight, '20%', 0.2],
    [texts.weight, '0%', 'refused'],
  ] as const)('%o reads %s as %o', (kind, text, value) => {
    expect(read(kind(), text)).toEqual(value);
  });
});

describe('latencies and quantiles', () => {
  it.each([
    [texts.latency, '250ms', 250],
    [texts.latency, '1.5s', 1500],
    [texts.latency, '0.4s', 400],
    [texts.latency, '2.5ms', 2.5],
    [texts.latency, '0ms', 'refused'],
    [texts.latency, '1m', 'refused'],
    [texts.latency, 250, 'refused'],
    [texts.quantile, 'p95', 0.95],
    [texts.quantile, 'p99.9', 0.999],
    [texts.quantile, 'p5', 0.05],
    [texts.quantile, 'p0', 'refused'],
    [texts.quantile, 'p100', 'refused'],
    [texts.quantile, '95', 'refused'],
  ] as const)('%o reads %s as %o', (kind, text, value) => {
    expect(read(kind(), text)).toBe(value);
  });
});

describe('texts for people', () => {
  it.each([
    [durationText(90 * M), '1h30m'],
    [durationText(0), '0s'],
    [durationText(500), '500ms'],
    [durationText(49 * H), '2d1h'],
    [latencyText(1500), '1.5s'],
    [percentText(0.005), '0.5%'],
    [percentText(0.29), '29%'],
    [pointsText(0.001), '0.1pp'],
    [quantileText(0.999), 'p99.9'],
  ])('%s', (found, expected) => {
    expect(found).toBe(expected);
  });
});

describe('a number without a unit', () => {
  /** What is said of it. */
  function saidOf(schema: z.ZodType, found: string) {
    const kind = texts.textKinds.get((schema as z.ZodPipe).in as z.ZodString);
    return kind?.explain?.(found, kind);
  }

  it.each([
    [texts.duration, '30', '30s or 30m', 'for seconds write 30s, for minutes 30m'],
    [texts.duration, '0.5', 'a duration such as 30s, 2m, 1h30m or 2d', undefined],
    [texts.duration, '-30', 'a duration such as 30s, 2m, 1h30m or 2d', undefined],
    [texts.duration, '0', 'a duration such as 30s, 2m, 1h30m or 2d', undefined],
    [texts.durationOrZero, '0', '0s', 'write 0s'],
    [texts.latency, '0.25', '0.25ms or 0.25s', 'for milliseconds write 0.25ms, for seconds 0.25s'],
    [texts.limitShare, '1', '1%', 'write 1%'],
    [texts.limitShare, '0.01', '1% or 0.01%', 'for the fraction 0.01 write 1%, for 0.01 percent 0.01%'],
    [texts.limitShare, '0.07', '7% or 0.07%', 'for the fraction 0.07 write 7%, for 0.07 percent 0.07%'],
    [
      texts.margin,
      '0.005',
      '0.5pp or 0.005pp',
      'for the fraction 0.005 write 0.5pp, for 0.005 percentage points 0.005pp',
    ],
    [texts.weight, '0.2', '20% or 0.2%', 'for the fraction 0.2 write 20%, for 0.2 percent 0.2%'],
    [texts.confidence, '0.99', '99%', 'write 99%'],
    [texts.confidence, '99', '99%', 'write 99%'],
    [texts.liveShare, '0.1', '10%', 'write 10%'],
    [texts.liveShare, '0.125', 'a whole percent such as 10%', undefined],
    [texts.mirrorShare, '-5', 'a whole percent such as 10%', undefined],
    [texts.slowdown, '0.1', '10% or 0.1%', 'for the fraction 0.1 write 10%, for 0.1 percent 0.1%'],
  ] as const)('%o is told of %s: expected %s', (kind, found, expected, help) => {
    expect(saidOf(kind(), found)).toEqual({
      code: 'unit',
      message: `${found} has no unit; expected ${expected}`,
      ...(help === undefined ? {} : { help }),
    });
  });

  const kinds = [
    texts.duration,
    texts.durationOrZero,
    texts.latency,
    texts.limitShare,
    texts.margin,
    texts.weight,
    texts.confidence,
    texts.liveShare,
    texts.mirrorShare,
    texts.slowdown,
  ];

  it.each(kinds.map((kind) => [kind]))('is never told to be what %o refuses', (kind) => {
    const found = ['0', '1', '5', '50', '99', '100', '120', '99999', '9999999', '-1', '+2'];
    const fractions = ['0.0', '0.01', '0.25', '0.5', '0.999', '0.1234567', '1.5', '-0.5'];

    let told = 0;
    for (const number of [...found, ...fractions]) {
      const { help = '' } = saidOf(kind(), number) ?? {};
      for (const [text] of help.matchAll(/[-+]?[\d.]+(?:%|pp|ms|s|m)(?!\w)/g)) {
        expect(read(kind(), text), `${number}: ${help}`).not.toBe('refused');
        told += 1;
      }
    }
    expect(told).toBeGreaterThan(0);
  });
});
