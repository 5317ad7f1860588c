import * as Plot from '@observablehq/plot';
import type { RecordedWindow } from '../core/decision-record.js';
import { instantText } from '../core/units.js';
import type { ReportData, Story } from './data.js';
import type { Html } from './html.js';
import { draw } from './plot.js';
import { sharesOf } from './shares.js';
import { clockOf, stepNumbers, stepRules, timeAxis } from './time-marks.js';
import { ACTED } from '../core/status-text.js';

const SIGN: Readonly<Partial<Record<RecordedWindow['verdict'], string>>> = {
  pass: '✓',
  breach: '✗',
  undecided: '?',
  drift: '!',
};

/** Green's shares over time, with where steps began, what gates said and what people did. */
export function shareChart(data: ReportData, story: Story): Html {
  const points = sharesOf(data, story).map((point) => ({ ...point, at: new Date(point.atMs) }));
  const mirrored = points.some(({ mirror }) => mirror > 0);
  const verdicts = data.record.windows.flatMap((window) => {
    const sign = SIGN[window.verdict];
    return sign === undefined ? [] : [{ at: new Date(window.endedAtMs), sign, ...window }];
  });
  const people = story.actions.map((action) => ({
    at: new Date(action.atMs),
    title: `${instantText(action.atMs)}: ${action.by} ${ACTED[action.kind]}${action.reason ? `: ${action.reason}` : ''}`,
  }));
  return draw("Green's share of traffic over time", {
    height: 190,
    x: timeAxis(clockOf(data)),
    y: { domain: [0, 100], label: null, ticks: 5, tickFormat: (share: number) => `${share} %` },
    marks: [
      stepRules(story, data),
      Plot.areaY(points, {
        x: 'at',
        y1: 0,
        y2: 'live',
        curve: 'step-after',
        fill: 'var(--green)',
        fillOpacity: 0.25,
      }),
      Plot.lineY(points, { x: 'at', y: 'live', curve: 'step-after', stroke: 'var(--green)', strokeWidth: 2 }),
      mirrored
        ? Plot.lineY(points, {
            x: 'at',
            y: 'mirror',
            curve: 'step-after',
            stroke: 'var(--green)',
            strokeDasharray: '3 3',
            strokeWidth: 1.5,
          })
        : null,
      Plot.ruleY([0], { stroke: 'var(--faint)' }),
      stepNumbers(story, data),
      Plot.text(verdicts, {
        x: 'at',
        text: 'sign',
        title: 'sentence',
        frameAnchor: 'top',
        dy: 9,
        fontSize: 14,
        fontWeight: 700,
        fill: (verdict: { readonly sign: string }) => (verdict.sign === '✓' ? 'var(--good)' : 'var(--bad)'),
      }),
      Plot.text(people, {
        x: 'at',
        text: () => '◆',
        title: 'title',
        frameAnchor: 'bottom',
        dy: -6,
        fontSize: 12,
        fill: 'var(--human)',
      }),
    ],
  });
}
