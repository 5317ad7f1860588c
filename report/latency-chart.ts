import * as Plot from '@observablehq/plot';
import type { DecisionRecord } from '../core/decision-record.js';
import { ms, percent } from '../core/gates/words.js';
import type { Html } from './html.js';
import { draw } from './plot.js';
import { joinArms, type ArmCounts, type Bin } from './series.js';

/** All timed requests of both deployments over the rollout, by bucket. */
export interface Latencies {
  readonly edgesMs: readonly number[];
  readonly blue: ArmCounts | null;
  readonly green: ArmCounts | null;
}

/** @returns null where the metric source had no histogram. */
export function latenciesOf(record: DecisionRecord, bins: readonly Bin[]): Latencies | null {
  // Edges are frozen once for a rollout; what was counted before by other ones cannot be added.
  const edgesMs = record.windows.findLast((window) => window.edgesMs.length > 0)?.edgesMs ?? [];
  const key = edgesMs.join();
  const same = bins.filter((bin) => record.windows[bin.window]?.edgesMs.join() === key);
  const sum = (arm: 'blue' | 'green'): ArmCounts | null => {
    const all = same.reduce<ArmCounts | null>((total, bin) => joinArms(total, bin[arm]), null);
    return all !== null && all.buckets.some((count) => count > 0) ? all : null;
  };
  const both = { edgesMs, blue: sum('blue'), green: sum('green') };
  return both.blue === null && both.green === null ? null : both;
}

/** Share of requests answered within a time, of both deployments. */
export function latencyChart({ edgesMs, blue, green }: Latencies, record: DecisionRecord): Html {
  const rows = [
    ...cumulative(edgesMs, blue).map((row) => ({ ...row, arm: 'blue' })),
    ...cumulative(edgesMs, green).map((row) => ({ ...row, arm: 'green' })),
  ];
  // From the last edge that hardly anything is faster than, to the first that hardly anything is slower than.
  const inside = rows.filter(({ share }) => share > 0.001 && share < 0.9995).map(({ edgeMs }) => edgeMs);
  const [low, high] =
    inside.length > 0 ? [Math.min(...inside), Math.max(...inside)] : [edgesMs[0] ?? 1, edgesMs.at(-1) ?? 1];
  const colour = ({ arm }: { readonly arm: string }): string => `var(--${arm})`;
  const limits = record.plan.gates.flatMap((gate) => {
    if (gate.metric === 'latency' && gate.limit.kind === 'at-most')
      return [{ name: gate.name, at: gate.limit.ms }];
    return gate.metric === 'slow-share' ? [{ name: gate.name, at: gate.aboveMs }] : [];
  });
  const shown = limits.filter(({ at }) => at >= low / 2 && at <= high * 4);
  return draw('Share of requests answered within a time, of both deployments', {
    height: 240,
    clip: true,
    x: {
      type: 'log',
      domain: [low / 1.4, Math.max(high * 1.6, ...shown.map(({ at }) => at * 1.1))],
      label: null,
      ticks: 6,
      tickFormat: (value: number) => ms(value),
    },
    y: { domain: [0, 1], label: null, grid: true, ticks: 5, tickFormat: (share: number) => percent(share) },
    marks: [
      Plot.lineY(rows, { x: 'edgeMs', y: 'share', z: 'arm', stroke: colour, strokeWidth: 2 }),
      Plot.dot(rows, { x: 'edgeMs', y: 'share', r: 1.6, fill: colour }),
      Plot.ruleX(shown, { x: 'at', stroke: 'var(--limit)', strokeDasharray: '6 4' }),
      Plot.text(shown, {
        x: 'at',
        text: ({ name, at }: { readonly name: string; readonly at: number }) => `${name}: ${ms(at)}`,
        frameAnchor: 'bottom',
        textAnchor: 'end',
        dx: -5,
        dy: -8,
        fill: 'var(--limit)',
        stroke: 'var(--paper)',
      }),
    ],
  });
}

function cumulative(
  edgesMs: readonly number[],
  arm: ArmCounts | null,
): readonly { readonly edgeMs: number; readonly share: number }[] {
  if (arm === null) return [];
  const total = arm.buckets.reduce((sum, count) => sum + count, 0);
  let below = 0;
  return edgesMs.map((edgeMs, i) => {
    below += arm.buckets[i] ?? 0;
    return { edgeMs, share: below / total };
  });
}
