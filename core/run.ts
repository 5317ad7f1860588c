import type { GateEvidence, WatchMemory } from './watch.js';
import type { Drift } from './drift.js';
import type { Outcome } from './failures.js';
import type { MetricsSnapshot } from './metrics.js';
import type { Ask, ChannelRef, Notification } from './notification.js';
import type { Traffic } from './traffic.js';
import type { Undo } from './undo.js';

/** Where a rollout is, for people, search attributes and metrics. */
export type Phase =
  | 'preflight'
  | 'creating'
  | 'smoke-testing'
  | 'mirroring'
  | 'ramping'
  | 'waiting-for-approval'
  | 'cutting-over'
  | 'baking'
  | 'deleting-baseline'
  | 'held'
  | 'paused'
  | 'rolling-back'
  | 'finished';

/** What looks may not be able to see. */
export type Unseen = 'metrics' | 'endpoint';

/**
 * The gates see nothing: nothing is concluded until they do again, or the step's own time is over. Or the endpoint cannot be
 * read: the gates judge on without that.
 */
export interface BlindHold {
  readonly kind: 'blind';
  /** Since when no look saw it. */
  readonly sinceMs: number;
  readonly because: string;
  /** What is not seen; left out by older workers: metrics. */
  readonly unseen?: readonly Unseen[];
}

/** The gates could not decide in their step's time. */
interface UndecidedHold {
  readonly kind: 'undecided';
  readonly sinceMs: number;
  readonly because: string;
}

/** Someone else changed the endpoint. */
export interface DriftHold extends Drift {
  readonly kind: 'drift';
  readonly sinceMs: number;
  readonly because: string;
  readonly expected: Traffic;
  /** What it was held for before, and is again afterwards. */
  readonly earlier: UndecidedHold | null;
}

/** Why a rollout stands still and waits for a person, or, `blind`, cannot see what it waits for. */
export type Hold = BlindHold | UndecidedHold | DriftHold;

/** What a person did, and why. Kept in the run's result. */
export interface HumanAction {
  readonly kind: 'approve' | 'reject' | 'pause' | 'resume' | 'abort' | 'drift-adopt' | 'drift-restore';
  readonly by: string;
  readonly reason: string;
  readonly atMs: number;
}

/** A message that was taken: one of the same id and name is the same, sent again. */
export interface Heard {
  readonly id: string;
  readonly name: string;
  readonly answer: string;
}

/** One step that is over. */
export interface StepRecord {
  readonly label: string;
  /** It did not reach its end: what `result` says stopped the rollout. */
  readonly stopped: boolean;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly result: string;
  readonly evidence: readonly GateEvidence[];
}

/**
 * All that a run remembers: plain data, so that it survives continue-as-new.
 *
 * Every step can be entered again: its writes are absolute, and what it had seen stands in `memory`.
 */
export interface RunState {
  readonly stateVersion: 1;
  startedAtMs: number;
  baseline: string;
  /** Traffic before the rollout touched it; null until preflight has read it. */
  before: Traffic | null;
  /** What the rollout last wrote, or meant to write. */
  expected: Traffic | null;
  stepIndex: number;
  stepStartedAtMs: number;
  /** How long pauses and holds for drift have stopped the clock of the step under way. */
  stepPausedMs: number;
  /** Since when such a one stops it now. */
  clockStoppedAtMs?: number;
  /** The step under way has written its traffic. */
  shifted: boolean;
  /** The step's own time is over and its gates could not decide. */
  hold: UndecidedHold | DriftHold | null;
  /** The gates of the step under way see nothing, or nobody can read the endpoint. */
  blind: BlindHold | null;
  paused: { readonly by: string; readonly reason: string; readonly sinceMs: number } | null;
  /** Given for the step under way; taken when it ends. */
  approval: HumanAction | null;
  /** How many instances the deployments had when the rollout last had a say, by name. */
  instances: Readonly<Record<string, number>>;
  undos: readonly Undo[];
  /** Green stood there before the rollout: a rollback leaves it. */
  adopted: boolean;
  /** An autoscaler counts the baseline's instances: they are held before its traffic goes. */
  autoscaled?: boolean;
  /** When the last window was answered, by Temporal's clock. */
  lookedAtMs?: number;
  /** A write of traffic was begun that is not known to have ended. */
  unsettled?: boolean;
  /** A person has settled what someone else made of the traffic, and nothing was written: the next write takes the rules over. */
  takeOver?: boolean;
  /** Counters at preflight, until the gates are set up from them. */
  metricsBefore: MetricsSnapshot | null;
  /** Gates and collector, carried from window to window and from step to step. */
  memory: WatchMemory | null;
  /** The newest verdict in words, and its evidence. */
  verdict: string;
  evidence: readonly GateEvidence[];
  steps: readonly StepRecord[];
  actions: readonly HumanAction[];
  /** The newest messages that were taken; left out until there is one. */
  heard?: readonly Heard[];
  /** What a person should know but nothing failed of: a baseline that could not be deleted, say. */
  notes: readonly string[];
  /** The question that is open now: set while a person is asked, and gone with the answer. */
  ask?: Ask | null;
  /** What is told, and to whom; left out where nobody is. */
  telling?: TellingState;
}

/** What is still to be told, by channel, oldest first. */
export interface TellingState {
  readonly channels: readonly ChannelRef[];
  /** Of the last notification. */
  readonly sequence: number;
  readonly pending: readonly (readonly Notification[])[];
  /** Channels that could not be told something, by their place: said once each. */
  readonly failed: readonly number[];
}

/** The result of a rollout, and the details of its failure. */
export interface RolloutReport {
  readonly outcome: Outcome;
  readonly endpoint: string;
  readonly target: string;
  readonly baseline: string;
  readonly green: string;
  /** One sentence: why it ended so. */
  readonly reason: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** From the decision to roll back to the endpoint read back; null where nothing was rolled back. */
  readonly rollbackMs: number | null;
  readonly steps: readonly StepRecord[];
  readonly actions: readonly HumanAction[];
  readonly notes: readonly string[];
  /** What the gates learned of this endpoint's noise, by gate: the next rollout begins with it. */
  readonly dispersion: Readonly<Record<string, number>>;
  /** Only for `rollback-incomplete`: what is left to do, in words. */
  readonly left: readonly string[];
}
