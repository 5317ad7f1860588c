import { patched } from '@temporalio/workflow';

/** Each has a recorded history in which it was asked for (test/replay/). */
export const PATCHES = ['holds-again', 'asks-again', 'gives-back-unseen', 'tells-unseen'] as const;

/**
 * What rollouts of before go on to do otherwise. Each is decided once, when it is first asked: a patch that a run meets in the
 * middle would be known from its beginning when it is replayed.
 */
export class Patches {
  private readonly decided = new Map<string, boolean>();

  /**
   * Whether the baseline's autoscaler is to keep what it has by now before each greater share of green. 2026-11: rollouts
   * before it hold it once.
   */
  get holdsAgain(): boolean {
    return this.decide('holds-again');
  }

  /** Whether what ran out of time is asked for again. 2026-11: rollouts before it give up what no worker was there to ask for. */
  get asksAgain(): boolean {
    return this.decide('asks-again');
  }

  /** Whether instances that only a rollback misses are given back, too. 2026-11: rollouts before it leave them. */
  get givesBackUnseen(): boolean {
    return this.decide('gives-back-unseen');
  }

  /** Whether what is not seen is told also where a person is waited for already. 2026-11: rollouts before it do not tell. */
  get tellsUnseen(): boolean {
    return this.decide('tells-unseen');
  }

  private decide(patch: (typeof PATCHES)[number]): boolean {
    const known = this.decided.get(patch) ?? patched(patch);
    this.decided.set(patch, known);
    return known;
  }
}
