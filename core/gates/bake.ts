import { upperRate } from './bounds.js';
import { closeBlock } from './breach.js';
import { factorNow } from './carry-over.js';
import { dispersionOf, initialMetric } from './machine.js';
import { factors } from './dispersion.js';
import { edgesOf } from './events.js';
import { initialPass } from './pass.js';
import type { GateNote, GateSetup } from './setup.js';
import type { GateState, MetricConfig, MetricState } from './types.js';
import { beyondEdge } from './margin-words.js';
import { percent } from './words.js';

/**
 * After cutover: no baseline runs beside green any more.
 *
 * A relative gate becomes an absolute one on green with the limit `r * U + delta`, where U is the upper confidence bound
 * (one-sample pass mixture at `alphaPass`, tempered) of what the baseline did in this rollout so far. Absolute gates keep
 * their limit, and what the baseline suffered last shields green from it no longer.
 *
 * Why the evidence for a breach goes on: its wealth is a nonnegative supermartingale while green keeps each look's
 * limit. The new limit is fixed before the looks that it judges, so multiplying on with the one-sample factors keeps
 * that. What alpha promises is then: green that kept the margin beside the baseline, and keeps the announced limit
 * after it, is rolled back with a chance of at most alpha over the whole rollout. The limit itself lies below what the
 * margin meant for the baseline's true rate with a chance of at most `alphaPass`.
 */
export function convertForBake(
  setup: GateSetup,
  state: GateState,
): { readonly setup: GateSetup; readonly state: GateState; readonly notes: readonly GateNote[] } {
  if (setup.alone) return { setup, state, notes: [] };
  const converted = setup.config.metrics.map((metric) => convert(setup, metric, state.metrics[metric.name]));
  const notes = converted.flatMap(({ note }) => (note === null ? [] : [note]));
  return {
    notes,
    setup: {
      ...setup,
      alone: true,
      pending: [],
      notes: [...setup.notes, ...notes],
      config: { ...setup.config, metrics: converted.map(({ metric }) => metric) },
    },
    state: {
      ...state,
      metrics: Object.fromEntries(converted.map(({ metric, state: own }) => [metric.name, own])),
    },
  };
}

interface Converted {
  readonly metric: MetricConfig;
  readonly state: MetricState;
  readonly note: GateNote | null;
}

function convert({ config }: GateSetup, metric: MetricConfig, before: MetricState | undefined): Converted {
  const old = before ?? initialMetric(metric);
  // Everybody is served by green now: an outage that begins late must not last longer for that.
  const thirdBlockDecides = true;
  // What is counted beside the baseline ends with it, capped and held as it was while it counted.
  const breach = { ...closeBlock(old.breach, metric, config.alpha), shared: false, blue: null };
  if (metric.r === 0) {
    return {
      metric: { ...metric, shared: 'strict', thirdBlockDecides },
      state: { ...old, breach },
      note: null,
    };
  }
  const { phiPass } = factors(dispersionOf(config, metric), old.blueDispersion);
  const bound = upperRate(old.baseline.x / phiPass, old.baseline.n / phiPass, config.alphaPass);
  const delta = Math.min(1, metric.r * bound + metric.delta);
  const blind = delta >= 1;
  const green = (edge: MetricConfig['breachEdge']) =>
    edge ? { blue: edge.green, green: edge.green } : undefined;
  const breachEdge = green(metric.breachEdge);
  const passEdge = green(metric.passEdge ?? metric.breachEdge);
  const { asks: _, bets: __, ...rest } = metric;
  const alone: MetricConfig = {
    ...rest,
    r: 0,
    delta,
    shared: 'strict',
    thirdBlockDecides,
    ...(breachEdge && { breachEdge }),
    ...(passEdge && { passEdge }),
    ...(blind && { passRole: false }),
  };
  const [errors, requests] = metric.own === undefined ? ['errors', 'requests'] : ['bad events', 'events'];
  const edge = breachEdge && edgesOf(config, metric)[breachEdge.green];
  const what = edge === undefined ? errors : `${requests} ${beyondEdge(metric, edge)}`;
  const text = blind
    ? `without the baseline this gate has nothing to judge by: too little was seen of it in the rollout ` +
      `(${old.baseline.n} ${requests})`
    : `without the baseline beside it, green may have at most ${percent(delta)} ${what}: ` +
      `taken from the upper confidence bound of the baseline's own share in this rollout, ${percent(bound)}`;
  return {
    metric: alone,
    note: { gate: metric.name, text },
    state: {
      ...old,
      breach,
      pass: initialPass(alone),
      // The open count-block was measured against the baseline.
      dispersion: { ...old.dispersion, d: 0, v: 0 },
      learned: factorNow(config, metric, old),
      step: { xB: 0, nB: 0, xG: 0, nG: 0 },
    },
  };
}
