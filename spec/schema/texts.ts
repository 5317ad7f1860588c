import { z } from 'zod';
import { either } from '../problem.js';
import type { Misfit } from './choice.js';

/** A text with a form of its own: how people write it, and what to say when it is written otherwise. */
interface TextKind {
  /** Last part of the problem's code. */
  readonly code: string;
  /** What was expected, with an example: `a duration such as 30s or 1h30m`. */
  readonly expected: string;
  readonly help: string;
  /** A better answer for a known mistake. */
  readonly explain?: (found: string, kind: KnownKind) => Misfit | undefined;
}

export interface KnownKind extends TextKind {
  /** Whether a text is taken. */
  readonly fits: (text: string) => boolean;
}

export const textKinds = z.registry<KnownKind>();

export function plainText(pattern: RegExp, kind: TextKind): z.ZodString {
  return z.string().regex(pattern).register(textKinds, { ...kind, fits: (text) => pattern.test(text) });
}

function text<T>(pattern: RegExp, kind: TextKind, read: (text: string) => T) {
  return plainText(pattern, kind).transform(read);
}

const PLAIN_NUMBER = /^[+-]?\d+(\.\d+)?$/;

/** What a number may stand for, and how that is written. */
type Reading = readonly [meant: string, text: string];

/** What to say of a number that lost its unit; no text is advised that would be refused in its turn. */
function noUnit(found: string, { fits, expected }: KnownKind, readings: readonly Reading[]): Misfit | undefined {
  if (!PLAIN_NUMBER.test(found)) return undefined;
  const fitting = readings.filter(([, text]) => fits(text));
  const texts = fitting.map(([, text]) => text);
  const message = `${found} has no unit; expected ${texts.length === 0 ? expected : either(texts)}`;
  const [first, ...more] = fitting;
  if (first === undefined) return { code: 'unit', message };
  const help =
    more.length === 0
      ? `write ${first[1]}`
      : [`for ${first[0]} write ${first[1]}`, ...more.map(([meant, text]) => `for ${meant} ${text}`)].join(', ');
  return { code: 'unit', message, help };
}

/** A part of a whole is written as a fraction of 1 elsewhere. */
function partOf(found: string, unit: '%' | 'pp'): readonly Reading[] {
  const number = Number(found);
  const asItStands: Reading = [`${found} ${unit === '%' ? 'percent' : 'percentage points'}`, `${found}${unit}`];
  if (number <= 0 || number >= 1) return [asItStands];
  return [[`the fraction ${found}`, `${Number((number * 100).toFixed(9))}${unit}`], asItStands];
}

const NUMBER = String.raw`\d{1,4}(?:\.\d{1,6})?`;
const NOT_ZERO = String.raw`(?!0+(?:\.0+)?[^\d.])`;
const DURATION = String.raw`(?=\d)(?:[1-9]\d{0,2}d)?(?:[1-9]\d{0,3}h)?(?:[1-9]\d{0,4}m)?(?:[1-9]\d{0,5}s)?`;
const ZERO_OR_DURATION = `(?:0s|${DURATION})`;

const UNIT_MS: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 };

