import type { RolloutStatus } from '../core/messages.js';
import type { RolloutReport, StepRecord } from '../core/run.js';
import { actionLine } from '../core/status-text.js';
import { sameTraffic, trafficText } from '../core/traffic.js';
import { shortDuration } from '../core/units.js';

/**
 * What happened between two answers of the status query, one plain line per change, in the order in which it happened.
 *
 * Pure: the same two answers give the same lines. `previous` is null before the first answer.
 */
export function changes(previous: RolloutStatus | null, next: RolloutStatus): string[] {
  const doneSteps = next.steps.slice(previous?.steps.length ?? 0);
  return [
    ...(previous === null ? [headline(next)] : []),
    ...next.actions.slice(previous?.actions.length ?? 0).map(actionLine),
    ...doneSteps.map((step, i) => doneLine(next, step, (previous?.steps.length ?? 0) + i)),
    ...rollbackLines(previous, next, doneSteps),
    ...begunLines(previous, next),
    ...trafficLines(previous, next),
    ...verdictLines(previous, next, doneSteps),
    ...standstillLines(previous, next),
    ...next.notes.slice(previous?.notes.length ?? 0).map((note) => `note: ${note}`),
  ];
}

/** Two looks that are told are at least so far apart; more, the longer the step lasts. */
const LOOKS_APART_MS = 5_000;
/** So long may green be without a request before that is news. */
const EMPTY_MS = 10_000;

/**
 * Whether a look is worth a line: always when a gate's standing changed, else now and then. A step of hours is told in
 * tens of lines, a step of seconds is not left in silence.
 */
export function isWorthTelling(
  told: RolloutStatus | null,
  look: RolloutStatus,
  times: { readonly nowMs: number; readonly lookToldAtMs: number },
): boolean {
  // The first looks of a step have nothing to say yet.
  const empty = look.evidence.every(({ green }) => green.requests === 0);
  if (empty && times.nowMs - look.stepStartedAtMs < EMPTY_MS) return false;
  if (told === null || told.stepIndex !== look.stepIndex) return true;
  if (standings(told) !== standings(look)) return true;
  const apartMs = Math.max(LOOKS_APART_MS, (times.nowMs - look.stepStartedAtMs) / 5);
  return times.nowMs - times.lookToldAtMs >= apartMs;
}

/** A status with the look that was told last: what is not worth a line must not look like a change later. */
export function keepLook(status: RolloutStatus, told: RolloutStatus | null): RolloutStatus {
  return told === null ? status : { ...status, verdict: told.verdict, evidence: told.evidence };
}

function standings(status: RolloutStatus): string {
  return status.evidence.map(({ gate, standing }) => `${gate} ${standing}`).join(', ');
}

/** How a rollout ended, as the last lines of its story. */
export function endLines(report: RolloutReport): string[] {
  const took = shortDuration(report.endedAtMs - report.startedAtMs);
  const back =
    report.rollbackMs === null
      ? []
      : [`  from the decision to the traffic read back: ${(report.rollbackMs / 1000).toFixed(1)} s`];
  return [
    `${END_TEXT[report.outcome]} after ${took}: ${report.reason}`,
    ...back,
    ...report.left.map((left) => `  left to do: ${left}`),
    ...(report.outcome === 'rollback-incomplete'
      ? [
          `  now: look at it with \`greenlight endpoint show ${report.endpoint}\`, then \`greenlight revert ${report.endpoint} --to ${report.baseline || 'BASELINE'}\``,
        ]
      : []),
  ];
}

/** The story's last answer: what a report adds to the newest status, so that no step is left untold. */
export function atTheEnd(last: RolloutStatus, report: RolloutReport): RolloutStatus {
  return {
    ...last,
    phase: 'finished',
    outcome: report.outcome,
    baseline: report.baseline,
    stepIndex: report.steps.length,
    hold: null,
    paused: null,
    steps: report.steps,
    actions: report.actions,
    notes: report.notes,
  };
}

