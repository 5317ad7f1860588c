import type { Retrying, RolloutStatus } from '../core/messages.js';
import type { Hold, HumanAction, RolloutReport, StepRecord } from '../core/run.js';
import { sameTraffic, type Traffic } from '../core/traffic.js';
import type { GateEvidence } from '../core/watch.js';
import type { Ended } from './find.js';

/** What happened to a rollout between two answers of its status query. `status` is the newer of them. */
export type RolloutChange = { readonly status: RolloutStatus } & (
  | {
      /** The first answer: what follows tells how it stands already. */
      readonly kind: 'begun';
    }
  | { readonly kind: 'acted'; readonly action: HumanAction }
  | { readonly kind: 'step-ended'; readonly index: number; readonly step: StepRecord }
  | { readonly kind: 'rolling-back'; readonly because: string }
  | { readonly kind: 'step-begun'; readonly index: number; readonly label: string }
  | { readonly kind: 'traffic'; readonly traffic: Traffic }
  | { readonly kind: 'verdict'; readonly verdict: string; readonly evidence: readonly GateEvidence[] }
  | { readonly kind: 'retrying'; readonly retrying: Retrying }
  | { readonly kind: 'held'; readonly hold: Hold }
  | { readonly kind: 'approval-wanted' }
  | { readonly kind: 'paused'; readonly paused: NonNullable<RolloutStatus['paused']> }
  | { readonly kind: 'note'; readonly note: string }
);

/** What `watch` gives. */
export type RolloutEvent =
  | RolloutChange
  /** No worker answers: the rollout stands safe in Temporal, and goes on with the next worker; then one answers again. */
  | { readonly kind: 'no-worker' }
  | { readonly kind: 'worker-back' }
  /** Temporal does not answer; it is asked on for five minutes. */
  | { readonly kind: 'temporal-away' }
  /** The last one. */
  | { readonly kind: 'ended'; readonly ended: Ended };

/**
 * What happened between two answers, in the order in which it happened. Pure.
 *
 * @param previous - null before the first answer.
 */
export function changesBetween(previous: RolloutStatus | null, status: RolloutStatus): RolloutChange[] {
  const [doneBefore, actedBefore, notedBefore] = [
    previous?.steps.length ?? 0,
    previous?.actions.length ?? 0,
    previous?.notes.length ?? 0,
  ];
  return [
    ...(previous === null ? [{ kind: 'begun', status } as const] : []),
    ...status.actions.slice(actedBefore).map((action): RolloutChange => ({ kind: 'acted', status, action })),
    ...status.steps
      .slice(doneBefore)
      .map((step, i): RolloutChange => ({ kind: 'step-ended', status, step, index: doneBefore + i })),
    ...rollingBack(previous, status),
    ...stepBegun(previous, status),
    ...traffic(previous, status),
    ...verdict(previous, status),
    ...retrying(previous, status),
    ...standstill(previous, status),
    ...status.notes.slice(notedBefore).map((note): RolloutChange => ({ kind: 'note', status, note })),
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
    retrying: null,
    steps: report.steps,
    actions: report.actions,
    notes: report.notes,
  };
}

function rollingBack(previous: RolloutStatus | null, status: RolloutStatus): RolloutChange[] {
  if (status.phase !== 'rolling-back' || previous?.phase === 'rolling-back') return [];
  return [{ kind: 'rolling-back', status, because: status.verdict }];
}

function stepBegun(previous: RolloutStatus | null, status: RolloutStatus): RolloutChange[] {
  const { phase, stepIndex: index } = status;
  const label = status.stepLabels[index];
  if (label === undefined || phase === 'preflight' || phase === 'finished' || phase === 'rolling-back') {
    return [];
  }
  const begun = previous === null || previous.phase === 'preflight' || previous.stepIndex !== index;
  return begun ? [{ kind: 'step-begun', status, index, label }] : [];
}

function traffic(previous: RolloutStatus | null, status: RolloutStatus): RolloutChange[] {
  const before = previous?.traffic ?? null;
  if (status.traffic === null || (before !== null && sameTraffic(before, status.traffic))) return [];
  return [{ kind: 'traffic', status, traffic: status.traffic }];
}

function verdict(previous: RolloutStatus | null, status: RolloutStatus): RolloutChange[] {
  const { verdict: words, phase, evidence } = status;
  if (words === '' || words === previous?.verdict || phase === 'rolling-back' || phase === 'finished') {
    return [];
  }
  return [{ kind: 'verdict', status, verdict: words, evidence }];
}

/** Less and less often, the longer it lasts: a rollback asks a thousand times an hour. */
function retrying(previous: RolloutStatus | null, status: RolloutStatus): RolloutChange[] {
  const { retrying: now = null } = status;
  if (now === null) return [];
  const before = previous?.retrying ?? null;
  const told = before?.activity === now.activity && doublings(before) === doublings(now);
  return told ? [] : [{ kind: 'retrying', status, retrying: now }];
}

function doublings({ attempt }: Retrying): number {
  return Math.floor(Math.log2(attempt));
}

/** Why it stands still: one reason at a time, the one that weighs most. */
function standstill(previous: RolloutStatus | null, status: RolloutStatus): RolloutChange[] {
  const { hold, phase, paused } = status;
  if (hold !== null && hold.because !== previous?.hold?.because) return [{ kind: 'held', status, hold }];
  const asks = previous?.phase !== phase || previous.stepIndex !== status.stepIndex;
  if (phase === 'waiting-for-approval' && asks) {
    return [{ kind: 'approval-wanted', status }];
  }
  if (paused !== null && (previous?.paused ?? null) === null) return [{ kind: 'paused', status, paused }];
  return [];
}
