import * as Plot from '@observablehq/plot';
import { instantText } from '../core/units.js';
import type { ReportData, Story } from './data.js';
import { WIDTH } from './plot.js';

/** The time axis that all charts share. */
export interface Clock {
  readonly fromMs: number;
  readonly toMs: number;
}

export function clockOf({ startedAtMs, endedAtMs, nowMs }: ReportData): Clock {
  return { fromMs: startedAtMs, toMs: Math.max(endedAtMs ?? nowMs, startedAtMs + 1_000) };
}

const DAY_MS = 86_400_000;

export function timeAxis({ fromMs, toMs }: Clock): Plot.ScaleOptions {
  const lasts = toMs - fromMs;
  // `2026-11-21 14:02:07 UTC`, as much of it as tells ticks of this axis apart.
  const [from, to] =
    lasts > 6 * DAY_MS ? [5, 10] : lasts >= DAY_MS ? [5, 16] : lasts > 10 * 60_000 ? [11, 16] : [11, 19];
  return {
    type: 'utc',
    domain: [new Date(fromMs), new Date(toMs)],
    label: null,
    ticks: 8,
    tickFormat: (at: Date) => instantText(at.getTime()).slice(from, to),
  };
}

interface StepStart {
  readonly at: Date;
  readonly number: string;
  readonly title: string;
}

/** Two numbers closer than this would be printed over each other, pixels. */
const APART = 15;

/** A line where each step began. */
export function stepRules(story: Story, data: ReportData): Plot.Markish {
  return Plot.ruleX(
    startsOf(story, data).map(({ at }) => at),
    { stroke: 'var(--faint)' },
  );
}

/** The steps' numbers above the chart, as in the table of steps. */
export function stepNumbers(story: Story, data: ReportData): Plot.Markish {
  const clock = clockOf(data);
  const pixels = (at: Date): number =>
    ((at.getTime() - clock.fromMs) / (clock.toMs - clock.fromMs)) * (WIDTH - 82);
  const shown: StepStart[] = [];
  for (const start of startsOf(story, data)) {
    const last = shown.at(-1);
    if (last === undefined || pixels(start.at) - pixels(last.at) >= APART) shown.push(start);
  }
  return Plot.text(shown, {
    x: 'at',
    text: 'number',
    title: 'title',
    frameAnchor: 'top',
    dy: -12,
    fill: 'var(--muted)',
    fontWeight: 600,
  });
}

function startsOf({ steps }: Story, { ending, record }: ReportData): readonly StepStart[] {
  const done = steps.map((step, i) => ({
    at: new Date(step.startedAtMs),
    number: String(i + 1),
    title: `${step.label}, from ${instantText(step.startedAtMs)}`,
  }));
  if (ending.kind === 'report') return done;
  // What is not over yet, or was never told: as far as windows know it.
  const first = new Map<number, number>();
  for (const { stepIndex, startedAtMs } of record.windows) {
    if (!first.has(stepIndex)) first.set(stepIndex, startedAtMs);
  }
  return [
    ...done,
    ...[...first]
      .filter(([index]) => index >= steps.length)
      .map(([index, atMs]) => ({
        at: new Date(atMs),
        number: String(index + 1),
        title: `step ${index + 1}`,
      })),
  ];
}
