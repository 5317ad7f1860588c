import { z } from 'zod';
import { quote } from '../problem.js';
import { meantBy } from '../suggest.js';
import { choice, isMapping, type Misfit } from './choice.js';
import { duration, latency, limitShare, margin, quantile, selector, slowdown, weight } from './texts.js';

const Dispersion = choice(
  'How much more than independent requests the counts vary: "auto" measures it while the rollout runs, a number of at least 1 fixes it.',
  [z.literal('auto'), z.number().min(1).max(1000)],
  (value) => (typeof value === 'number' ? z.number().min(1).max(1000) : z.enum(['auto'])),
);

/** Knobs that can be set for the whole spec under `watching`, and again per gate. */
export const sharedKnobs = {
  blip: duration()
    .optional()
    .describe(
      'A spell of errors of green alone that is shorter than this cannot roll back by itself; default 10s, for latency and slow-share 30s.',
    ),
  dispersion: Dispersion.optional(),
  shared: z
    .enum(['hold', 'strict'])
    .optional()
    .describe(
      'Whether an absolute limit charges green for what the baseline suffers at the same time: "hold" (the default) does not, "strict" does.',
    ),
};

const knobs = {
  role: z
    .enum(['required', 'guard'])
    .prefault('required')
    .describe('Whether the gate has to pass before a step goes on; a guard can roll back and is not needed to pass.'),
  weight: weight()
    .optional()
    .describe(
      'Part of the chance of a wrong rollback that this gate may spend; default an equal part of what the others and the crash guard (16%) leave.',
    ),
  ...sharedKnobs,
};

const metric = <const Name extends string>(name: Name, description: string) =>
  z.literal(name).describe(description);
const ERROR_RATE = 'Share of requests that failed.';
const LATENCY = "Quantile of the requests' latency.";
const SLOW_SHARE = 'Share of requests that took longer than a given time.';

const aQuantile = () => quantile().describe('Which quantile of the latency, e.g. p95.');
const aLimit = () => limitShare().describe('Absolute limit: the share of requests that may be bad, in percent.');
const aMargin = () =>
  margin().describe(
    "How much worse than the baseline green may be: percentage points, or a percent of the baseline's own rate plus percentage points.",
  );
const above = () => latency().describe('A request that takes longer than this counts as slow.');

const errorsAtMost = z.strictObject({
  metric: metric('error-rate', ERROR_RATE),
  'at-most': aLimit(),
  ...knobs,
});
const errorsWorseBy = z.strictObject({
  metric: metric('error-rate', ERROR_RATE),
  'worse-by': aMargin(),
  ...knobs,
});
const latencyAtMost = z.strictObject({
  metric: metric('latency', LATENCY),
  quantile: aQuantile(),
  'at-most': latency().describe('Absolute limit of the quantile, as a time.'),
  ...knobs,
});
const latencySlowerBy = z.strictObject({
  metric: metric('latency', LATENCY),
  quantile: aQuantile(),
  'slower-by': slowdown().describe(
    "How much longer than the baseline's the quantile may be, in percent of the baseline's.",
  ),
  ...knobs,
});
const slowAtMost = z.strictObject({
  metric: metric('slow-share', SLOW_SHARE),
  above: above(),
  'at-most': aLimit(),
  ...knobs,
});
const slowWorseBy = z.strictObject({
  metric: metric('slow-share', SLOW_SHARE),
  above: above(),
  'worse-by': aMargin(),
  ...knobs,
});

const bad = selector().describe('Counter of the bad events.');
const ByGood = z.strictObject({ bad, good: selector().describe('Counter of the good events.') });
const ByTotal = z.strictObject({ bad, total: selector().describe('Counter of all events.') });
const Events = choice(
  'Good and bad events by counters of your own: the bad ones, and the good ones or all.',
  [ByGood, ByTotal],
  (value) => (isMapping(value) && 'good' in value ? ByGood : ByTotal),
);
const Histogram = z
  .strictObject({ histogram: selector().describe('The histogram, `…_bucket`, with its label `le`.') })
  .describe('A value by a histogram of your own, `{ histogram: name_bucket{…} }`; more is worse.');

