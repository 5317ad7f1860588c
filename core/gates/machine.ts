import { bounds } from './bounds.js';
import { breachAtStep, breachLook, initialBreach, lnWealth } from './breach.js';
import { decide } from './decide.js';
import { factors, greenFactors, initialDispersion, updateDispersion } from './dispersion.js';
import { lookOf, pairsSeen, seen, type Seen } from './events.js';
import { finiteOrNull, logSumExp } from './numbers.js';
import { afterPairs, judgedOf } from './pairing.js';
import { apart } from './pairs.js';
import { initialPass, lnBelow, nextPass, passLook } from './pass.js';
import {
  ALGORITHM,
  type AdvanceOptions,
  type BadCounts,
  type DispersionConfig,
  type GateState,
  type Look,
  type LookResult,
  type MachineConfig,
  type MetricConfig,
  type MetricResult,
  type MetricState,
} from './types.js';

const NOTHING: BadCounts = { xB: 0, nB: 0, xG: 0, nG: 0 };

export function initialMetric(metric: MetricConfig): MetricState {
  return {
    breach: initialBreach(metric),
    pass: initialPass(metric),
    dispersion: initialDispersion(),
    blueDispersion: initialDispersion(),
    step: NOTHING,
    baseline: { x: 0, n: 0 },
  };
}

export function initialState(config: MachineConfig): GateState {
  return {
    algorithm: ALGORITHM,
    elapsedSec: 0,
    sinceStartSec: 0,
    metrics: Object.fromEntries(config.metrics.map((metric) => [metric.name, initialMetric(metric)])),
  };
}

/**
 * The next step begins: open blocks close, the pass side and the clocks start anew, and the evidence for a breach and
 * the dispersion stay. Call it once for each step (a look with `newStep` does it by itself).
 */
export function beginStep(config: MachineConfig, state: GateState): GateState {
  const metrics = config.metrics.map((metric): [string, MetricState] => {
    const { pairs: _, pairing: __, early: ___, ...old } = state.metrics[metric.name] ?? initialMetric(metric);
    return [
      metric.name,
      {
        ...old,
        breach: breachAtStep(old.breach, metric, config.alpha),
        pass: nextPass(metric, old.pass),
        step: NOTHING,
      },
    ];
  });
  return { ...state, elapsedSec: 0, sinceStartSec: 0, metrics: Object.fromEntries(metrics) };
}

export function dispersionOf(config: MachineConfig, metric: MetricConfig): DispersionConfig {
  return metric.dispersion ?? config.dispersion;
}

/** A metric takes a look in. The order is part of the algorithm: factors first, then evidence, then dispersion. */
function takeIn(
  config: MachineConfig,
  metric: MetricConfig,
  old: MetricState,
  { breach, pass }: Seen,
  { dtSec, early }: { readonly dtSec: number; readonly early: boolean },
): { readonly state: MetricState; readonly lnM: number } {
  const dispersion = dispersionOf(config, metric);
  const { phi, phiPass } = greenFactors(dispersion, old.dispersion, old.blueDispersion);
  const { phi: phiBlue } = factors(dispersion, old.blueDispersion);
  const side = breachLook(old.breach, metric, config.alpha, breach, dtSec, { phi, phiBlue });
  const { early: wasEarly, ...own } = old;
  const step = wasEarly === true && !early ? NOTHING : old.step;
  return {
    lnM: side.lnM,
    state: {
      ...own,
      ...(early && { early }),
      breach: side.state,
      // Before the step, green had another share: that proves nothing in it.
      pass: early ? old.pass : passLook(old.pass, metric, pass, phiPass),
      dispersion: updateDispersion(old.dispersion, apart(breach), metric.r),
      blueDispersion: updateDispersion(old.blueDispersion, blueAlone(breach), 0),
      step: {
        xB: step.xB + breach.xB,
        nB: step.nB + breach.nB,
        xG: step.xG + breach.xG,
        nG: step.nG + breach.nG,
      },
      baseline: { x: old.baseline.x + breach.xB, n: old.baseline.n + breach.nB },
    },
  };
}

