import type { Counters } from '../metrics.js';
import type { Gate } from '../plan.js';
import { edgeAtOrAbove, edgeAtOrBelow, quantileEdge, relativeEdges } from './edges.js';
import type { GateNote, GateProblem } from './setup.js';
import type { MetricConfig } from './types.js';
import { factor, ms, percent, quantileName } from './words.js';

/** The part of a metric that says what is compared with what. */
export type Margin = Pick<MetricConfig, 'source' | 'r' | 'delta' | 'breachEdge' | 'passEdge' | 'asks'>;

export interface MappedMetric {
  /** null where there are problems. */
  readonly margin: Margin | null;
  readonly problems: readonly GateProblem[];
  readonly notes: readonly GateNote[];
}

type Baseline = Pick<Counters, 'requests' | 'le'> | null;

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
export function mapMetric(gate: Gate, edgesMs: readonly number[], baseline: Baseline): MappedMetric {
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
      return gate.limit.kind === 'at-most'
        ? accept({ source: 'errors', r: 0, delta: gate.limit.share }, gate)
        : accept({ source: 'errors', r: gate.limit.ratio, delta: gate.limit.share }, gate);
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

function latency(
  gate: Gate & { metric: 'latency' },
  edgesMs: readonly number[],
  baseline: Baseline,
): MappedMetric {
  const { limit, quantile } = gate;
  const name = quantileName(quantile);
  const [mapped, asks] =
    limit.kind === 'at-most'
      ? [absolute(gate, edgesMs, limit.ms, 1 - quantile), `${name} at most ${ms(limit.ms)}`]
      : [
          slower(gate, edgesMs, baseline, quantile, limit.ratio),
          `${name} at most ${percent(limit.ratio - 1)} slower than the baseline`,
        ];
  return mapped.margin === null ? mapped : { ...mapped, margin: { ...mapped.margin, asks } };
}

/** An absolute limit on the share of requests above `limitMs`. Both arms are read at the same edges. */
function absolute(gate: Gate, edgesMs: readonly number[], limitMs: number, delta: number): MappedMetric {
  const above = edgeAtOrAbove(edgesMs, limitMs);
  if (above === -1) return refuse(gate, 'beyond-last-edge', beyond(edgesMs, `the limit of ${ms(limitMs)}`));
  const below = edgeAtOrBelow(edgesMs, limitMs);
  if (below === -1 && gate.role === 'required') {
    return refuse(
      gate,
      'below-first-edge',
      `the limit of ${ms(limitMs)} lies below the source's first bucket edge, ${ms(edgesMs[0] ?? 0)}, so nothing ` +
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
    `the source has no bucket edge at ${ms(limitMs)}: green is rolled back for requests slower than ` +
      `${ms(edgesMs[above] ?? 0)}, and passes on those slower than ${ms(edgesMs[pass] ?? 0)}`,
  );
}

function slowShare(gate: Gate & { metric: 'slow-share' }, edgesMs: readonly number[]): MappedMetric {
  if (gate.limit.kind === 'at-most') return absolute(gate, edgesMs, gate.aboveMs, gate.limit.share);
  const edge = edgeAtOrAbove(edgesMs, gate.aboveMs);
  if (edge === -1) return refuse(gate, 'beyond-last-edge', beyond(edgesMs, ms(gate.aboveMs)));
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

/** "At most `ratio` times as slow as the baseline at this quantile", with the baseline's edge frozen. */
function slower(
  gate: Gate,
  edgesMs: readonly number[],
  baseline: Baseline,
  quantile: number,
  ratio: number,
): MappedMetric {
  const le = baseline?.le ?? [];
  const total = le.at(-1) ?? 0;
  const wanted = Math.ceil(BEYOND_QUANTILE / (1 - quantile) - 1e-9);
  const name = quantileName(quantile);
  if (le.length !== edgesMs.length + 1 || total < wanted) {
    return refuse(
      gate,
      'too-little-baseline',
      `the baseline has ${total} timed ${total === 1 ? 'request' : 'requests'} so far, and its ${name} is taken from ` +
        `at least ${wanted}; wait for more traffic, or use an absolute limit in milliseconds`,
    );
  }
  const uB = quantileEdge(le, quantile);
  if (uB === -1) {
    return refuse(gate, 'beyond-last-edge', beyond(edgesMs, `the baseline's ${name}`));
  }
  const uBMs = edgesMs[uB] ?? 0;
  const found = relativeEdges(edgesMs, le, uB, ratio);
  if (found === null) {
    return refuse(
      gate,
      'beyond-last-edge',
      `none of the baseline's requests took longer than ${ms(uBMs)}, and the source's buckets cannot tell ${ms(uBMs)} ` +
        `from ${ms(uBMs * ratio)}; use finer buckets there, or an absolute limit`,
    );
  }
  if (found.kind === 'exact') {
    const { breachEdge, passEdge } = found;
    const margin: Margin = { source: 'latency', r: 1, delta: 0, breachEdge, passEdge };
    return accept(
      margin,
      gate,
      `the baseline's ${name} is read at ${ms(uBMs)}; green is rolled back if more of it is slower than ` +
        `${ms(edgesMs[breachEdge.green] ?? 0)}, and passes if less is slower than ${ms(edgesMs[passEdge.green] ?? 0)}`,
    );
  }
  const at = { blue: found.edge, green: found.edge };
  const share = (total - (le[found.edge] ?? total)) / total;
  return accept(
    { source: 'latency', r: found.r, delta: 0, breachEdge: at, passEdge: at },
    gate,
    `the source's buckets cannot tell ${ms(uBMs)} from ${ms(uBMs * ratio)} (${neighbours(edgesMs, uB)}); instead, the ` +
      `share of green's requests slower than ${ms(uBMs)} may be ${factor(found.r)} times the baseline's ` +
      `(${percent(share)} before the rollout), which is about what ${factor(ratio)} times the latency does there. ` +
      'The statement about shares is exact, its translation to milliseconds is not; finer buckets would make it so',
  );
}

function neighbours(edgesMs: readonly number[], at: number): string {
  const next = edgesMs[at + 1];
  return next === undefined ? `${ms(edgesMs[at] ?? 0)} is the last edge` : `the next edge is ${ms(next)}`;
}

function beyond(edgesMs: readonly number[], what: string): string {
  return (
    `${what} lies beyond the source's last bucket edge, ${ms(edgesMs.at(-1) ?? 0)}, so slower requests look all the ` +
    'same; add edges up to twice the limit, or lower it'
  );
}
