import type {
  CollectorState,
  GateEvidence,
  GateSetup,
  GateState,
  OwnCollectors,
  RecordedLook,
} from './gates/index.js';
import type { EndpointRef } from './activities.js';
import type { MetricsSnapshot } from './metrics.js';
import type { Gate, Watching } from './plan.js';
import type { Traffic } from './traffic.js';

export type { GateEvidence } from './gates/index.js';

/** What a watch carries from look to look, window to window and step to step. Plain data, versioned. */
export interface WatchMemory {
  readonly v: 1;
  /** Index of the plan's step that the step clock belongs to. */
  readonly stepIndex: number;
  /** When the watch of this step began. */
  readonly enteredAtMs: number;
  /** Gates with their edges frozen; null until the metric source first gave enough to set them up. */
  readonly setup: GateSetup | null;
  readonly state: GateState | null;
  readonly collector: CollectorState | null;
  /** Collectors of the user's own metrics, by gate; left out where the plan has none. */
  readonly own?: OwnCollectors;
  /** Since when no look could be taken, milliseconds since the epoch; null while metrics come in. */
  readonly blindSinceMs: number | null;
  /** What this window's looks counted: the decision record. Empty when a window begins. */
  readonly record: readonly RecordedLook[];
  /** Restarts of green's instances before it got traffic; null where the target cannot tell. */
  readonly restartsBefore: number | null;
}

/** What travels in a watch's heartbeat: its memory, for the next attempt, and its evidence, for people. */
export interface WatchBeat {
  readonly v: 1;
  readonly sentence: string;
  readonly evidence: readonly GateEvidence[];
  readonly memory: WatchMemory;
}

export interface WatchInput extends EndpointRef {
  readonly stepIndex: number;
  readonly baseline: string;
  readonly green: string;
  /** Traffic that the rollout wrote: anything else is drift. */
  readonly expected: Traffic;
  /** How green gets its requests in this step. */
  readonly kind: 'live' | 'mirror';
  /**
   * `judge`: breach, pass and undecided are all possible. `guard`: only a breach is; the step's clock stands still
   * (approval, pause, hold, bake).
   */
  readonly mode: 'judge' | 'guard';
  /** After cutover there is no concurrent baseline: relative gates become limits taken from what it did before. */
  readonly alone: boolean;
  readonly watching: Watching;
  /** All gates of the plan: the share of alpha of each does not depend on the step. */
  readonly gates: readonly Gate[];
  /** Names of the gates that this step listens to. */
  readonly active: readonly string[];
  readonly dwell: { readonly atLeastMs: number; readonly atMostMs: number };
  /** Sum of the longest dwells of all watched steps of the plan. */
  readonly plannedMs: number;
  /** How many of them there are. Left out in windows of older versions. */
  readonly plannedSteps?: number;
  /** Dispersion at the end of the endpoint's last rollout, by gate. */
  readonly carriedDispersion?: Readonly<Record<string, number>>;
  /** How long this window may last. */
  readonly windowMs: number;
  /** Counters at preflight, for the baseline's histogram before the gates start. */
  readonly before: MetricsSnapshot | null;
  readonly memory: WatchMemory | null;
}

export interface WatchResult {
  /** `window-over`: nothing decided; look on. `drift`: the traffic is not what the rollout wrote. */
  readonly verdict: 'breach' | 'pass' | 'undecided' | 'window-over' | 'drift';
  /** One sentence with numbers. */
  readonly sentence: string;
  readonly evidence: readonly GateEvidence[];
  /** What the endpoint shows instead, for `drift`; null when the endpoint or a deployment is gone. */
  readonly observed: Traffic | null;
  readonly memory: WatchMemory;
}