/** Beside an absolute limit, the baseline shows its clusters also in looks that green is not judged by yet. */
function warmedUp(
  config: MachineConfig,
  metric: MetricConfig,
  old: MetricState,
  view: Look | null,
): MetricState {
  const dispersion = dispersionOf(config, metric);
  const counts =
    view && dispersion.mode === 'auto' && dispersion.by === 'larger' && seen(config, metric, view);
  if (!counts) return old;
  return { ...old, blueDispersion: updateDispersion(old.blueDispersion, blueAlone(counts.breach), 0) };
}

function blueAlone({ xB, nB }: BadCounts): BadCounts {
  return { xB: 0, nB: 0, xG: xB, nG: nB };
}

function resultOf(
  config: MachineConfig,
  metric: MetricConfig,
  state: MetricState,
  lnM: number,
  withBounds: boolean,
): MetricResult {
  const next = greenFactors(dispersionOf(config, metric), state.dispersion, state.blueDispersion);
  const interval = withBounds ? bounds(state.pass, metric.r, config.alphaPass) : { lower: null, upper: null };
  return {
    lnBreach: finiteOrNull(lnM),
    lnPass: finiteOrNull(lnBelow(state.pass, metric.delta)),
    ...interval,
    phiNext: next.phi,
    phiPassNext: next.phiPass,
    shared: state.breach.shared,
  };
}

/**
 * One look: counts in, evidence and a decision out. Pure; the state is plain JSON and can be stored between any two
 * looks.
 */
export function advance(
  config: MachineConfig,
  state: GateState,
  look: Look,
  options: AdvanceOptions = {},
): { readonly state: GateState; readonly result: LookResult } {
  const begun = look.newStep === true ? beginStep(config, state) : state;
  const lookSec = look.sinceSec ?? begun.sinceStartSec;
  const sinceSec = (view: Look) => view.sinceSec ?? lookSec - (view.dtSec - look.dtSec);
  const isEarly = (view: Look) => sinceSec(view) < 0;
  // A look that began in warm-up holds warm-up requests, however long it is; one that was over before the step holds none.
  const warm = (view: Look) =>
    Math.max(0, sinceSec(view)) >= config.warmupSec || (isEarly(view) && sinceSec(view) + view.dtSec <= 0);
  const warmingUp = !warm(look);
  const metrics: Record<string, MetricState> = {};
  const results: Record<string, MetricResult> = {};
  const lnShares: number[] = [];
  for (const metric of config.metrics) {
    const old = begun.metrics[metric.name] ?? initialMetric(metric);
    const view = lookOf(metric, look);
    const sees = metric.paused !== true && view !== null && (metric.duringWarmup === true || warm(view));
    const counts = sees ? seen(config, metric, view) : null;
    const paired = sees ? pairsSeen(metric, view) : null;
    const judged = counts && judgedOf(old, counts, paired);
    const taken =
      judged === null || view === null
        ? {
            state: sees || metric.paused === true ? old : warmedUp(config, metric, old, view),
            lnM: lnWealth(old.breach, metric, config.alpha),
          }
        : takeIn(config, metric, old, judged, { dtSec: view.dtSec, early: isEarly(view) });
    const state = afterPairs(taken.state, paired);
    metrics[metric.name] = state;
    results[metric.name] = resultOf(config, metric, state, taken.lnM, options.bounds !== false);
    lnShares.push(Math.log(metric.weight) + taken.lnM);
  }
  const next: GateState = {
    algorithm: ALGORITHM,
    elapsedSec: begun.elapsedSec + (options.mode === 'guard' || isEarly(look) ? 0 : look.dtSec),
    sinceStartSec: lookSec + look.dtSec,
    warmingUp,
    metrics,
  };
  const measured = {
    elapsedSec: next.elapsedSec,
    lnTotal: finiteOrNull(logSumExp(lnShares)),
    metrics: results,
  };
  return { state: next, result: { ...measured, ...decide(config, measured, options) } };
}
