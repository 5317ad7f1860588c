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
  /** As in a look; of looks that were joined, the first one's. */
  readonly sinceSec?: number;
  readonly blue: RecordedArm;
  readonly green: RecordedArm;
  readonly pairs?: PairCounts;
  /** Of metrics of the user's own, by gate. */
  readonly own?: Readonly<Record<string, RecordedLook>>;
}

/**
 * Adds a look to a record.
 *
 * Looks are joined until they last `blipSec` together, the unit in which the breach side judges (gates.md 2.2): a
 * record grows with time divided by blip, not with looks. An arm without data is never joined with one that has some, nor
 * what was before a step with what is of it.
 */
export function recordLook(
  record: readonly RecordedLook[],
  look: Look,
  blipSec: number,
): readonly RecordedLook[] {
  const next: RecordedLook = {
    dtSec: look.dtSec,
    ...(look.sinceSec !== undefined && { sinceSec: look.sinceSec }),
    blue: recordArm(look.blue, look.status.blue),
    green: recordArm(look.green, look.status.green),
    ...(look.pairs && { pairs: look.pairs }),
    ...(look.own && { own: mapValues(look.own, (each) => recordLook([], each, blipSec)[0] as RecordedLook) }),
  };
  const last = record.at(-1);
  const joins = last !== undefined && last.dtSec < blipSec && alike(last, next);
  return joins ? [...record.slice(0, -1), join(last, next)] : [...record, next];
}

/** Whether two looks have the same arms with data, in every metric that both have. */
function alike(a: RecordedLook, b: RecordedLook): boolean {
  const same = (arm: 'blue' | 'green') => a[arm].status === b[arm].status && a[arm].timed === b[arm].timed;
  const early = ({ sinceSec = 0 }: RecordedLook) => sinceSec < 0;
  return (
    same('blue') &&
    same('green') &&
    early(a) === early(b) &&
    (a.pairs === undefined) === (b.pairs === undefined) &&
    Object.entries(a.own ?? {}).every(([name, look]) => {
      const other = b.own?.[name];
      return other === undefined || alike(look, other);
    })
  );
}

/**
 * The look again, over `edges` bucket edges (+Inf not counted).
 *
 * @param ownEdges - the same for metrics of the user's own, by gate.
 */
export function replayLook(
  recorded: RecordedLook,
  edges: number,
  ownEdges: Readonly<Record<string, number>> = {},
): Look {
  const { own } = recorded;
  return {
    ...(own && { own: mapValues(own, (each, name) => replayLook(each, ownEdges[name] ?? 0)) }),
    dtSec: recorded.dtSec,
    ...(recorded.sinceSec !== undefined && { sinceSec: recorded.sinceSec }),
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
    ...(a.sinceSec !== undefined && { sinceSec: a.sinceSec }),
    blue: joinArms(a.blue, b.blue),
    green: joinArms(a.green, b.green),
    ...(a.pairs && b.pairs && { pairs: joinPairs(a.pairs, b.pairs) }),
    ...((a.own ?? b.own) && { own: joinOwn(a.own ?? {}, b.own ?? {}) }),
  };
}

type Own = NonNullable<RecordedLook['own']>;

function joinOwn(a: Own, b: Own): Own {
  const both = mapValues(a, (look, name) => (b[name] === undefined ? look : join(look, b[name])));
  return { ...b, ...both };
}

function mapValues<A, B>(
  of: Readonly<Record<string, A>>,
  make: (value: A, name: string) => B,
): Record<string, B> {
  return Object.fromEntries(Object.entries(of).map(([name, value]) => [name, make(value, name)]));
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
