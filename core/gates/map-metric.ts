import type { Counters, OwnTotals } from '../metrics.js';
import type { Gate } from '../plan.js';
import { counted } from '../units.js';
import { edgeAtOrAbove, edgeAtOrBelow, quantileEdge, relativeEdges } from './edges.js';
import type { GateNote, GateProblem } from './setup.js';
import type { MetricConfig } from './types.js';
import { factor, ms, percent, plain, quantileName } from './words.js';

/** The part of a metric that says what is compared with what. */
export type Margin = Pick<
  MetricConfig,
  'source' | 'r' | 'delta' | 'breachEdge' | 'passEdge' | 'asks' | 'own'
>;

export interface MappedMetric {
  /** null where there are problems. */
  readonly margin: Margin | null;
  readonly problems: readonly GateProblem[];
  readonly notes: readonly GateNote[];
}

type Baseline = Pick<Counters, 'requests' | 'le'> | null;

/** What the source of the user's own metrics tells of one of them now. */
export interface OwnNow {
  /** Bucket edges; empty for good and bad events. */
  readonly edges: readonly number[];
  /** What the baseline did; null where nothing is known of it. */
  readonly baseline: OwnTotals | null;
}

/** How a histogram is spoken of. */
interface Words {
  readonly say: (value: number) => string;
  /** `slower`: as in "10% slower", "requests slower than". */
  readonly more: string;
  readonly than: string;
  /** What it counts. */
  readonly noun: string;
}

const TIMES: Words = { say: ms, more: 'slower', than: 'slower than', noun: 'timed request' };
const VALUES: Words = { say: plain, more: 'higher', than: 'above', noun: 'value' };

/** A baseline's quantile is taken from a histogram with at least this many requests beyond it. */
const BEYOND_QUANTILE = 5;

function refuse(gate: Gate, kind: GateProblem['kind'], message: string): MappedMetric {
  return {
    margin: null,
    notes: [],
    problems: [{ gate: gate.name, kind, message: `Gate ${gate.name}: ${message}` }],
  };
}

function accept(margin: Margin, gate: Gate, ...notes: readonly string[]): MappedMetric {
  return { margin, problems: [], notes: notes.map((text) => ({ gate: gate.name, text })) };
}

/** One row of the table of gates.md 3. */
export function mapMetric(
  gate: Gate,
  edgesMs: readonly number[],
  baseline: Baseline,
  own?: OwnNow,
): MappedMetric {
  if (
    gate.limit.kind === 'at-most' &&
    'share' in gate.limit &&
    gate.limit.share === 0 &&
    gate.role === 'required'
  ) {
    return refuse(
      gate,
      'cannot-pass',
      'at most 0 can never be proven, however many requests go well; allow a small share, or make it a guard',
    );
  }
  switch (gate.metric) {
    case 'error-rate':
      return accept({ source: 'errors', ...shareMargin(gate.limit) }, gate);
    case 'events':
      return accept({ source: 'errors', ...shareMargin(gate.limit), own: { edges: [] } }, gate);
    case 'histogram':
      return histogram(gate, own);
    case 'latency':
    case 'slow-share':
      if (edgesMs.length === 0) {
        return refuse(
          gate,
          'no-histogram',
          'the metric source has no latency histogram, and this gate needs one; use a source that has, or an error gate',
        );
      }
      return gate.metric === 'slow-share' ? slowShare(gate, edgesMs) : latency(gate, edgesMs, baseline);
    default:
      return gate satisfies never;
  }
}

function shareMargin(limit: Extract<Gate, { metric: 'events' }>['limit']): Pick<Margin, 'r' | 'delta'> {
  return limit.kind === 'at-most' ? { r: 0, delta: limit.share } : { r: limit.ratio, delta: limit.share };
}

