import type { Outcome } from './failures.js';
import type { Hold, Phase } from './run.js';

/** Whose event it is. */
export interface RolloutName {
  readonly endpoint: string;
  /** `targetName(target)` of core/plan.ts. */
  readonly target: string;
}

/** A step that is over, one way or the other. */
interface StepEnded extends RolloutName {
  readonly phase: Phase;
  readonly durationMs: number;
  /** It did not reach its end: the rollout goes back. */
  readonly stopped: boolean;
}

interface RolloutEnded extends RolloutName {
  readonly outcome: Outcome;
  readonly durationMs: number;
  /** From the decision to roll back to the traffic read back; null where no traffic was put back. */
  readonly rollbackMs: number | null;
}

/**
 * What a rollout tells its worker for metrics, outside of its history: told once, not when it is replayed; a worker that
 * dies at that moment may lose one. Nothing is decided by them.
 */
export interface RolloutEvents {
  begun(name: RolloutName): void;
  held(event: RolloutName & { readonly kind: Hold['kind'] }): void;
  stepEnded(event: StepEnded): void;
  ended(event: RolloutEnded): void;
}

/** What a worker registers as its `sinks`. */
export type RolloutSinks = {
  readonly rollouts: { readonly [E in keyof RolloutEvents]: RolloutEvents[E] };
};
