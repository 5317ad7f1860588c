import type { MachineConfig } from './types.js';

/** Something that keeps a gate from being judged at all: what is wrong, what was expected, what to do. */
export interface GateProblem {
  /** null for a problem of the gates together. */
  readonly gate: string | null;
  readonly kind:
    | 'no-histogram'
    | 'too-little-baseline'
    | 'no-own-data'
    | 'beyond-last-edge'
    | 'below-first-edge'
    | 'name-taken'
    | 'weights'
    | 'cannot-pass';
  readonly message: string;
}

/** Gates made ready: edges frozen, weights and blocks worked out. Plain JSON; made once, kept for the rollout. */
export interface GateSetup {
  readonly v: 1;
  readonly config: MachineConfig;
  /** What a person should know about how a gate is judged, in words. */
  readonly notes: readonly GateNote[];
  /**
   * Gates that cannot be judged yet, for want of requests of the baseline. They hold back a pass until a later
   * `mapGates` completes them; the others, and the crash guard, are judged meanwhile.
   */
  readonly pending: readonly GateProblem[];
  /** Set once the baseline is no longer there to compare with. */
  readonly alone: boolean;
}

export interface GateNote {
  readonly gate: string;
  readonly text: string;
}