function latency(
  gate: Gate & { metric: 'latency' },
  edgesMs: readonly number[],
  baseline: Baseline,
): MappedMetric {
  const { limit, quantile } = gate;
  return limit.kind === 'at-most'
    ? quantileAtMost(gate, edgesMs, quantile, limit.ms, TIMES)
    : quantileAbove(gate, edgesMs, baseline, quantile, limit.ratio, TIMES);
}

/** A histogram of the user's own is judged like latency, by edges of its own. */
function histogram(gate: Gate & { metric: 'histogram' }, now: OwnNow | undefined): MappedMetric {
  const { limit, quantile, query } = gate;
  if (now === undefined || now.edges.length === 0) {
    const message = `${query.buckets} has no buckets yet, of either deployment; the gate waits for them`;
    return refuse(gate, 'no-own-data', message);
  }
  const { edges, baseline } = now;
  const mapped =
    limit.kind === 'at-most'
      ? quantileAtMost(gate, edges, quantile, limit.value, VALUES)
      : quantileAbove(gate, edges, baseline, quantile, limit.ratio, VALUES);
  return mapped.margin === null ? mapped : { ...mapped, margin: { ...mapped.margin, own: { edges } } };
}

function quantileAtMost(
  gate: Gate,
  edges: readonly number[],
  quantile: number,
  limit: number,
  words: Words,
): MappedMetric {
  const mapped = absolute(gate, edges, limit, 1 - quantile, words);
  return asking(mapped, `${quantileName(quantile)} at most ${words.say(limit)}`);
}

function quantileAbove(
  gate: Gate,
  edges: readonly number[],
  baseline: Baseline,
  quantile: number,
  ratio: number,
  words: Words,
): MappedMetric {
  const mapped = slower(gate, edges, baseline, { quantile, ratio, words });
  return asking(
    mapped,
    `${quantileName(quantile)} at most ${percent(ratio - 1)} ${words.more} than the baseline`,
  );
}

function asking(mapped: MappedMetric, asks: string): MappedMetric {
  return mapped.margin === null ? mapped : { ...mapped, margin: { ...mapped.margin, asks } };
}

/** An absolute limit on the share of requests above `limit`. Both arms are read at the same edges. */
function absolute(
  gate: Gate,
  edges: readonly number[],
  limit: number,
  delta: number,
  { say, than }: Words,
): MappedMetric {
  const above = edgeAtOrAbove(edges, limit);
  if (above === -1) return refuse(gate, 'beyond-last-edge', beyond(edges, `the limit of ${say(limit)}`, say));
  const below = edgeAtOrBelow(edges, limit);
  if (below === -1 && gate.role === 'required') {
    return refuse(
      gate,
      'below-first-edge',
      `the limit of ${say(limit)} lies below the source's first bucket edge, ${say(edges[0] ?? 0)}, so nothing ` +
        'can be proven to keep it; add an edge at the limit, or make the gate a guard',
    );
  }
  const pass = below === -1 ? above : below;
  const margin: Margin = {
    source: 'latency',
    r: 0,
    delta,
    breachEdge: { blue: above, green: above },
    passEdge: { blue: pass, green: pass },
  };
  if (pass === above) return accept(margin, gate);
  return accept(
    margin,
    gate,
    `the source has no bucket edge at ${say(limit)}: green is rolled back for requests ${than} ` +
      `${say(edges[above] ?? 0)}, and passes on those ${than} ${say(edges[pass] ?? 0)}`,
  );
}

function slowShare(gate: Gate & { metric: 'slow-share' }, edgesMs: readonly number[]): MappedMetric {
  if (gate.limit.kind === 'at-most') return absolute(gate, edgesMs, gate.aboveMs, gate.limit.share, TIMES);
  const edge = edgeAtOrAbove(edgesMs, gate.aboveMs);
  if (edge === -1) return refuse(gate, 'beyond-last-edge', beyond(edgesMs, ms(gate.aboveMs), ms));
  const at = { blue: edge, green: edge };
  const margin: Margin = {
    source: 'latency',
    r: gate.limit.ratio,
    delta: gate.limit.share,
    breachEdge: at,
    passEdge: at,
  };
  const edgeMs = edgesMs[edge] ?? 0;
  if (edgeAtOrBelow(edgesMs, gate.aboveMs) === edge) return accept(margin, gate);
  return accept(
    margin,
    gate,
    `the source has no bucket edge at ${ms(gate.aboveMs)}: requests slower than ${ms(edgeMs)} are compared`,
  );
}

