import type { DecisionRecord, RecordedWindow } from '../core/decision-record.js';
import { ms, percent, plain, points, quantileName } from '../core/gates/words.js';
import type { Gate } from '../core/plan.js';
import { joinArms, type ArmCounts, type Arms, type Bin } from './series.js';
import { countAbove, quantileBand, shareBand, type Band } from './statistics.js';

/** What one chart over time shows of both deployments. */
export interface Panel {
  readonly title: string;
  readonly unit: 'share' | 'ms' | 'value';
  readonly points: readonly PanelPoint[];
  readonly limits: readonly LimitLine[];
}

export interface PanelPoint extends Band {
  readonly atMs: number;
  readonly arm: 'blue' | 'green';
  /** Points of one run are joined by a line; a new step begins a new one. */
  readonly run: string;
}

/** A gate's limit, in the unit of its panel: level for an absolute one, following the baseline for a relative one. */
interface LimitLine {
  readonly gate: string;
  readonly text: string;
  readonly points: readonly { readonly atMs: number; readonly value: number; readonly run: string }[];
}

interface Measure {
  readonly title: string;
  readonly unit: Panel['unit'];
  readonly of: (arm: ArmCounts, edgesMs: readonly number[]) => Band | null;
  readonly gates: readonly Gate[];
  /** The gate whose own metric is shown. */
  readonly own?: string;
}

/** One panel for errors, one for each quantile, latency and metric of the user's own that a gate asks about. */
export function panelsOf(record: DecisionRecord, bins: readonly Bin[]): readonly Panel[] {
  return measuresOf(record)
    .map((measure) => panelOf(measure, record, bins))
    .filter(({ points: shown }) => shown.length > 0);
}

function measuresOf({ plan: { gates } }: DecisionRecord): readonly Measure[] {
  const quantiles = new Set(gates.flatMap((gate) => (gate.metric === 'latency' ? [gate.quantile] : [])));
  if (quantiles.size === 0) quantiles.add(0.95);
  const bars = new Set(gates.flatMap((gate) => (gate.metric === 'slow-share' ? [gate.aboveMs] : [])));
  return [
    {
      title: 'Error rate',
      unit: 'share',
      of: (arm) => shareBand(arm.errors, arm.requests),
      gates: gates.filter(({ metric }) => metric === 'error-rate'),
    },
    ...[...quantiles].map((quantile): Measure => ({
      title: `Latency, ${quantileName(quantile)}`,
      unit: 'ms',
      of: (arm, edgesMs) => quantileBand(edgesMs, arm.buckets, quantile),
      gates: gates.filter((gate) => gate.metric === 'latency' && gate.quantile === quantile),
    })),
    ...[...bars].map((aboveMs): Measure => ({
      title: `Requests slower than ${ms(aboveMs)}`,
      unit: 'share',
      of: (arm, edgesMs) => slowBand(arm, edgesMs, aboveMs),
      gates: gates.filter((gate) => gate.metric === 'slow-share' && gate.aboveMs === aboveMs),
    })),
    ...gates.flatMap(ownMeasure),
  ];
}

function ownMeasure(gate: Gate): Measure[] {
  const own = { gates: [gate], own: gate.name };
  if (gate.metric === 'events') {
    const of = (arm: ArmCounts) => shareBand(arm.errors, arm.requests);
    return [{ ...own, title: `Bad events, ${gate.name}`, unit: 'share', of }];
  }
  if (gate.metric !== 'histogram') return [];
  const { name, quantile } = gate;
  const of: Measure['of'] = (arm, edges) => quantileBand(edges, arm.buckets, quantile);
  return [{ ...own, title: `${name}, ${quantileName(quantile)}`, unit: 'value', of }];
}

/** The counts that a measure is about. */
function armsOf(measure: Measure, bin: Bin): Arms {
  return measure.own === undefined ? bin : (bin.own[measure.own] ?? { blue: null, green: null });
}

