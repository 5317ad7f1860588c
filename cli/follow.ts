import { changesBetween, type RolloutChange } from '../client/events.js';
import { retryingText } from '../client/retrying.js';
import { commandsAfterIncomplete } from '../core/after-incomplete.js';
import type { RolloutStatus } from '../core/messages.js';
import type { RolloutReport, StepRecord } from '../core/run.js';
import { actionLine } from '../core/status-text.js';
import { trafficText } from '../core/traffic.js';
import { shortDuration } from '../core/units.js';

/**
 * What happened between two answers of the status query, one plain line per change, in the order in which it happened.
 *
 * Pure: the same two answers give the same lines. `previous` is null before the first answer.
 */
export function changes(previous: RolloutStatus | null, next: RolloutStatus): string[] {
  const found = changesBetween(previous, next);
  const done = found.flatMap((change) => (change.kind === 'step-ended' ? [change.step] : []));
  return found.flatMap((change) => linesOf(change, previous, isTold(next, done)));
}

/** @param told - a step that is over, or a hold, gives the verdict as its reason: it is not told twice. */
function linesOf(change: RolloutChange, previous: RolloutStatus | null, told: boolean): readonly string[] {
  const { status } = change;
  switch (change.kind) {
    case 'begun':
      return status.phase === 'preflight'
        ? [headline(status), 'preflight: checks the endpoint, changes nothing']
        : [headline(status)];
    case 'acted':
      return [actionLine(change.action)];
    case 'step-ended':
      return [doneLine(status, change.step, change.index)];
    case 'rolling-back':
      return [told ? '↩ rolling back' : `↩ rolling back: ${change.because}`];
    case 'step-begun':
      return [`▶ ${change.index + 1}/${status.stepLabels.length} ${change.label}; next: ${status.next}`];
    case 'traffic':
      return [`traffic: ${trafficText(change.traffic)}`];
    case 'verdict':
      return told ? [] : [`verdict: ${change.verdict}`];
    case 'retrying':
      return [`retrying: ${retryingText(change.retrying)}`];
    case 'held':
      return [`held: ${change.hold.because}`, ...howToAct(status)];
    case 'approval-wanted':
      return ['waits for approval', ...howToAct(status)];
    case 'paused': {
      // Who paused, and why, was told as an action, unless this is the first answer.
      const { by, reason } = change.paused;
      return previous === null ? [`paused by ${by}: ${reason}`, ...howToAct(status)] : howToAct(status);
    }
    case 'note':
      return [`note: ${change.note}`];
    default:
      return change satisfies never;
  }
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
  const [look, revert] = commandsAfterIncomplete(report);
  return [
    `${END_TEXT[report.outcome]} after ${took}: ${report.reason}`,
    ...back,
    ...report.left.map((left) => `  left to do: ${left}`),
    ...(report.outcome === 'rollback-incomplete'
      ? [`  now: look at it with \`${look}\`, then \`${revert}\``]
      : []),
  ];
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

/** Whether a step that is over, or a hold, gives the verdict as its reason: it is not told twice. */
function isTold({ verdict, hold }: RolloutStatus, done: readonly StepRecord[]): boolean {
  return done.some((step) => step.result.includes(verdict)) || (hold?.because.includes(verdict) ?? false);
}

function howToAct(status: RolloutStatus): readonly string[] {
  return status.actionsNow.map((command) => `  $ ${command}`);
}
