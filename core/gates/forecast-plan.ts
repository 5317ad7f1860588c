import { ENOUGH_REQUESTS, type Counters } from '../metrics.js';
import { plannedWatches, plannedWatchMs, type Plan, type Step } from '../plan.js';
import { stepLabel } from '../status-text.js';
import { edgesOf } from './events.js';
import { CRASH_GUARD } from './crash-guard.js';
import { forecastGate, type Before, type GateForecast, type StepTraffic } from './forecast-gate.js';
import { shareAbove } from './histogram.js';
import type { OwnNow } from './map-metric.js';
import { mapGates } from './mapping.js';
import type { GateNote, GateProblem, GateSetup } from './setup.js';
import { firstStart, stepStart } from './starts.js';
import { stepConfig } from './step-config.js';
import type { MachineConfig, MetricConfig } from './types.js';
import { perSecond, seconds } from './words.js';

/** What is known of an endpoint's traffic before a rollout. */
export interface TrafficNow {
  /** Requests a second of the whole endpoint, above 0. */
  readonly rps: number;
  /** What the baseline did until now; null where nothing is known of it. */
  readonly baseline: Pick<Counters, 'requests' | 'errors' | 'le'> | null;
  /** Bucket edges of the metric source; empty where it has no histograms. */
  readonly edgesMs: readonly number[];
  /** By gate with a metric of the user's own; those that are missing have no forecast. */
  readonly own?: Readonly<Record<string, OwnTraffic>>;
}

export interface OwnTraffic extends OwnNow {
  /** Events for each request of the endpoint. */
  readonly perRequest: number;
}

export interface StepForecast {
  /** As the plan numbers it, from 1. */
  readonly step: number;
  readonly label: string;
  readonly kind: 'mirror' | 'ramp' | 'bake';
  /** Requests a second of the baseline (0 after cutover) and of green. */
  readonly blueRps: number;
  readonly greenRps: number;
  readonly atMostMs: number;
  /** Until every required gate has proven a version like the baseline, half of the time sooner; null = not said, or never. */
  readonly provenSec: number | null;
  readonly gates: readonly GateForecast[];
  /** Gates of which nothing can be said, and why. */
  readonly unknown: readonly GateNote[];
}

/** What a plan's gates can do at some traffic (gates.md 6). */
export interface PlanForecast {
  readonly rps: number;
  /** Of the baseline; `assumed` where too little of it was seen. */
  readonly errorRate: { readonly share: number; readonly assumed: boolean };
  /** Largest chance of a wrong rollback: all steps, looks and gates together. */
  readonly wrongRollback: number;
  readonly steps: readonly StepForecast[];
  /** What cannot work at this traffic, one sentence each; empty = every gate can decide. */
  readonly problems: readonly string[];
}

const ASSUMED_ERRORS = 0.001;

/** The forecast of every watched step of a plan. */
export function forecastPlan(plan: Plan, now: TrafficNow): PlanForecast {
  const { baseline } = now;
  const seen = baseline !== null && baseline.requests >= ENOUGH_REQUESTS;
  const errorRate = seen
    ? { share: baseline.errors / baseline.requests, assumed: false }
    : { share: ASSUMED_ERRORS, assumed: true };
  const timed = baseline !== null && baseline.le.length === now.edgesMs.length + 1;
  const before: Before = {
    errorRate: errorRate.share,
    histogram:
      timed && (baseline.le.at(-1) ?? 0) >= ENOUGH_REQUESTS
        ? { edgesMs: now.edgesMs, le: baseline.le }
        : null,
  };
  const common = { rps: now.rps, errorRate, wrongRollback: plan.watching.alpha };
  const mapped = mapGates({
    gates: plan.gates,
    watching: plan.watching,
    plannedMs: plannedWatchMs(plan),
    plannedSteps: plannedWatches(plan),
    plannedRequests: (now.rps * plannedWatchMs(plan)) / 1000,
    edgesMs: now.edgesMs,
    baseline,
    ...(now.own === undefined ? {} : { own: now.own }),
    ...(plan.carriedDispersion === undefined ? {} : { carried: plan.carriedDispersion }),
  });
  if (!mapped.ok) {
    return { ...common, steps: [], problems: mapped.problems.map((problem) => problem.message) };
  }
  const steps = plan.steps.flatMap((step, i) => forecastStep(plan, step, i, now, mapped.setup, before));
  return { ...common, steps, problems: steps.flatMap(stepProblems) };
}

function forecastStep(
  plan: Plan,
  step: Step,
  index: number,
  now: TrafficNow,
  setup: GateSetup,
  before: Before,
): StepForecast[] {
  if (!isWatched(step)) return [];
  const baking = step.kind === 'bake';
  const traffic = { ...split(step, now.rps), intervalSec: plan.watching.intervalMs / 1000 };
  const dwell = baking ? { atLeastMs: step.forMs, atMostMs: step.forMs } : step.dwell;
  const config = stepConfig(setup.config, { ...dwell, active: step.gates });
  const listening = config.metrics.filter((metric) => metric.paused !== true);
  const gates: GateForecast[] = [];
  const unknown: GateNote[] = [];
  for (const metric of listening) {
    const own = now.own?.[metric.name];
    const known = metric.own === undefined ? before : ownBefore(own);
    const judged = baking ? known && withoutBaseline(config, metric, known) : metric;
    const start = listenedBefore(plan, index, metric) ? stepStart(metric) : firstStart(metric);
    const made =
      known && judged && forecastGate(config, judged, known, scaled(traffic, own?.perRequest), start);
    if (made === null) unknown.push({ gate: metric.name, text: whyUnknown(before, metric, setup.pending) });
    else gates.push(made);
  }
  const waits = listening.filter((metric) => !baking && metric.passRole !== false);
  const proven = waits.map(({ name }) => gates.find(({ gate }) => gate === name)?.passSec ?? null);
  return [
    {
      step: index + 1,
      label: stepLabel(step),
      kind: step.kind,
      blueRps: traffic.blueRps,
      greenRps: traffic.greenRps,
      atMostMs: dwell.atMostMs,
      provenSec:
        waits.length === 0 || proven.includes(null) ? null : Math.max(...proven.map((sec) => sec ?? 0)),
      gates,
      unknown,
    },
  ];
}

