import type { Hold, HumanAction, Phase, StepRecord } from './run.js';
import type { Outcome } from './failures.js';
import type { GateEvidence } from './watch.js';
import type { Traffic } from './traffic.js';

/** The workflow's public name. Renaming it orphans running rollouts. */
export const ROLLOUT_WORKFLOW = 'rollout';

/**
 * A worker that dies with a decision in its hands is missed after so long, and another decides; Temporal's default is 10 s,
 * as long as a bad green goes on serving. A decision takes milliseconds: a worker that needs longer is repeated.
 */
export const DECISION_WITHIN_MS = 5_000;

/** Names of the messages that a rollout takes. */
export const MessageName = {
  status: 'status',
  approve: 'approve',
  reject: 'reject',
  pause: 'pause',
  resume: 'resume',
  abort: 'abort',
  resolveDrift: 'resolveDrift',
} as const;

/** Who acts, and why. */
export interface ActionInput {
  readonly by: string;
  readonly reason: string;
  /** The question that this answers (`Ask.id`); left out: whatever is asked now. */
  readonly ask?: string;
}

export interface ResolveDriftInput extends ActionInput {
  /** `adopt`: what stands there now is right, go on from it; `restore`: write again what the rollout wanted. */
  readonly choice: 'adopt' | 'restore';
}

/** How long a step lasts. */
export interface StepTimes {
  /** When its clock began, with all added that does not count (core/step-clock.ts): milliseconds since the epoch. */
  readonly sinceMs: number;
  readonly atLeastMs: number;
  readonly atMostMs: number;
}

/** What a target has not taken, and is asked for again. */
export interface Retrying {
  /** Name of the activity, as in core/activities.ts: `setTraffic`. */
  readonly activity: string;
  /** The one under way, or the next. */
  readonly attempt: number;
  /** Since when it is asked for, milliseconds since the epoch; null where Temporal does not tell. */
  readonly sinceMs: number | null;
  /** What the target answered last. */
  readonly because: string;
}

/** The answer of the status query. */
export interface RolloutStatus {
  readonly endpoint: string;
  readonly target: string;
  readonly baseline: string;
  readonly green: string;
  readonly phase: Phase;
  readonly outcome: Outcome | null;
  readonly startedAtMs: number;
  /** Labels of all steps, in order. */
  readonly stepLabels: readonly string[];
  /** Index of the step under way; equal to the number of steps at the end. */
  readonly stepIndex: number;
  readonly stepStartedAtMs: number;
  /** The times of the step under way; null where it has none of its own, left out by workers that know none. */
  readonly times?: StepTimes | null;
  /** What the rollout last wrote; null before the first reading. */
  readonly traffic: Traffic | null;
  readonly verdict: string;
  readonly evidence: readonly GateEvidence[];
  readonly hold: Hold | null;
  readonly paused: { readonly by: string; readonly reason: string; readonly sinceMs: number } | null;
  readonly next: string;
  /** Commands that make sense now. */
  readonly actionsNow: readonly string[];
  readonly steps: readonly StepRecord[];
  readonly actions: readonly HumanAction[];
  readonly notes: readonly string[];
  /** null: nothing is asked for again. Known to Temporal, and not to the workflow, whose own answer leaves it out. */
  readonly retrying?: Retrying | null;
}