function readDuration(found: string): number {
  return [...found.matchAll(/(\d+)([dhms])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (UNIT_MS[unit ?? ''] ?? 0),
    0,
  );
}

const durationKind: TextKind = {
  code: 'duration',
  expected: 'a duration such as 30s, 2m, 1h30m or 2d',
  help: 'whole numbers with the units d, h, m, s, biggest first; write 30s',
  explain: (found, kind) =>
    noUnit(found, kind, [
      ['seconds', `${found}s`],
      ['minutes', `${found}m`],
    ]),
};

/** Milliseconds; longer than zero. */
export const duration = () => text(new RegExp(`^${DURATION}$`), durationKind, readDuration);

/** Milliseconds; `0s` turns it off. */
export const durationOrZero = () => text(new RegExp(`^${ZERO_OR_DURATION}$`), durationKind, readDuration);

/** `2m .. 20m`, or one duration for both ends. Milliseconds. */
export const window = () =>
  text(
    new RegExp(`^${DURATION}$|^${ZERO_OR_DURATION} *\\.\\. *${DURATION}$`),
    {
      code: 'window',
      expected: 'a time such as 5m, or at least and at most such as 2m .. 20m',
      help: 'two durations with .. between them; write 2m .. 20m',
    },
    (found) => {
      const [atLeast = '', atMost = atLeast] = found.split('..').map((part) => part.trim());
      return { atLeastMs: readDuration(atLeast), atMostMs: readDuration(atMost) };
    },
  );

/** Decimal text shifted by two places, without the rounding of a division. */
function hundredths(decimal: number | string): number {
  return Number(`${decimal}e-2`);
}

function percentOf(found: string): number {
  return Number(found.replace('%', ''));
}

const ANY_PERCENT = /^[+-]?\d+(\.\d+)?%$/;

/** Green's share of live traffic: whole percent, 1 to 99. */
export const liveShare = () =>
  text(
    /^[1-9]\d?%$/,
    {
      code: 'share',
      expected: 'a whole percent such as 10%',
      help: "green's share of live traffic, 1% to 99%",
      explain: (found, kind) =>
        noUnit(found, kind, partOf(found, '%')) ??
        (found === '100%'
          ? {
              code: 'share-100',
              message: 'a ramp to 100% leaves no baseline to compare with; expected at most 99%',
              help: 'end the ramp below 100% and add the steps "cutover" and "bake: 30m"',
            }
          : outside(found, 1, 99)),
    },
    percentOf,
  );

/** Share of live traffic that is copied to green: whole percent, 1 to 100; targets set limits of their own. */
export const mirrorShare = () =>
  text(
    /^(?:[1-9]\d?|100)%$/,
    {
      code: 'share',
      expected: 'a whole percent such as 10%',
      help: 'share of live traffic that is copied to green, 1% to 100% (the endpoint host mirrors 50% at most; on Azure ML leave the step out)',
      explain: (found, kind) => noUnit(found, kind, partOf(found, '%')) ?? outside(found, 1, 100),
    },
    percentOf,
  );

function outside(found: string, least: number, most: number): Misfit | undefined {
  if (!ANY_PERCENT.test(found)) return undefined;
  const value = percentOf(found);
  if (value > most) return { code: 'range', message: `must be at most ${most}%, got ${found}` };
  if (!Number.isInteger(value)) {
    return { code: 'whole-percent', message: `must be a whole percent, got ${found}` };
  }
  if (value < least) return { code: 'range', message: `must be at least ${least}%, got ${found}` };
  return undefined;
}

/** A limit on a share of requests, as a fraction of 1; more than nothing, less than all. */
export const limitShare = () =>
  text(
    new RegExp(`^${NOT_ZERO}\\d{1,2}(?:\\.\\d{1,6})?%$`),
    {
      code: 'percent',
      expected: 'a percent such as 1%',
      help: 'share of requests that may be bad; write 1%',
      explain: (found, kind) => noUnit(found, kind, partOf(found, '%')) ?? neverFailsOrPasses(found),
    },
    (found) => hundredths(percentOf(found)),
  );

function neverFailsOrPasses(found: string): Misfit | undefined {
  if (!ANY_PERCENT.test(found)) return undefined;
  if (percentOf(found) <= 0) {
    return {
      code: 'never-passes',
      message: `no traffic can prove a share of at most ${found}; expected more than 0%`,
      help: 'name the share that you can live with; write 0.1%',
    };
  }
  if (percentOf(found) >= 100) {
    return {
      code: 'never-fails',
      message: `every deployment meets a limit of ${found}; expected less than 100%`,
      help: 'name the share at which the rollout shall go back; write 1%',
    };
  }
  return undefined;
}

export interface Margin {
  /** Factor on the baseline's rate, at least 1. */
  readonly ratio: number;
  /** Added to it, as a fraction of 1. */
  readonly share: number;
}

/** How much worse than the baseline: `0.5pp`, or `20% + 0.1pp` (of the baseline's rate, and a floor). */
export const margin = () =>
  text(
    new RegExp(`^(?:${NUMBER}% *\\+ *)?${NOT_ZERO}\\d{1,2}(?:\\.\\d{1,6})?pp$`),
    {
      code: 'margin',
      expected: 'percentage points such as 0.5pp, or a ratio with a floor such as 20% + 0.1pp',
      help: "0.5pp allows half a percentage point more than the baseline; 20% + 0.1pp a fifth more of the baseline's rate and a tenth of a point",
      explain: explainMargin,
    },
    (found): Margin => {
      const [points = '', percent = '0'] = found.split('+').reverse();
      return {
        ratio: hundredths(100 + percentOf(percent)),
        share: hundredths(Number(points.replace('pp', ''))),
      };
    },
  );

function explainMargin(found: string, kind: KnownKind): Misfit | undefined {
  if (ANY_PERCENT.test(found)) {
    const number = found.replace('%', '');
    return {
      code: 'margin',
      message: `${found} alone is a ratio without a floor, which no traffic proves while the baseline is free of errors; expected percentage points such as 0.5pp, or a ratio with a floor such as 20% + 0.1pp`,
      help: `for percentage points write ${number}pp; for ${found} of the baseline's own rate write ${found} + 0.1pp`,
    };
  }
  const points = /(\d+(?:\.\d+)?)pp$/.exec(found)?.[1];
  if (points !== undefined && Number(points) === 0) {
    return {
      code: 'never-passes',
      message: `no traffic can prove that green is at most ${found} worse; expected a margin above 0pp`,
      help: 'name the difference that you can live with; write 0.5pp',
    };
  }
  if (points !== undefined && Number(points) >= 100) {
    return {
      code: 'never-fails',
      message: `no deployment can be ${found} worse; expected less than 100pp`,
      help: 'name the difference at which the rollout shall go back; write 0.5pp',
    };
  }
  return noUnit(found, kind, partOf(found, 'pp'));
}

/** How much slower than the baseline, as a factor: `10%` is 1.1. */
export const slowdown = () =>
  text(
    new RegExp(`^${NOT_ZERO}${NUMBER}%$`),
    {
      code: 'percent',
      expected: 'a percent such as 10%',
      help: "10% allows green's quantile to be a tenth longer than the baseline's",
      explain: (found, kind) =>
        noUnit(found, kind, partOf(found, '%')) ??
        (ANY_PERCENT.test(found) && percentOf(found) <= 0
          ? {
              code: 'never-passes',
              message: `no traffic can prove that green is at most ${found} slower; expected more than 0%`,
              help: 'name the slowdown that you can live with; write 10%',
            }
          : undefined),
    },
    (found) => hundredths(100 + percentOf(found)),
  );

/** One wrong decision in how many, as a fraction of 1: `99%` is 0.01. */
export const confidence = () =>
  text(
    /^(?!50(?:\.0+)?%)[5-9]\d(?:\.\d{1,6})?%$/,
    {
      code: 'confidence',
      expected: 'a percent between 50% and 100% such as 99%',
      help: 'write 99%',
      explain: (found, kind) => noUnit(found, kind, partOf(found, '%')),
    },
    (found) => Number(((100 - percentOf(found)) / 100).toFixed(12)),
  );

/** Part of the chance of a wrong rollback, as a fraction of 1. */
export const weight = () =>
  text(
    new RegExp(`^${NOT_ZERO}\\d{1,2}(?:\\.\\d{1,6})?%$`),
    {
      code: 'percent',
      expected: 'a percent such as 20%',
      help: 'part of the chance of a wrong rollback that this gate may spend; write 20%',
      explain: (found, kind) => noUnit(found, kind, partOf(found, '%')),
    },
    (found) => hundredths(percentOf(found)),
  );

/** Milliseconds. */
export const latency = () =>
  text(
    new RegExp(`^${NOT_ZERO}\\d{1,6}(?:\\.\\d{1,3})?m?s$`),
    {
      code: 'latency',
      expected: 'a time such as 250ms or 1.5s',
      help: 'milliseconds or seconds; write 250ms',
      explain: (found, kind) =>
        noUnit(found, kind, [
          ['milliseconds', `${found}ms`],
          ['seconds', `${found}s`],
        ]),
    },
    (found) =>
      found.endsWith('ms') ? Number(found.slice(0, -2)) : Number(`${found.slice(0, -1)}e3`),
  );

/** A fraction of 1: `p95` is 0.95. */
export const quantile = () =>
  text(
    /^p(?!0+(?:\.0+)?$)\d{1,2}(?:\.\d{1,3})?$/,
    {
      code: 'quantile',
      expected: 'a quantile such as p50, p95 or p99.9',
      help: 'write p95',
    },
    (found) => hundredths(found.slice(1)),
  );

/** PromQL that picks a counter of the user's own; what it may look like beyond that is a rule (`ownMetricRules`). */
export const selector = () =>
  plainText(/^[^\u0000]{0,2000}\$deployment[^\u0000]{0,2000}$/, {
    code: 'query',
    expected: 'a PromQL selector with $deployment in it, such as answers_total{version="$deployment",verdict="bad"}',
    help: "$deployment stands for the name of green, and of the baseline; write the label that tells versions apart",
  });