/** Whether a step before this one listens to a gate: most of the stake is on the first block that it sees. */
function listenedBefore(plan: Plan, index: number, { name }: MetricConfig): boolean {
  return plan.steps
    .slice(0, index)
    .some((step) => isWatched(step) && (name === CRASH_GUARD || step.gates.includes(name)));
}

type Watched = Extract<Step, { kind: 'mirror' | 'ramp' | 'bake' }>;

function isWatched(step: Step): step is Watched {
  return step.kind === 'mirror' || step.kind === 'ramp' || step.kind === 'bake';
}

function split(step: Watched, rps: number): Pick<StepTraffic, 'blueRps' | 'greenRps'> {
  if (step.kind === 'bake') return { blueRps: 0, greenRps: rps };
  const greenRps = (rps * step.percent) / 100;
  return { blueRps: step.kind === 'mirror' ? rps : rps - greenRps, greenRps };
}

/** What the baseline did by a metric of the user's own; null where too little is known. */
function ownBefore(own: OwnTraffic | undefined): Before | null {
  const { baseline, edges } = own ?? { baseline: null, edges: [] };
  if (baseline === null || Math.max(baseline.requests, baseline.le.at(-1) ?? 0) < ENOUGH_REQUESTS)
    return null;
  return {
    errorRate: baseline.requests === 0 ? 0 : baseline.errors / baseline.requests,
    histogram:
      baseline.le.length === edges.length + 1 && edges.length > 0
        ? { edgesMs: edges, le: baseline.le }
        : null,
  };
}

function scaled(traffic: StepTraffic, by = 1): StepTraffic {
  return { ...traffic, blueRps: traffic.blueRps * by, greenRps: traffic.greenRps * by };
}

/** After cutover: a guard with a limit as it will be about, once the ramp has told the baseline's own rate. */
function withoutBaseline(config: MachineConfig, metric: MetricConfig, before: Before): MetricConfig | null {
  const guard = { ...metric, passRole: false, thirdBlockDecides: true };
  if (metric.r === 0) return guard;
  const rate = baselineRate(config, metric, before);
  if (rate === null) return null;
  const own = metric.breachEdge && { blue: metric.breachEdge.green, green: metric.breachEdge.green };
  const delta = Math.min(1, metric.r * rate + metric.delta);
  return { ...guard, r: 0, delta, ...(own && { breachEdge: own, passEdge: own }) };
}

function baselineRate(config: MachineConfig, metric: MetricConfig, before: Before): number | null {
  if (metric.source === 'errors') return before.errorRate;
  const edgeMs = metric.breachEdge && edgesOf(config, metric)[metric.breachEdge.blue];
  return before.histogram === null || edgeMs === undefined ? null : shareAbove(before.histogram, edgeMs);
}

function whyUnknown(before: Before, metric: MetricConfig, pending: readonly GateProblem[]): string {
  const found = pending.find(({ gate }) => gate === metric.name);
  const problem = before.histogram === null && metric.own === undefined ? undefined : found;
  if (problem === undefined && metric.own !== undefined) {
    return `too little is known of what the baseline does: fewer than ${ENOUGH_REQUESTS} events in the last hour, or the source does not answer`;
  }
  return (
    problem?.message ??
    `the baseline's latency is not known: it has fewer than ${ENOUGH_REQUESTS} timed requests so far`
  );
}

function stepProblems(step: StepForecast): string[] {
  return step.gates.filter(({ decides }) => !decides).map((gate) => problemText(step, gate));
}

function problemText({ step, label, kind, greenRps, atMostMs }: StepForecast, gate: GateForecast): string {
  const at = `Step ${step} (${label}), gate ${gate.gate}`;
  const lasts = seconds(atMostMs / 1000);
  if (gate.needsSec === null) {
    return gate.role === 'guard'
      ? `${at}: nothing could ever make it roll back. Set a tighter limit`
      : `${at}: a version like the baseline can never be proven, however long the step lasts. ` +
          'Allow a larger margin, or make the gate a guard';
  }
  const needs = seconds(gate.needsSec);
  const onGreen = `${perSecond(greenRps)} on green`;
  // After cutover green has all there is.
  const orShare = kind === 'bake' ? '' : ', or give green a larger share';
  return gate.role === 'guard'
    ? `${at}: with ${onGreen} it could not roll back within ${lasts}, were every request bad. ` +
        `Let the step last ${needs}${orShare}`
    : `${at}: with ${onGreen} a version like the baseline is not proven within ${lasts}; ` +
        `nine times of ten it takes up to ${needs}. Let the step last that long, give green a larger share, ` +
        'or allow a larger margin';
}