function edgesOf(measure: Measure, window: RecordedWindow | undefined): readonly number[] {
  return (measure.own === undefined ? window?.edgesMs : window?.ownEdges?.[measure.own]) ?? [];
}

/** At the edge that the gate reads: the first one at or above what it asks for. */
function slowBand({ buckets }: ArmCounts, edgesMs: readonly number[], aboveMs: number): Band | null {
  const edge = edgesMs.find((at) => at >= aboveMs);
  if (edge === undefined) return null;
  return shareBand(
    countAbove(edgesMs, buckets, edge),
    buckets.reduce((sum, count) => sum + count, 0),
  );
}

function panelOf(measure: Measure, record: DecisionRecord, bins: readonly Bin[]): Panel {
  const shown = bins.flatMap((bin) =>
    (['blue', 'green'] as const).flatMap((arm): PanelPoint[] => {
      const counts = armsOf(measure, bin)[arm];
      const band = counts === null ? null : measure.of(counts, edgesOf(measure, record.windows[bin.window]));
      return band === null ? [] : [{ ...band, atMs: middleOf(bin), arm, run: `${arm} ${bin.stepIndex}` }];
    }),
  );
  return {
    title: measure.title,
    unit: measure.unit,
    points: shown,
    limits: measure.gates
      .map((gate) => limitOf(gate, measure, record, bins))
      .filter(({ points: along }) => along.length > 0),
  };
}

function limitOf(gate: Gate, measure: Measure, record: DecisionRecord, bins: readonly Bin[]): LimitLine {
  // What the baseline did in the step so far: one bin of it alone would make the limit jump about.
  let soFar: ArmCounts | null = null;
  let step = -1;
  const along = bins.flatMap((bin) => {
    const window = record.windows[bin.window];
    if (window === undefined || !window.active.includes(gate.name)) return [];
    const { blue } = armsOf(measure, bin);
    soFar = bin.stepIndex === step ? joinArms(soFar, blue) : blue;
    step = bin.stepIndex;
    const value = limitValue(gate, measure, window, soFar);
    return value === null ? [] : [{ atMs: middleOf(bin), value, run: `${gate.name} ${bin.stepIndex}` }];
  });
  return { gate: gate.name, text: limitText(gate), points: along };
}

function limitValue(
  gate: Gate,
  measure: Measure,
  window: RecordedWindow,
  blue: ArmCounts | null,
): number | null {
  const { limit } = gate;
  if (limit.kind === 'at-most')
    return 'ms' in limit ? limit.ms : 'share' in limit ? limit.share : limit.value;
  if (window.alone) {
    // Taken from what the baseline had done. Of latency it is a share of slow requests, which is not on this scale.
    const converted = window.evidence.find((evidence) => evidence.gate === gate.name);
    return measure.unit === 'share' && converted?.r === 0 ? converted.delta : null;
  }
  const baseline = blue === null ? null : measure.of(blue, edgesOf(measure, window));
  if (baseline === null) return null;
  return limit.kind === 'worse-by'
    ? Math.min(1, baseline.value * limit.ratio + limit.share)
    : baseline.value * limit.ratio;
}

function limitText({ name, limit }: Gate): string {
  switch (limit.kind) {
    case 'at-most':
      if ('value' in limit) return `${name}: at most ${plain(limit.value)}`;
      return `${name}: at most ${'ms' in limit ? ms(limit.ms) : percent(limit.share)}`;
    case 'slower-by':
    case 'higher-by':
      return `${name}: ${percent(limit.ratio - 1)} above the baseline`;
    case 'worse-by':
      return limit.ratio === 1
        ? `${name}: ${points(limit.share)} above the baseline`
        : `${name}: ${limit.ratio} times the baseline, and ${points(limit.share)}`;
    default:
      return limit satisfies never;
  }
}

function middleOf({ fromMs, toMs }: Bin): number {
  return (fromMs + toMs) / 2;
}
