import type { DeploymentState } from '../../core/endpoint.js';
import type { RolloutReport } from '../../core/run.js';
import type { Traffic } from '../../core/traffic.js';
import type { Answer } from '../../demo/load.js';
import type { Seen } from './points.js';
import type { Look } from './sampler.js';
import type { ReferenceSpec } from './specs.js';
import type { Victim } from './world.js';

/** A deployment that is there at the end, once what was killed had time to come back. */
export type Left = Pick<DeploymentState, 'name' | 'state' | 'instances'>;

/** What was seen of one rollout while something was killed. */
export interface CellFacts {
  readonly spec: ReferenceSpec;
  /** null = nothing was to be killed. */
  readonly victim: Victim | null;
  /** When SIGKILL was sent, and when the part was started again, milliseconds since the epoch; null = it was not. */
  readonly killedAtMs: number | null;
  /** When nothing was there to get it; null = something was, or that moment did not come. */
  readonly missedAtMs: number | null;
  readonly mendedAtMs: number | null;
  /** When green, good until then, was made to fail every request; null = it was not. */
  readonly brokeAtMs: number | null;
  /** null = it ended without one, or not in time. */
  readonly report: RolloutReport | null;
  /** Outcome of the report; `no end` when there was none in time. */
  readonly outcome: string;
  readonly events: readonly Seen[];
  /** From the decision to the endpoint read back; null without a rollback. */
  readonly rollbackMs: number | null;
  /** The endpoint at the end, read back. */
  readonly traffic: Traffic;
  readonly deployments: readonly Left[];
  /** Traffic in the order in which it was seen. */
  readonly way: readonly Traffic[];
  readonly wrongSums: readonly string[];
  /** When the endpoint was read, milliseconds since the epoch. */
  readonly readsMs: readonly number[];
  readonly looks: readonly Look[];
  /** Operations that the target ended well, by what they did: `deployment-put green`. */
  readonly operations: readonly string[];
  /** How many writes of shares the target may have recorded. */
  readonly writes: number;
  /** Restarts of the deployment that is left. */
  readonly restarts: number;
  readonly answers: readonly Answer[];
}

/** Events, answers and kills have their times from the same clock, read a moment before or after. */
export const CLOCK_MS = 50;
/** A client that had sent its request before the kill may get its error after it; a broken part is found in probes. */
export const AFTERMATH_MS = 8_000;

/** Whether what was killed may be dead at that time, or not be back altogether. */
export function mayBeDead(atMs: number, { killedAtMs, mendedAtMs }: CellFacts): boolean {
  if (killedAtMs === null || atMs < killedAtMs - CLOCK_MS) return false;
  return mendedAtMs === null || atMs <= mendedAtMs + AFTERMATH_MS;
}

/** The part that a rollout may end otherwise for, if it really was killed. */
export function killed({ victim, killedAtMs }: CellFacts): Victim | null {
  return killedAtMs === null ? null : victim;
}
