import type { PairCounts } from '../metrics.js';
import { joinPairs } from './pairs.js';
import type { ArmLook, ArmStatus, Look } from './types.js';

/** One arm of a recorded look; the histogram keeps only its buckets that hold something: `[edge index, requests]`. */
export interface RecordedArm {
  readonly n: number;
  readonly errors: number;
  readonly status: ArmStatus;
  readonly buckets: readonly (readonly [index: number, requests: number])[];
  /** Whether there was a histogram at all. */
  readonly timed: boolean;
}

/** Looks as the decision record keeps them: exact counts, joined up to the length of a blip. */
export interface RecordedLook {
  readonly dtSec: number;
  readonly blue: RecordedArm;
  readonly green: RecordedArm;
  readonly pairs?: PairCounts;
}

/**
 * Adds a look to a record.
 *
 * Looks are joined until they last `blipSec` together, the unit in which the breach side judges (gates.md 2.2): a
 * record grows with time divided by blip, not with looks. An arm without data is never joined with one that has some.
 */
export function recordLook(
  record: readonly RecordedLook[],
  look: Look,
  blipSec: number,
): readonly RecordedLook[] {
  const next: RecordedLook = {
    dtSec: look.dtSec,
    blue: recordArm(look.blue, look.status.blue),
    green: recordArm(look.green, look.status.green),
    ...(look.pairs && { pairs: look.pairs }),
  };
  const last = record.at(-1);
  const joins =
    last !== undefined &&
    last.dtSec < blipSec &&
    last.blue.status === next.blue.status &&
    last.green.status === next.green.status &&
    last.green.timed === next.green.timed &&
    last.blue.timed === next.blue.timed &&
    (last.pairs === undefined) === (next.pairs === undefined);
  return joins ? [...record.slice(0, -1), join(last, next)] : [...record, next];
}

/** The look again, over `edges` bucket edges (+Inf not counted). */
export function replayLook(recorded: RecordedLook, edges: number): Look {
  return {
    dtSec: recorded.dtSec,
    blue: armLook(recorded.blue, edges),
    green: armLook(recorded.green, edges),
    status: { blue: recorded.blue.status, green: recorded.green.status },
    ...(recorded.pairs && { pairs: recorded.pairs }),
  };
}

function recordArm(arm: ArmLook, status: ArmStatus): RecordedArm {
  const buckets = arm.le
    .map((total, i): readonly [number, number] => [i, total - (arm.le[i - 1] ?? 0)])
    .filter(([, requests]) => requests !== 0);
  return { n: arm.n, errors: arm.errors, status, buckets, timed: arm.le.length > 0 };
}

function armLook(arm: RecordedArm, edges: number): ArmLook {
  if (!arm.timed) return { n: arm.n, errors: arm.errors, le: [] };
  const inBucket = new Map(arm.buckets);
  let total = 0;
  const le = Array.from({ length: edges + 1 }, (_, i) => (total += inBucket.get(i) ?? 0));
  return { n: arm.n, errors: arm.errors, le };
}

function join(a: RecordedLook, b: RecordedLook): RecordedLook {
  return {
    dtSec: a.dtSec + b.dtSec,
    blue: joinArms(a.blue, b.blue),
    green: joinArms(a.green, b.green),
    ...(a.pairs && b.pairs && { pairs: joinPairs(a.pairs, b.pairs) }),
  };
}

function joinArms(a: RecordedArm, b: RecordedArm): RecordedArm {
  const buckets = new Map(a.buckets);
  for (const [index, requests] of b.buckets) buckets.set(index, (buckets.get(index) ?? 0) + requests);
  return {
    ...a,
    n: a.n + b.n,
    errors: a.errors + b.errors,
    buckets: [...buckets].sort(([i], [j]) => i - j),
  };
}
