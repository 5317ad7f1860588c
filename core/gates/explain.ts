import { holds, type Signal } from './collector.js';
import { CRASH_GUARD } from './crash-guard.js';
import { proven, requiredMetrics } from './decide.js';
import { failedInWords } from './failing.js';
import { countsInWords, marginInWords } from './margin-words.js';
import type { GateProblem } from './setup.js';
import type { AdvanceOptions, GateState, LookResult, MachineConfig, MetricConfig } from './types.js';
import { count, factor, oneIn, percent, points, seconds } from './words.js';

export interface ExplainInput {
  /** As it was in force at this look. */
  readonly config: MachineConfig;
  readonly state: GateState;
  /** null before the first look. */
  readonly result: LookResult | null;
  readonly signals: readonly Signal[];
  /** Nothing may pass at this look. Default: what the signals say. */
  readonly hold?: boolean;
  /** As the look was taken; `guard`: nothing has to be proven, and the step's clock stands still. Default `judge`. */
  readonly mode?: AdvanceOptions['mode'];
  /** `pending` of the setup: gates that cannot be judged yet. */
  readonly pending?: readonly GateProblem[];
  /** Names of the deployments. */
  readonly blue: string;
  readonly green: string;
}

/** A look's verdict in one sentence with numbers, for people: the same text in the UI, the CLI and the logs. */
export function explain(input: ExplainInput): string {
  const { config, result } = input;
  if (result === null)
    return join(signalText(input), 'no look yet: the metrics have to be read twice before they count');
  const breaching = config.metrics.find((metric) => metric.name === result.reason);
  if (result.decision === 'breach' && breaching) return breachText(input, breaching, result);
  if (result.decision === 'pass') return passText(input, result);
  const why = openText(input, result);
  if (result.decision === 'inconclusive') {
    return join(signalText(input), `no decision after ${seconds(result.elapsedSec)}: ${why}`);
  }
  return join(signalText(input), why);
}

function join(...parts: readonly (string | null)[]): string {
  return parts.filter((part) => part !== null).join('; ');
}

/** `green answered 37 of 412 with an error, blue 3 of 3,690` */
function whatHappened({ config, state, blue, green }: ExplainInput, metric: MetricConfig): string {
  const { xB, nB, xG, nG } = state.metrics[metric.name]?.step ?? { xB: 0, nB: 0, xG: 0, nG: 0 };
  const { pairs, pairing } = state.metrics[metric.name] ?? {};
  if (pairs !== undefined && pairing === 'on') {
    return (
      `of ${count(pairs.n)} requests sent to both, ${green} alone failed ${count(pairs.greenOnly)}, ` +
      `${blue} alone ${count(pairs.blueOnly)}, both ${count(pairs.both)}`
    );
  }
  const did = metric.own === undefined ? 'answered' : 'had';
  const own = `${green} ${did} ${countsInWords(config, metric, 'green', count(xG), count(nG))}`;
  if (nB === 0) return own;
  const same = metric.breachEdge?.blue === metric.breachEdge?.green;
  const other = same
    ? `${count(xB)} of ${count(nB)}`
    : countsInWords(config, metric, 'blue', count(xB), count(nB));
  return `${own}, ${blue} ${other}`;
}

function breachText(input: ExplainInput, metric: MetricConfig, result: LookResult): string {
  const once = oneIn(result.metrics[metric.name]?.lnBreach ?? 0);
  const healthy =
    metric.name === CRASH_GUARD
      ? `a ${input.green} that answers at least half of its requests does`
      : `a healthy ${input.green} (${marginInWords(metric, input.blue)}) does`;
  return `${whatHappened(input, metric)}; ${healthy} worse than this less than once in ${once} (gate ${metric.name})`;
}

/** The bound that makes a metric proven: `the difference is at most 0.274 pp, 95% sure; 0.5 pp is allowed`. */
function boundText(input: ExplainInput, metric: MetricConfig, result: LookResult): string {
  const upper = result.metrics[metric.name]?.upper ?? null;
  const sure = `${percent(1 - input.config.alphaPass)} sure`;
  if (upper === null) return `${marginInWords(metric, input.blue)}, ${sure}`;
  const say = inUnitsOf(metric);
  return `${whatIsBounded(metric, input.blue)} is at most ${say(upper)}, ${sure}; ${say(metric.delta)} is allowed`;
}

/** The name of `pG - r * pB`. */
function whatIsBounded({ r }: MetricConfig, blue: string): string {
  if (r === 0) return 'the true share';
  return r === 1 ? 'the difference' : `the excess over ${factor(r)} times ${blue}'s`;
}

function inUnitsOf({ r }: MetricConfig): (share: number) => string {
  return r === 0 ? percent : points;
}

function passText(input: ExplainInput, result: LookResult): string {
  const required = input.config.metrics.filter((metric) =>
    requiredMetrics(input.config).includes(metric.name),
  );
  if (required.length === 0) {
    return `nothing speaks against ${input.green} after ${seconds(result.elapsedSec)}, and no gate of this step has to be proven`;
  }
  return required
    .map(
      (metric) =>
        `${metric.name} proven: ${whatHappened(input, metric)} (${boundText(input, metric, result)})`,
    )
    .join('; ');
}

/** The required gate that is furthest from proven. */
function furthest(config: MachineConfig, result: LookResult): MetricConfig | undefined {
  const ln = (metric: MetricConfig) => result.metrics[metric.name]?.lnPass ?? -Infinity;
  return config.metrics
    .filter(
      (metric) => metric.passRole !== false && metric.paused !== true && !proven(config, result, metric.name),
    )
    .sort((a, b) => ln(a) - ln(b))[0];
}

