import type { RolloutStatus } from '../../core/messages.js';
import { normalTraffic } from '../../core/traffic.js';
import { durationText, shortDuration } from '../../core/units.js';
import { retryingText } from '../../client/retrying.js';
import { markOf } from '../follow.js';
import type { ActName } from '../../client/send-action.js';
import { gateRow, type GateRow, type LookHistory } from './gate-rows.js';

export type Tone = 'good' | 'bad' | 'busy' | 'quiet' | 'plain';

export interface StepLine {
  readonly mark: string;
  readonly tone: Tone;
  readonly label: string;
  readonly text: string;
}

export interface ShareBar {
  readonly name: string;
  /** Whole percent. */
  readonly percent: number;
  readonly kind: 'live' | 'mirror';
  readonly isGreen: boolean;
}

/** A key that does something now. */
export interface Key {
  readonly key: string;
  readonly name: ActName | 'leave';
  readonly text: string;
  readonly reason: 'none' | 'optional' | 'required';
}

/** All that the live view shows of one instant. Plain data: what draws it decides nothing. */
export interface Screen {
  readonly title: string;
  readonly phase: string;
  readonly elapsed: string;
  readonly steps: readonly StepLine[];
  readonly shares: readonly ShareBar[];
  /** Time in the step: how far to its end, 0 to 1, and in words; null where the step has no times. */
  readonly clock: { readonly fraction: number; readonly text: string } | null;
  readonly gates: readonly GateRow[];
  /** Why it stands still, and what is asked for again; empty while it moves. */
  readonly standstill: string;
  readonly next: string;
  readonly keys: readonly Key[];
}

export function screenOf(status: RolloutStatus, history: LookHistory, nowMs: number): Screen {
  return {
    title: `${status.endpoint} on ${status.target}: ${status.baseline || '?'} → ${status.green}`,
    phase: status.phase.replaceAll('-', ' '),
    elapsed: shortDuration(nowMs - status.startedAtMs),
    steps: stepLines(status, nowMs),
    shares: shareBars(status),
    clock: clockOf(status, nowMs),
    gates: status.evidence
      .filter(({ standing }) => standing !== 'idle')
      .map((evidence) => gateRow(evidence, history.get(evidence.gate)?.shares ?? [], status)),
    standstill: [standstillOf(status), retryOf(status)].filter((text) => text !== '').join('\n'),
    next: status.next,
    keys: keysOf(status),
  };
}

function stepLines(status: RolloutStatus, nowMs: number): readonly StepLine[] {
  return status.stepLabels.map((label, index): StepLine => {
    const done = status.steps[index];
    if (done !== undefined) {
      const text = `${done.result} (${shortDuration(done.endedAtMs - done.startedAtMs)})`;
      return { mark: markOf(done), tone: done.stopped ? 'bad' : 'good', label, text };
    }
    if (index !== status.stepIndex || status.phase === 'preflight') {
      return { mark: '·', tone: 'quiet', label, text: '' };
    }
    const stands = status.hold !== null || status.paused !== null;
    const text = `for ${shortDuration(nowMs - status.stepStartedAtMs)}`;
    return { mark: stands ? '‖' : '▶', tone: 'busy', label, text };
  });
}

function shareBars({ traffic, green }: RolloutStatus): readonly ShareBar[] {
  if (traffic === null) return [];
  const { live, mirror } = normalTraffic(traffic);
  const bars = (kind: ShareBar['kind'], shares: typeof live): ShareBar[] =>
    Object.entries(shares).map(([name, percent]) => ({ name, percent, kind, isGreen: name === green }));
  return [...bars('live', live), ...bars('mirror', mirror)];
}

function clockOf({ times, paused, hold }: RolloutStatus, nowMs: number): Screen['clock'] {
  if (times === undefined || times === null) return null;
  // A pause stops the clock until the person who paused resumes; only then is it known how long it was.
  // While gates see nothing, it runs on.
  const stoodSinceMs = hold?.kind === 'blind' ? undefined : hold?.sinceMs;
  const untilMs = paused?.sinceMs ?? stoodSinceMs ?? nowMs;
  const spentMs = Math.max(0, Math.min(untilMs, nowMs) - times.sinceMs);
  const { atLeastMs, atMostMs } = times;
  const range =
    atLeastMs === atMostMs || atLeastMs === 0
      ? durationText(atMostMs)
      : `${durationText(atLeastMs)} .. ${durationText(atMostMs)}`;
  const leftMs = atMostMs - spentMs;
  const left = leftMs > 0 ? `${shortDuration(leftMs)} left` : 'time is over';
  return {
    fraction: atMostMs === 0 ? 1 : Math.min(1, spentMs / atMostMs),
    text: `${shortDuration(spentMs)} of ${range}, ${paused === null ? left : 'clock stopped'}`,
  };
}

function standstillOf({ paused, hold, phase, actionsNow }: RolloutStatus): string {
  // A change from outside has two answers, which no single key can stand for.
  const drift = actionsNow.filter((command) => command.includes(' drift '));
  const how = drift.length === 0 ? '' : `\n${drift.map((command) => `  $ ${command}`).join('\n')}`;
  if (hold !== null) return `held: ${hold.because}${how}`;
  if (paused !== null) return `paused by ${paused.by}: ${paused.reason}`;
  return phase === 'waiting-for-approval' ? 'waits for approval' : '';
}

function retryOf({ retrying = null }: RolloutStatus): string {
  return retrying === null ? '' : `retrying: ${retryingText(retrying)}`;
}

const LEAVE: Key = { key: 'q', name: 'leave', text: 'leave (it goes on)', reason: 'none' };

/** As the rollout itself says: a key for each command that makes sense now. */
function keysOf({ actionsNow }: RolloutStatus): readonly Key[] {
  const offers = (name: string): boolean =>
    actionsNow.some((command) => command.startsWith(`greenlight ${name} `));
  const all: readonly Key[] = [
    { key: 'a', name: 'approve', text: 'approve', reason: 'optional' },
    { key: 'r', name: 'reject', text: 'reject', reason: 'required' },
    { key: 'p', name: 'pause', text: 'pause', reason: 'required' },
    { key: 'p', name: 'resume', text: 'resume', reason: 'optional' },
    { key: 'x', name: 'abort', text: 'abort', reason: 'required' },
  ];
  return [...all.filter(({ name }) => offers(name)), LEAVE];
}