/** "At most `ratio` times the baseline's at this quantile", with the baseline's edge frozen. */
function slower(
  gate: Gate,
  edges: readonly number[],
  baseline: Baseline,
  asked: { readonly quantile: number; readonly ratio: number; readonly words: Words },
): MappedMetric {
  const { quantile, ratio, words } = asked;
  const { say, than } = words;
  const le = baseline?.le ?? [];
  const total = le.at(-1) ?? 0;
  const wanted = Math.ceil(BEYOND_QUANTILE / (1 - quantile) - 1e-9);
  const name = quantileName(quantile);
  if (le.length !== edges.length + 1 || total < wanted) {
    return refuse(
      gate,
      'too-little-baseline',
      `the baseline has ${counted(total, words.noun)} so far, and its ${name} is taken from ` +
        `at least ${wanted}; wait for more traffic, or use an absolute limit${words === TIMES ? ' in milliseconds' : ''}`,
    );
  }
  const uB = quantileEdge(le, quantile);
  if (uB === -1) {
    return refuse(gate, 'beyond-last-edge', beyond(edges, `the baseline's ${name}`, say));
  }
  const edge = edges[uB] ?? 0;
  const found = relativeEdges(edges, le, uB, ratio);
  if (found === null) {
    return refuse(
      gate,
      'beyond-last-edge',
      `none of the baseline's ${words === TIMES ? `requests took longer than ${say(edge)}` : `values is above ${say(edge)}`}, ` +
        `and the source's buckets cannot tell ${say(edge)} from ${say(edge * ratio)}; use finer buckets there, or an absolute limit`,
    );
  }
  if (found.kind === 'exact') {
    const { breachEdge, passEdge } = found;
    const margin: Margin = { source: 'latency', r: 1, delta: 0, breachEdge, passEdge };
    return accept(
      margin,
      gate,
      `the baseline's ${name} is read at ${say(edge)}; green is rolled back if more of it is ${than} ` +
        `${say(edges[breachEdge.green] ?? 0)}, and passes if less is ${than} ${say(edges[passEdge.green] ?? 0)}`,
    );
  }
  const at = { blue: found.edge, green: found.edge };
  const share = (total - (le[found.edge] ?? total)) / total;
  return accept(
    { source: 'latency', r: found.r, delta: 0, breachEdge: at, passEdge: at },
    gate,
    `the source's buckets cannot tell ${say(edge)} from ${say(edge * ratio)} (${neighbours(edges, uB, say)}); instead, the ` +
      `share of green's ${words === TIMES ? 'requests' : 'values'} ${than} ${say(edge)} may be ${factor(found.r)} times the baseline's ` +
      `(${percent(share)} before the rollout), which is about what ${factor(ratio)} times the ${words === TIMES ? 'latency' : 'value'} does there. ` +
      `The statement about shares is exact, its translation${words === TIMES ? ' to milliseconds' : ''} is not; finer buckets would make it so`,
  );
}

function neighbours(edges: readonly number[], at: number, say: Words['say']): string {
  const next = edges[at + 1];
  return next === undefined ? `${say(edges[at] ?? 0)} is the last edge` : `the next edge is ${say(next)}`;
}

function beyond(edges: readonly number[], what: string, say: Words['say']): string {
  return (
    `${what} lies beyond the source's last bucket edge, ${say(edges.at(-1) ?? 0)}, so ` +
    `${say === ms ? 'slower requests' : 'higher values'} look all the same; add edges up to twice the limit, or lower it`
  );
}
