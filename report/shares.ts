import type { StepRecord } from '../core/run.js';
import { shareOf, type Traffic } from '../core/traffic.js';
import type { ReportData, Story } from './data.js';

/** Green's shares from an instant on, whole percent. */
export interface SharePoint {
  readonly atMs: number;
  readonly live: number;
  readonly mirror: number;
}

/**
 * How green's shares went, by the steps that ended and the windows that were watched. Steps change shares as they begin
 * (a cutover, as it ends); windows know what the endpoint showed, also after a person changed it.
 */
export function sharesOf(
  { record, ending, startedAtMs, endedAtMs, nowMs }: ReportData,
  story: Story,
): readonly SharePoint[] {
  const green = record.plan.deployment.name;
  const of = (atMs: number, traffic: Traffic): SharePoint => ({
    atMs,
    live: shareOf(traffic.live, green),
    mirror: shareOf(traffic.mirror, green),
  });
  const points: SharePoint[] = [
    { atMs: startedAtMs, live: 0, mirror: 0 },
    ...story.steps.flatMap((step, i) => stepPoints(step, record.plan.steps[i])),
    ...record.windows.map((window) => of(window.startedAtMs, window.traffic)),
  ].sort((a, b) => a.atMs - b.atMs);
  const last = points.at(-1) ?? { atMs: startedAtMs, live: 0, mirror: 0 };
  const endMs = endedAtMs ?? nowMs;
  const stopped = story.steps.find((step) => step.stopped);
  if (stopped !== undefined && ending.kind === 'report' && ending.report.outcome !== 'rollback-incomplete') {
    const backMs = Math.min(endMs, stopped.endedAtMs + (story.rollbackMs ?? 0));
    return [
      ...points.filter(({ atMs }) => atMs < backMs),
      { atMs: backMs, live: 0, mirror: 0 },
      { atMs: endMs, live: 0, mirror: 0 },
    ];
  }
  if (ending.kind === 'running' && ending.status.traffic !== null) {
    return [
      ...points,
      of(Math.max(last.atMs, ending.status.stepStartedAtMs), ending.status.traffic),
      of(endMs, ending.status.traffic),
    ];
  }
  return [...points, { ...last, atMs: Math.max(last.atMs, endMs) }];
}

function stepPoints(
  record: StepRecord,
  step: ReportData['record']['plan']['steps'][number] | undefined,
): readonly SharePoint[] {
  switch (step?.kind) {
    case 'mirror':
      return [{ atMs: record.startedAtMs, live: 0, mirror: step.percent }];
    case 'ramp':
      return [{ atMs: record.startedAtMs, live: step.percent, mirror: 0 }];
    case 'cutover':
      return record.stopped ? [] : [{ atMs: record.endedAtMs, live: 100, mirror: 0 }];
    default:
      return [];
  }
}
