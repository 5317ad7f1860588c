import type {
  CollectorState,
  GateEvidence,
  GateSetup,
  GateState,
  OwnCollectors,
  RecordedLook,
} from './gates/index.js';
import type { DeploymentSpec } from './deployment.js';
import type { Drift, Scaled, Written } from './drift.js';
import type { EndpointRef } from './activities.js';
import type { MetricsSnapshot } from './metrics.js';
import type { Dwell, Gate, Watching } from './plan.js';
import type { Traffic } from './traffic.js';

export type { GateEvidence } from './gates/index.js';

/** What a watch carries from look to look, window to window and step to step. Plain data, versioned. */
export interface WatchMemory {
  readonly v: 1;
  /** Index of the plan's step that the step clock belongs to. */
  readonly stepIndex: number;
  /** When the watch of this step began. */
  readonly enteredAtMs: number;
  /** How much of the time since then nothing is known of green for; left out by workers that did not count it. */
  readonly lostMs?: number;
  /** What was lost since people were told that the gates see nothing; it counts in `lostMs` once they see again. */
  readonly lostBlindMs?: number;
  /** How far the newest metrics may be behind while all is well; left out where they tell of now, and by older workers. */
  readonly lagMs?: number;
  /** Gates with their edges frozen; null until the metric source first gave enough to set them up. */
  readonly setup: GateSetup | null;
  readonly state: GateState | null;
  readonly collector: CollectorState | null;
  /** How green got its requests when the collector last read; left out by workers that did not say. */
  readonly kind?: 'live' | 'mirror';
  /** When green's counters started anew before the collector did, newest last. */
  readonly resetsMs?: readonly number[];
  /** Collectors of the user's own metrics, by gate; left out where the plan has none. */
  readonly own?: OwnCollectors;
  /** Since when no look could be taken, milliseconds since the epoch; null while metrics come in. */
  readonly blindSinceMs: number | null;
  /** Looks in a row that could not read the endpoint, and when the first was; left out while it can be read, and by older workers. */
  readonly unread?: { readonly sinceMs: number; readonly looks: number };
  /** What this window's looks counted: the decision record. Empty when a window begins. */
  readonly record: readonly RecordedLook[];
  /** Restarts of green's instances before it got traffic; null where the target cannot tell. */
  readonly restartsBefore: number | null;
}

/**
 * For the next watch to enter its step anew, with its warm-up and without the evidence for a pass: what green got until
 * now came at another share, or not at all.
 */
export function leaveStep(memory: WatchMemory): WatchMemory {
  return { ...memory, stepIndex: NO_STEP };
}

const NO_STEP = -1;

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
  /** What green was created with: its last words may quote the secrets that they name. Left out by older workflows. */
  readonly environmentVariables?: DeploymentSpec['environmentVariables'];
  /** Traffic in force: what the rollout wrote, or what someone else made of it. */
  readonly expected: Traffic;
  /** Traffic that the rollout wrote, instances that it knows, and whether it made green: anything else is drift. */
  readonly written: Pick<Written, 'traffic' | 'instances' | 'madeBy'>;
  /** Drift that the rollout is held for already: told only when it changes. */
  readonly held: Drift | null;
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
  readonly dwell: Dwell;
  /** Sum of the longest dwells of all watched steps of the plan. */
  readonly plannedMs: number;
  /** How many of them there are. Left out in windows of older versions. */
  readonly plannedSteps?: number;
  /** Dispersion at the end of the endpoint's last rollout, by gate. */
  readonly carriedDispersion?: Readonly<Record<string, number>>;
  /** How long this window may last, from when it was scheduled. */
  readonly windowMs: number;
  /** The step's own time is over with this window. Left out in windows of older versions. */
  readonly final?: boolean;
  /** Of which so much is to have been seen, from the step's first look on and without what is lost. */
  readonly seenMs?: number;
  /** The rollout says already that it sees nothing; a window ends as soon as that is not so any more, or only now so. */
  readonly blind: boolean;
  /** The same, of an endpoint that cannot be read. Left out by older workflows. */
  readonly unread?: boolean;
  /** Counters at preflight, for the baseline's histogram before the gates start. */
  readonly before: MetricsSnapshot | null;
  readonly memory: WatchMemory | null;
}

export interface WatchResult {
  /** `window-over`: nothing decided; look on. `drift`: the endpoint is not what the rollout wrote, or is so again. */
  readonly verdict: 'breach' | 'pass' | 'undecided' | 'window-over' | 'drift';
  /** One sentence with numbers. */
  readonly sentence: string;
  readonly evidence: readonly GateEvidence[];
  /**
   * What the endpoint shows, for `drift`, and for a `breach` where it is not as written; null when the endpoint or a deployment
   * is gone. Older workers tell it for `drift` only.
   */
  readonly observed: Traffic | null;
  /** Who has fewer instances, for `drift` and `breach`; left out by older workers. */
  readonly scaled?: readonly Scaled[];
  /** Who is another now, for `drift` and `breach`; left out where nobody is, and by older workers. */
  readonly replaced?: Drift['replaced'];
  /**
   * Why the gates see nothing, and have not for so long that a person should know (`blindAfterMs`); null = they do. Left
   * out by workers that do not tell.
   */
  readonly blind?: string | null;
  /** What the target says to who reads the endpoint, where that could not be read for as long. Left out where it can, and by older workers. */
  readonly unread?: string;
  /** When it was answered, by Temporal's clock. Left out by older workers, as is what follows. */
  readonly atMs?: number;
  /** The window was the step's last, and went to its end. */
  readonly timeOver?: boolean;
  /** For how long no look had told anything then. */
  readonly blindForMs?: number;
  /** That green failed at least half of the step's requests until then, in words. */
  readonly failed?: string;
  /** A look saw the baseline answer with all the instances that are wanted, and nobody but an autoscaler had taken any away. */
  readonly baselineAnswers?: true;
  readonly memory: WatchMemory;
}

/** What someone else made of the endpoint, as the looks of a window found it. */
export function driftOfWindow({ observed, scaled = [], replaced }: WatchResult): Drift {
  return { observed, scaled, replaced };
}

/** How many looks may find nothing before people are told, at the most and the least, and how long that may take. */
const MOST_BLIND_LOOKS = 12;
export const LEAST_BLIND_LOOKS = 3;
const BLIND_MS = 60_000;

/** How long gates may see nothing before the rollout shows it: twelve looks or a minute, and never less than three looks. */
export function blindAfterMs({ intervalMs }: Pick<Watching, 'intervalMs'>): number {
  return Math.max(LEAST_BLIND_LOOKS * intervalMs, Math.min(MOST_BLIND_LOOKS * intervalMs, BLIND_MS));
}

/** Whether a look cannot see what the rollout does not say yet that it cannot, or sees it again. */
export function seesOtherwise(
  { blind, unread = false }: Pick<WatchInput, 'blind' | 'unread'>,
  result: Pick<WatchResult, 'blind' | 'unread'>,
): boolean {
  return (typeof result.blind === 'string') !== blind || (result.unread !== undefined) !== unread;
}
