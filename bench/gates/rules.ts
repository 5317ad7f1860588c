import type { Look } from '../../core/gates/index.js';

export interface Outcome {
  readonly end: 'rolled back' | 'promoted' | 'undecided';
  readonly atSec: number;
}

/** A way to decide a step from its looks. Every rule sees the same ones. */
export interface Rule {
  readonly name: string;
  /** @param rps - the endpoint's requests a second before the rollout, for rules that ask; default 10. */
  judge(looks: readonly Look[], rps?: number): Outcome;
}

/** Green's requests of some looks put together. */
export function together(
  looks: readonly Look[],
  arm: 'blue' | 'green',
): { n: number; errors: number; le: number[] } {
  const le = new Array<number>(looks[0]?.[arm].le.length ?? 0).fill(0);
  let n = 0;
  let errors = 0;
  for (const look of looks) {
    n += look[arm].n;
    errors += look[arm].errors;
    for (let i = 0; i < le.length; i++) le[i] = (le[i] ?? 0) + (look[arm].le[i] ?? 0);
  }
  return { n, errors, le };
}