const END_TEXT: Readonly<Record<RolloutReport['outcome'], string>> = {
  promoted: 'PROMOTED',
  'rolled-back': 'ROLLED BACK',
  aborted: 'ABORTED',
  rejected: 'REJECTED',
  'rollback-incomplete': 'ROLLBACK INCOMPLETE',
};

function headline(status: RolloutStatus): string {
  const from = status.baseline === '' ? '' : `${status.baseline} `;
  return `${status.endpoint} on ${status.target}: ${from}→ ${status.green}, ${status.stepLabels.length} steps`;
}

function doneLine(status: RolloutStatus, step: StepRecord, index: number): string {
  const took = shortDuration(step.endedAtMs - step.startedAtMs);
  return `${markOf(step)} ${index + 1}/${status.stepLabels.length} ${step.label}: ${step.result} (${took})`;
}

/** A step that was stopped in the middle did not do what it was for. */
export function markOf(step: StepRecord): '✓' | '✗' {
  return step.stopped ? '✗' : '✓';
}

function verdictLines(
  previous: RolloutStatus | null,
  next: RolloutStatus,
  done: readonly StepRecord[],
): readonly string[] {
  const { verdict, phase } = next;
  if (verdict === '' || verdict === previous?.verdict || phase === 'rolling-back' || phase === 'finished')
    return [];
  return isTold(next, done) ? [] : [`verdict: ${verdict}`];
}

function rollbackLines(
  previous: RolloutStatus | null,
  next: RolloutStatus,
  done: readonly StepRecord[],
): readonly string[] {
  if (next.phase !== 'rolling-back' || previous?.phase === 'rolling-back') return [];
  return [isTold(next, done) ? '↩ rolling back' : `↩ rolling back: ${next.verdict}`];
}

/** Whether a step that is over, or a hold, gives the verdict as its reason: it is not told twice. */
function isTold({ verdict, hold }: RolloutStatus, done: readonly StepRecord[]): boolean {
  return done.some((step) => step.result.includes(verdict)) || (hold?.because.includes(verdict) ?? false);
}

function begunLines(previous: RolloutStatus | null, next: RolloutStatus): readonly string[] {
  if (next.phase === 'preflight') {
    return previous === null ? ['preflight: checks the endpoint, changes nothing'] : [];
  }
  const label = next.stepLabels[next.stepIndex];
  const ends = next.phase === 'finished' || next.phase === 'rolling-back';
  const begun = previous === null || previous.phase === 'preflight' || previous.stepIndex !== next.stepIndex;
  if (label === undefined || ends || !begun) return [];
  return [`▶ ${next.stepIndex + 1}/${next.stepLabels.length} ${label}; next: ${next.next}`];
}

function trafficLines(previous: RolloutStatus | null, next: RolloutStatus): readonly string[] {
  if (next.traffic === null) return [];
  const before = previous?.traffic ?? null;
  if (before !== null && sameTraffic(before, next.traffic)) return [];
  return [`traffic: ${trafficText(next.traffic)}`];
}

/** Why it stands still, and what a person can do about it. */
function standstillLines(previous: RolloutStatus | null, next: RolloutStatus): readonly string[] {
  if (next.hold !== null && next.hold.because !== previous?.hold?.because) {
    return [`held: ${next.hold.because}`, ...howToAct(next)];
  }
  const asks = (status: RolloutStatus | null): boolean => status?.phase === 'waiting-for-approval';
  if (asks(next) && !asks(previous)) return ['waits for approval', ...howToAct(next)];
  if (next.paused !== null && (previous?.paused ?? null) === null) {
    // Who paused, and why, was told as an action, unless this is the first answer.
    return previous === null
      ? [`paused by ${next.paused.by}: ${next.paused.reason}`, ...howToAct(next)]
      : howToAct(next);
  }
  return [];
}

function howToAct(status: RolloutStatus): readonly string[] {
  return status.actionsNow.map((command) => `  $ ${command}`);
}