function openText(input: ExplainInput, result: LookResult): string {
  const { config, state, green } = input;
  if (state.warmingUp === true) {
    const from =
      state.sinceStartSec < config.warmupSec
        ? `after ${seconds(config.warmupSec)}, until then`
        : 'from the next look on, so far';
    return `warming up: ${green} is judged ${from} only by the crash guard`;
  }
  const suspicion = suspect(config, result);
  if (suspicion !== null) {
    return `${whatHappened(input, suspicion)}: suspicious (gate ${suspicion.name}), not yet enough to roll back`;
  }
  if (state.sinceStartSec < 0) {
    return `the newest metrics end ${seconds(-state.sinceStartSec)} before this step began: they can roll back, and prove nothing`;
  }
  if (input.mode === 'guard') return guardText(input, result);
  const open = furthest(config, result);
  if (open === undefined && (input.hold ?? holds(input.signals)))
    return 'all gates are content, and none passes while that lasts';
  if (open === undefined) {
    return `all gates are content after ${seconds(result.elapsedSec)}; the step lasts at least ${seconds(config.minDurationSec)}`;
  }
  const pending = input.pending?.find((problem) => problem.gate === open.name);
  if (pending) return pending.message;
  const { nG } = state.metrics[open.name]?.step ?? { nG: 0 };
  const what = open.own === undefined ? 'request' : 'event';
  if (nG === 0) return `gate ${open.name} has seen no ${what} of ${green} yet: nothing proves nothing`;
  return `gate ${open.name} is open: ${whatHappened(input, open)}${intervalText(open, result, input.blue)}`;
}

/** Nothing waits for a proof: the gate that is nearest to a rollback shows how far from it green is. */
function guardText(input: ExplainInput, result: LookResult): string {
  const listening = input.config.metrics.filter((metric) => metric.paused !== true);
  const nearest = byBreach(listening, result).find(
    (metric) => (input.state.metrics[metric.name]?.step.nG ?? 0) > 0,
  );
  return nearest === undefined
    ? `guarding ${input.green}, which has had no request yet`
    : `guarding: nothing speaks against ${input.green} so far; ${whatHappened(input, nearest)} (gate ${nearest.name})`;
}

function suspect(config: MachineConfig, result: LookResult): MetricConfig | null {
  if ((result.lnTotal ?? -Infinity) < 0.5 * Math.log(1 / config.alpha)) return null;
  return byBreach(config.metrics, result)[0] ?? null;
}

/** Metrics by their part of the evidence for a breach, the largest first. */
function byBreach(metrics: readonly MetricConfig[], result: LookResult): MetricConfig[] {
  const part = (metric: MetricConfig) =>
    Math.log(metric.weight) + (result.metrics[metric.name]?.lnBreach ?? -Infinity);
  return [...metrics].sort((a, b) => part(b) - part(a));
}

/** Between which bounds the excess lies, and what is allowed. */
function intervalText(metric: MetricConfig, result: LookResult, blue: string): string {
  const { lower, upper } = result.metrics[metric.name] ?? { lower: null, upper: null };
  if (lower === null || upper === null) return '';
  const say = inUnitsOf(metric);
  return `; ${whatIsBounded(metric, blue)} lies between ${say(lower)} and ${say(upper)}, ${say(metric.delta)} is allowed`;
}

function signalText({ signals, blue, green }: ExplainInput): string | null {
  const texts = signals.map((signal) => signalInWords(signal, blue, green));
  return texts.length === 0 ? null : texts.join('; ');
}

/** What the counters alone do not say, in words. */
export function signalInWords(signal: Signal, blue: string, green: string): string {
  switch (signal.kind) {
    case 'starved': {
      const waiting = signal.waiting ? `, ${count(signal.waiting)} are waiting for an answer` : '';
      return (
        `${green} completed ${count(signal.got)} requests in ${seconds(signal.windowSec)} where its share is ` +
        `${count(signal.expected)}${waiting}: requests may be hanging, or not reach it`
      );
    }
    case 'dead-mirror':
      return (
        `the mirror delivers nothing: ${green} should have had ${count(signal.expected)} copies in ` +
        `${seconds(signal.windowSec)}, and not one arrived`
      );
    case 'missing':
      return `no usable metrics of ${signal.arm === 'blue' ? blue : green} for ${seconds(signal.forSec)}`;
    case 'untimed':
      return `${signal.arm === 'blue' ? blue : green}'s requests are counted, and no longer timed`;
    case 'stale':
      if (!Number.isFinite(signal.ageSec)) return 'the metric source does not answer';
      return `the newest metrics are ${seconds(signal.ageSec)} old`;
    case 'failing':
      return `${failedInWords(signal, green)} in this step, whatever ${blue} did`;
    case 'restarting':
      return `${green}'s counters started anew ${signal.count} times in ${seconds(signal.windowSec)}: it keeps restarting`;
    case 'own':
      if (signal.signal.kind === 'untimed') {
        const arm = signal.signal.arm === 'blue' ? blue : green;
        return `gate ${signal.gate}: the histogram of ${arm} is missing, or has other buckets than at first`;
      }
      return `gate ${signal.gate}: ${signalInWords(signal.signal, blue, green)}`;
    default:
      return signal satisfies never;
  }
}