const eventsAtMost = z.strictObject({ metric: Events, 'at-most': aLimit(), ...knobs });
const eventsWorseBy = z.strictObject({ metric: Events, 'worse-by': aMargin(), ...knobs });
const histogramAtMost = z.strictObject({
  metric: Histogram,
  quantile: quantile().describe('Which quantile of the value, e.g. p95.'),
  'at-most': z
    .number()
    .gt(0)
    .max(1e15)
    .describe("Absolute limit of the quantile, in the histogram's own unit."),
  ...knobs,
});
const histogramHigherBy = z.strictObject({
  metric: Histogram,
  quantile: quantile().describe('Which quantile of the value, e.g. p95.'),
  'higher-by': slowdown().describe(
    "How much higher than the baseline's the quantile may be, in percent of the baseline's.",
  ),
  ...knobs,
});

const forms: Readonly<Record<string, Readonly<Record<string, z.ZodObject>>>> = {
  'error-rate': { 'worse-by': errorsWorseBy, 'at-most': errorsAtMost },
  latency: { 'slower-by': latencySlowerBy, 'at-most': latencyAtMost },
  'slow-share': { 'worse-by': slowWorseBy, 'at-most': slowAtMost },
  'events of your own': { 'worse-by': eventsWorseBy, 'at-most': eventsAtMost },
  'a histogram of your own': { 'higher-by': histogramHigherBy, 'at-most': histogramAtMost },
};
const LIMITS = ['worse-by', 'slower-by', 'higher-by', 'at-most'];
const FIELDS = Object.values(forms).flatMap((limits) => Object.values(limits).flatMap(({ shape }) => Object.keys(shape)));
/** A gate whose metric is none: a field that no gate has is told all the same. */
const AnyMetric = z.strictObject({
  ...Object.fromEntries(FIELDS.map((name) => [name, z.unknown().optional()])),
  metric: z.enum(['error-rate', 'latency', 'slow-share']).describe('What is measured.'),
});

function nameOf(metric: unknown): string {
  if (typeof metric === 'string') return metric;
  if (!isMapping(metric)) return '';
  return 'histogram' in metric ? 'a histogram of your own' : 'events of your own';
}

function chooseGate(value: unknown): z.ZodType | Misfit {
  const named = isMapping(value) ? nameOf(value['metric']) : '';
  const limits = Object.hasOwn(forms, named) ? forms[named] : undefined;
  if (!isMapping(value) || !limits) return AnyMetric;
  const found = LIMITS.filter((key) => key in value);
  const fitting = found.filter((key) => key in limits);
  const wanted = Object.keys(limits)
    .map((key) => `"${key}"`)
    .join(' or ');
  if (found.length > 1) {
    return {
      code: 'gate-limits',
      message: `a gate has one limit, got ${found.map((key) => `"${key}"`).join(' and ')}`,
      help: 'write a gate of its own for each limit; a step can name several',
    };
  }
  const strange = Object.keys(value).filter((key) => !FIELDS.includes(key));
  const meant = strange.map((key) => meantBy(key, Object.keys(limits))).find((limit) => limit !== undefined);
  const form = limits[fitting[0] ?? (found.length === 0 ? meant : undefined) ?? ''];
  if (form) return form;
  const got = strange.length === 0 ? '' : `, got ${strange.map(quote).join(' and ')}`;
  return {
    code: 'gate-limit',
    message:
      found[0] === undefined
        ? `a gate on ${named} needs a limit; expected ${wanted}${got}`
        : `"${found[0]}" is not a limit of ${named}; expected ${wanted}`,
    help: EXAMPLES[named] ?? '',
  };
}

const EXAMPLES: Readonly<Record<string, string>> = {
  'error-rate': 'against the baseline write "worse-by: 0.5pp", absolute "at-most: 1%"',
  latency: 'against the baseline write "slower-by: 10%", absolute "at-most: 250ms"',
  'slow-share': 'against the baseline write "worse-by: 0.5pp", absolute "at-most: 1%"',
  'events of your own': 'against the baseline write "worse-by: 0.5pp", absolute "at-most: 1%"',
  'a histogram of your own': 'against the baseline write "higher-by: 10%", absolute "at-most: 500"',
};

export const Gate = choice(
  'A rule on one metric: against the baseline (worse-by, slower-by, higher-by) or absolute (at-most).',
  [
    errorsWorseBy,
    errorsAtMost,
    latencySlowerBy,
    latencyAtMost,
    slowWorseBy,
    slowAtMost,
    eventsWorseBy,
    eventsAtMost,
    histogramHigherBy,
    histogramAtMost,
  ],
  chooseGate,
);
export type Gate = z.output<typeof Gate>;
/** A gate with a metric of the user's own. */
export type OwnGate = Extract<Gate, { readonly metric: object }>;

export function isOwnGate(gate: Gate): gate is OwnGate {
  return typeof gate.metric === 'object';
}
