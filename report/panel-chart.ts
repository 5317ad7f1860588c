import * as Plot from '@observablehq/plot';
import { ms, percent, plain } from '../core/gates/words.js';
import type { ReportData, Story } from './data.js';
import type { Html } from './html.js';
import type { Panel, PanelPoint } from './panels.js';
import { draw } from './plot.js';
import { clockOf, stepRules, timeAxis } from './time-marks.js';

const SAY: Readonly<Record<Panel['unit'], (value: number) => string>> = { ms, share: percent, value: plain };

/** One measure of both deployments over time, with bands and limits. */
export function panelChart(panel: Panel, data: ReportData, story: Story): Html {
  const points = panel.points.map((point) => ({ ...point, at: new Date(point.atMs) }));
  const colour = ({ arm }: PanelPoint): string => `var(--${arm})`;
  const limits = panel.limits.map((limit) => ({
    ...limit,
    points: limit.points.map((point) => ({ ...point, at: new Date(point.atMs) })),
  }));
  return draw(`${panel.title} of both deployments over time`, {
    height: 210,
    clip: true,
    x: timeAxis(clockOf(data)),
    y: {
      domain: [0, topOf(panel)],
      label: null,
      grid: true,
      ticks: 5,
      tickFormat: SAY[panel.unit],
    },
    marks: [
      stepRules(story, data),
      Plot.areaY(points, { x: 'at', y1: 'low', y2: 'high', z: 'run', fill: colour, fillOpacity: 0.16 }),
      Plot.lineY(points, { x: 'at', y: 'value', z: 'run', stroke: colour, strokeWidth: 1.75 }),
      // A step so short that it has one point would draw no line.
      Plot.dot(points, { x: 'at', y: 'value', r: points.length > 60 ? 0.9 : 2, fill: colour }),
      ...limits.flatMap(({ points: along, text }) => [
        Plot.lineY(along, {
          x: 'at',
          y: 'value',
          z: 'run',
          stroke: 'var(--limit)',
          strokeDasharray: '6 4',
          strokeWidth: 1.5,
        }),
        Plot.text(along.slice(-1), {
          x: 'at',
          y: 'value',
          text: () => text,
          textAnchor: 'end',
          dy: -7,
          fill: 'var(--limit)',
          stroke: 'var(--paper)',
          clip: false,
        }),
      ]),
    ],
  });
}

/** High enough for every point and limit; a band may leave the frame, as one of few requests would fill it alone. */
function topOf({ points, limits, unit }: Panel): number {
  const most = Math.max(
    ...points.map(({ value }) => value),
    ...limits.flatMap(({ points: along }) => along.map(({ value }) => value)),
    // An endpoint without a single error still shows how sure that is.
    ...(unit === 'share' ? [quietTop(points)] : []),
  );
  return most > 0 ? most * 1.2 : 1;
}

function quietTop(points: readonly PanelPoint[]): number {
  const highs = points.map(({ high }) => high).sort((a, b) => a - b);
  return highs[Math.floor(highs.length / 2)] ?? 0;
}
