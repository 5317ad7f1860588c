import { retryingText } from '../client/retrying.js';
import type { RolloutStatus } from '../core/messages.js';
import type { RolloutReport, StepRecord } from '../core/run.js';
import { actionLine, gateLine } from '../core/status-text.js';
import { trafficText } from '../core/traffic.js';
import { instantText } from '../core/units.js';
import { endLines, markOf } from './follow.js';
import { columns, indent } from './output.js';
import { shortDuration } from '../core/units.js';

/** A rollout under way, for people: where it stands, why, and what can be done now. */
export function statusText(status: RolloutStatus, nowMs: number): string {
  const label = status.stepLabels[status.stepIndex];
  const position =
    label === undefined
      ? 'all steps done'
      : `step ${status.stepIndex + 1} of ${status.stepLabels.length}: ${label}, for ${shortDuration(nowMs - status.stepStartedAtMs)}`;
  const { retrying = null } = status;
  const facts: string[][] = [
    ['Phase', `${status.phase}, ${position}`],
    ['Traffic', status.traffic === null ? 'not read yet' : trafficText(status.traffic)],
    ['Verdict', status.verdict || 'none yet'],
    ...(status.hold === null
      ? []
      : [['Held', `${status.hold.because} (for ${shortDuration(nowMs - status.hold.sinceMs)})`]]),
    ...(status.paused === null ? [] : [['Paused', `by ${status.paused.by}: ${status.paused.reason}`]]),
    ...(retrying === null ? [] : [['Retrying', retryingText(retrying)]]),
    ['Next', status.next],
    ['Started', `${instantText(status.startedAtMs)}, ${shortDuration(nowMs - status.startedAtMs)} ago`],
  ];
  return [
    `${status.endpoint} on ${status.target}: ${status.baseline || '?'} → ${status.green}`,
    ...columns(facts),
    ...section('Steps', columns(stepRows(status))),
    ...section(
      'Gates',
      status.evidence.map((e) => gateLine(e, status)),
    ),
    ...section('People', status.actions.map(actionLine)),
    ...section('Notes', status.notes),
    ...section('How to act', status.actionsNow),
  ].join('\n');
}

/** A rollout that is over, for people. */
export function reportText(report: RolloutReport): string {
  return [
    `${report.endpoint} on ${report.target}: ${report.baseline || '?'} → ${report.green}`,
    ...endLines(report),
    `Started ${instantText(report.startedAtMs)}, ended ${instantText(report.endedAtMs)}`,
    ...section('Steps', columns(report.steps.map((step) => doneRow(step)))),
    ...section(
      'Gates',
      (report.steps.at(-1)?.evidence ?? []).map((e) => gateLine(e, report)),
    ),
    ...section('People', report.actions.map(actionLine)),
    ...section('Notes', report.notes),
  ].join('\n');
}

export function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', title, ...indent(lines)];
}

function stepRows(status: RolloutStatus): string[][] {
  return status.stepLabels.map((label, index) => {
    const done = status.steps[index];
    if (done !== undefined) return doneRow(done);
    if (index !== status.stepIndex) return ['·', label];
    return [status.hold !== null || status.paused !== null ? '‖' : '▶', label];
  });
}

function doneRow(step: StepRecord): string[] {
  return [markOf(step), step.label, `${step.result} (${shortDuration(step.endedAtMs - step.startedAtMs)})`];
}
