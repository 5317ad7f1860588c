import {
  capSeconds,
  requestsToBreach,
  requestsToPass,
  type ForecastOptions,
  type Rates,
} from './forecast.js';
import { edgesOf } from './events.js';
import { shareAbove, type Histogram } from './histogram.js';
import { dispersionOf } from './machine.js';
import { firstStart } from './starts.js';
import type { EdgePair, MachineConfig, MetricConfig } from './types.js';
import { factor, percent, points } from './words.js';

/** What is known of the endpoint before the rollout. */
export interface Before {
  /** Share of the baseline's requests that end with an error. */
  readonly errorRate: number;
  /** null where the source has none: latency gates have no forecast then. */
  readonly histogram: Histogram | null;
}

/** The traffic of one step. */
export interface StepTraffic {
  /** Requests a second of either deployment. */
  readonly blueRps: number;
  readonly greenRps: number;
  readonly intervalSec: number;
}

/** A regression of a size, and how long it takes to catch it: half of the time sooner. null = never. */
interface Caught {
  /** `+1 pp errors`, `2x latency`; of a metric of the user's own `+1 pp bad events`, `2x values`. */
  readonly what: string;
  readonly sec: number | null;
}

/** What one gate can do in one step (gates.md 6). Times count from the step's start, warm-up included. */
export interface GateForecast {
  readonly gate: string;
  readonly role: 'required' | 'guard';
  /** Until a version that is just like the baseline is proven, half of the time sooner; null = never. */
  readonly passSec: number | null;
  /** The same, nine times of ten. */
  readonly passSecMostly: number | null;
  readonly catches: readonly Caught[];
  /** The smallest regression that is caught nine times of ten before the step's time is over; null = none is. */
  readonly smallest: string | null;
  /** Whether the gate can decide anything within the step's time: a required one can pass, a guard can roll back. */
  readonly decides: boolean;
  /** The longest time that the step would need for this gate to decide; null where no time is enough. */
  readonly needsSec: number | null;
}

/** How much worse a version is: more errors (share), or slower (factor; Infinity = every request is beyond any limit). */
type Worse = { readonly errors: number } | { readonly slower: number };

/** So many times the latency is beyond any limit: a request can hang, however soon the baseline answers. */
const SLOWEST = 1e9;

function describe(worse: Worse, { own }: MetricConfig): string {
  const [all, errors, latency] =
    own === undefined
      ? ['every request fails', 'errors', 'latency']
      : ['every event is bad', 'bad events', 'values'];
  if ('errors' in worse) return worse.errors >= 1 ? all : `+${points(worse.errors)} ${errors}`;
  return worse.slower >= 1.995
    ? `${factor(worse.slower)}x ${latency}`
    : `+${percent(worse.slower - 1)} ${latency}`;
}

function ratesOf(
  config: MachineConfig,
  metric: MetricConfig,
  before: Before,
  worse: Worse | null,
  edges?: EdgePair,
): Rates | null {
  if (metric.source === 'errors') {
    const more = worse !== null && 'errors' in worse ? worse.errors : 0;
    return { blue: before.errorRate, green: Math.min(1, before.errorRate + more) };
  }
  const { histogram } = before;
  if (histogram === null || edges === undefined) return null;
  const { [edges.blue]: blueMs, [edges.green]: greenMs } = edgesOf(config, metric);
  if (blueMs === undefined || greenMs === undefined) return null;
  if (worse === null) return { blue: counted(histogram, edges.blue), green: counted(histogram, edges.green) };
  const by = 'slower' in worse ? worse.slower : 1;
  return {
    blue: shareAbove(histogram, blueMs),
    green: by === Infinity ? 1 : shareAbove(histogram, greenMs / by),
  };
}

/** The baseline's own share beyond an edge, as it was counted: none where there was none, as with errors. */
function counted({ le }: Histogram, edge: number): number {
  const total = le.at(-1) ?? 0;
  return total === 0 ? 0 : (total - (le[edge] ?? total)) / total;
}

/** Seconds of the step until so many requests of green have been judged. */
function stepSeconds(
  config: MachineConfig,
  metric: MetricConfig,
  traffic: StepTraffic,
  requests: number,
): number {
  const warmup = metric.duringWarmup === true ? 0 : config.warmupSec;
  const looks = Math.ceil(requests / traffic.greenRps / traffic.intervalSec);
  return warmup + looks * traffic.intervalSec;
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/**
 * The forecast of one gate in one step, of regressions that begin with it; null where nothing can be said (no histogram, a
 * paused or pending gate).
 *
 * @param start - start weight of the step's first block: less in a later step than in the rollout's first.
 */
export function forecastGate(
  config: MachineConfig,
  metric: MetricConfig,
  before: Before,
  traffic: StepTraffic,
  start = firstStart(metric),
): GateForecast | null {
  const sameAtPass = ratesOf(config, metric, before, null, metric.passEdge ?? metric.breachEdge);
  if (metric.paused === true || sameAtPass === null) return null;
  const options: ForecastOptions = {
    perBlue: traffic.greenRps / traffic.blueRps,
    dispersion: dispersionOf(config, metric),
  };
  const pass = (chance: number): number => {
    const requests = requestsToPass(metric, sameAtPass, config.alphaPass, { ...options, chance });
    return Math.max(config.minDurationSec, stepSeconds(config, metric, traffic, requests));
  };
  const caughtIn = (worse: Worse, chance: number): number => {
    const rates = ratesOf(config, metric, before, worse, metric.breachEdge);
    if (rates === null) return Infinity;
    const requests = requestsToBreach(metric, rates, config.alpha, { ...options, chance, start });
    const capped = capSeconds(metric, traffic.intervalSec, config.alpha, start);
    return Math.max(
      capped + stepSeconds(config, metric, traffic, 0),
      stepSeconds(config, metric, traffic, requests),
    );
  };
  const worst = metric.source === 'errors' ? { errors: 1 } : { slower: Infinity };
  const passSec = pass(0.5);
  const needs = metric.passRole === false ? caughtIn(worst, 0.9) : pass(0.9);
  return {
    gate: metric.name,
    role: metric.passRole === false ? 'guard' : 'required',
    passSec: finite(passSec),
    passSecMostly: finite(pass(0.9)),
    catches: sizes(metric).map((worse) => ({
      what: describe(worse, metric),
      sec: finite(caughtIn(worse, 0.5)),
    })),
    smallest: smallest(metric, (worse) => caughtIn(worse, 0.9) <= config.deadlineSec),
    decides: (metric.passRole === false ? needs : passSec) <= config.deadlineSec,
    needsSec: finite(needs),
  };
}

function sizes(metric: MetricConfig): readonly Worse[] {
  return metric.source === 'errors'
    ? [{ errors: 0.01 }, { errors: 0.05 }, { errors: 1 }]
    : [{ slower: 1.25 }, { slower: 1.5 }, { slower: 2 }];
}

/** Smallest size that passes the test, by bisection on a logarithmic scale. */
function smallest(metric: MetricConfig, caught: (worse: Worse) => boolean): string | null {
  const make = (size: number): Worse =>
    metric.source === 'errors' ? { errors: size } : { slower: 1 + size };
  let low = 1e-5;
  let high = metric.source === 'errors' ? 1 : SLOWEST;
  if (!caught(make(high))) return null;
  for (let i = 0; i < 40; i++) {
    const middle = Math.sqrt(low * high);
    if (caught(make(middle))) high = middle;
    else low = middle;
  }
  return describe(make(high), metric);
}
