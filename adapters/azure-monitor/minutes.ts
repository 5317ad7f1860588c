import { z } from 'zod';

const MINUTE_MS = 60_000;

const Dimension = z.object({ name: z.object({ value: z.string() }), value: z.string() });

const Series = z.object({
  metadatavalues: z.array(Dimension).nullish(),
  data: z.array(z.object({ timeStamp: z.iso.datetime({ offset: true }), average: z.number().nullish() })),
});

/** Answer of Azure Monitor's metrics call for one metric. */
export const MetricsAnswer = z.object({
  value: z.array(
    z.object({
      errorCode: z.string().nullish(),
      errorMessage: z.string().nullish(),
      timeseries: z.array(Series),
    }),
  ),
});
export type MetricsAnswer = z.infer<typeof MetricsAnswer>;

interface Tally {
  readonly requests: number;
  readonly errors: number;
}

export type Tallies = ReadonlyMap<string, Tally>;

/** Whole minutes from `fromMs` up to, not including, `toMs`, milliseconds since the epoch. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The caller's own mistakes, or nobody's deployment: they tell nothing of the model. */
const NOT_THE_MODELS = new Set([401, 403, 404]);
/** What Azure's front end makes of a model's error, its silence, and its overload. */
const ERRORS = new Set([408, 424, 429]);

/**
 * Of a minute, 17 million a second: no endpoint answers as many, and a day of them in all series of an answer is a total
 * that gates still count by.
 */
const MOST_REQUESTS = 1e9;

type Point = z.infer<typeof Series>['data'][number];

/** A point of the span that cannot be what a minute counted, if there is one. */
export function untrueIn(answer: MetricsAnswer, span: Span): Point | undefined {
  return answer.value
    .flatMap(({ timeseries }) => timeseries)
    .flatMap(({ data }) => data)
    .filter(({ timeStamp }) => within(span, Date.parse(timeStamp)))
    .find(({ average }) => !((average ?? 0) >= 0 && (average ?? 0) <= MOST_REQUESTS));
}

/**
 * Adds the minutes of an answer to tallies by deployment.
 *
 * RequestsPerMinute is a rate of which Azure keeps the average per minute, so a minute's average is its count.
 */
export function addMinutes(tallies: Tallies, answer: MetricsAnswer, span: Span): Tallies {
  const sum = new Map(tallies);
  for (const { metadatavalues, data } of answer.value.flatMap((metric) => metric.timeseries)) {
    const dimensions = new Map((metadatavalues ?? []).map((d) => [d.name.value.toLowerCase(), d.value]));
    const deployment = dimensions.get('deployment')?.toLowerCase();
    const status = Number(dimensions.get('statuscode'));
    if (deployment === undefined || !(status > 0) || NOT_THE_MODELS.has(status)) continue;
    const count = data
      .filter(({ timeStamp }) => within(span, Date.parse(timeStamp)))
      .reduce((total, { average }) => total + (average ?? 0), 0);
    const before = sum.get(deployment) ?? { requests: 0, errors: 0 };
    const isError = status >= 500 || ERRORS.has(status);
    sum.set(deployment, {
      requests: before.requests + count,
      errors: before.errors + (isError ? count : 0),
    });
  }
  return sum;
}

function within({ fromMs, toMs }: Span, timeMs: number): boolean {
  return timeMs >= fromMs && timeMs < toMs;
}

export function wholeMinute(timeMs: number): number {
  return Math.floor(timeMs / MINUTE_MS) * MINUTE_MS;
}

/** Midnight, UTC, of the day that a time is in. */
export function startOfDay(timeMs: number): number {
  const dayMs = 24 * 60 * MINUTE_MS;
  return Math.floor(timeMs / dayMs) * dayMs;
}
