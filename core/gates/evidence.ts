import { proven } from './decide.js';
import { marginInWords, whatIsCounted } from './margin-words.js';
import { clamp } from './numbers.js';
import type { BadCounts, GateState, LookResult, MachineConfig, MetricConfig, Pairs } from './types.js';

/**
 * `breach`: this gate did most of a rollback. `suspicious`: well on the way to one. `proven`: within its margin.
 * `open`: not decided. `warming-up`: not judged yet. `idle`: not listened to in this step.
 */
type GateStanding = 'breach' | 'suspicious' | 'proven' | 'open' | 'warming-up' | 'idle';

/** One gate at one look, small enough to be kept for every window. */
export interface GateEvidence {
  readonly gate: string;
  readonly role: 'required' | 'guard';
  readonly standing: GateStanding;
  /** What is counted as bad: `errors`, `slower than 250 ms`. */
  readonly counts: string;
  /** `at most 0.5 pp more than blue`. */
  readonly limit: string;
  /** Bad requests and requests of this step, as the breach side counts them. */
  readonly green: { readonly bad: number; readonly requests: number };
  /** null where there is no baseline beside green, or it was never seen. */
  readonly blue: { readonly bad: number; readonly requests: number } | null;
  /** Requests sent to both of which both answers are known; left out where the source cannot tell. */
  readonly pairs?: Pairs;
  /** Green is within the margin while `green - r * blue <= delta`; `lower` and `upper` bound the left side. */
  readonly r: number;
  readonly delta: number;
  readonly lower: number | null;
  readonly upper: number | null;
  readonly lnBreach: number;
  readonly lnPass: number;
  /** How far to a rollback by this gate alone, 0 to 1. */
  readonly towardBreach: number;
  /** How far to proven, 0 to 1. */
  readonly towardPass: number;
  readonly phi: number;
  readonly shared: boolean;
}

/** JSON has no infinities; nothing tells e^-745 from zero. */
const LEAST = -745;

function standing(
  config: MachineConfig,
  metric: MetricConfig,
  state: GateState,
  result: LookResult,
  towardBreach: number,
): GateStanding {
  if (metric.paused === true) return 'idle';
  if (result.decision === 'breach' && result.reason === metric.name) return 'breach';
  if (state.warmingUp === true && metric.duringWarmup !== true) return 'warming-up';
  if (towardBreach >= 0.5) return 'suspicious';
  return metric.passRole !== false && proven(config, result, metric.name) ? 'proven' : 'open';
}

/** A record of every gate: for status, UI, reports and the decision record. Pass a result with bounds. */
export function gateEvidence(
  config: MachineConfig,
  state: GateState,
  result: LookResult,
  baselineName = 'blue',
): GateEvidence[] {
  return config.metrics.map((metric) => {
    const own = result.metrics[metric.name];
    const counts: BadCounts = state.metrics[metric.name]?.step ?? { xB: 0, nB: 0, xG: 0, nG: 0 };
    const pairs = state.metrics[metric.name]?.pairs;
    const lnBreach = Math.max(LEAST, own?.lnBreach ?? LEAST);
    const lnPass = Math.max(LEAST, own?.lnPass ?? LEAST);
    const enough = Math.log(1 / config.alpha) - Math.log(metric.weight);
    const towardBreach = clamp(lnBreach / enough, 0, 1);
    return {
      gate: metric.name,
      role: metric.passRole === false ? 'guard' : 'required',
      standing: standing(config, metric, state, result, towardBreach),
      counts: whatIsCounted(config, metric),
      limit: marginInWords(metric, baselineName),
      green: { bad: counts.xG, requests: counts.nG },
      blue: counts.nB === 0 ? null : { bad: counts.xB, requests: counts.nB },
      ...(pairs && { pairs }),
      r: metric.r,
      delta: metric.delta,
      lower: own?.lower ?? null,
      upper: own?.upper ?? null,
      lnBreach,
      lnPass,
      towardBreach,
      towardPass: clamp(lnPass / Math.log(1 / config.alphaPass), 0, 1),
      phi: own?.phiNext ?? 1,
      shared: own?.shared ?? false,
    };
  });
}
