/** How something ended that was asked for until its time was over. */
export type RanOut =
  /** With a no, as every time before. */
  | 'refused'
  /** Before there was an answer: an attempt was under way, or nobody was there any more to make one. */
  | 'cut-off'
  /** No worker took it up: nobody was there to be asked, or none had room. */
  | 'unheard';

/** For how long something is asked for that nobody must give up untried. */
export interface Patience {
  /** In all, by whoever is there to be asked. */
  readonly withinMs: number;
  /** This time. */
  readonly ms: number;
  /** `quiet`: then people are told that it waits, and it is asked for the `rest`; `last`: once more, after an answer was missed. */
  readonly part: 'quiet' | 'rest' | 'last';
}

/** What takes longer than this should be known to people while it lasts. */
const QUIET_MS = 2 * 60_000;

/** Long enough to be tried by whoever is back, and no long wait for a person where the target hangs. */
const LAST_MS = 5 * 60_000;

/** @param told - whether people are told meanwhile: it is cut short for that, and asked for anew. */
export function patienceOf(withinMs: number, told: boolean): Patience {
  return told
    ? { withinMs, ms: Math.min(QUIET_MS, withinMs / 2), part: 'quiet' }
    : { withinMs, ms: withinMs, part: 'rest' };
}

/** @returns null where it was asked for as long as it should be, and the last answer was a no, or missed once more. */
export function nextPatience({ withinMs, ms, part }: Patience, how: RanOut): Patience | null {
  if (part === 'quiet') return { withinMs, ms: withinMs - ms, part: 'rest' };
  if (how === 'unheard') return { withinMs, ms, part };
  if (how === 'refused' || part === 'last') return null;
  return { withinMs, ms: Math.min(LAST_MS, withinMs), part: 'last' };
}

/** A worker with room takes up what is asked for in seconds. */
const UNHEARD_MS = 5 * 60_000;

/**
 * How long something that is asked for so long waits for a worker, each time, until it counts as asked of nobody. Well before
 * the end: an outage that the end cuts short looks like an answer that was missed.
 */
export function unheardAfterMs(withinMs: number): number {
  return Math.min(withinMs / 2, UNHEARD_MS);
}
