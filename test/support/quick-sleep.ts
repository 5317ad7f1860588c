import type { TimerOptions } from 'node:timers';

/**
 * Takes the place of `node:timers/promises`, in a file whose tests are about what is slept:
 *
 *     vi.mock('node:timers/promises', () => import('../support/quick-sleep.js'));
 *
 * A sleep is over at once, and `Date` so much later for it. Time that is not slept passes as ever, unless it stands still.
 */
let sleptMs = 0;
const passing = Date.now.bind(Date);
let now = passing;
Date.now = () => now() + sleptMs;

/**
 * From now on only what is slept passes: for tests that count what fits into a time, which must not depend on how long the
 * machine takes for it.
 *
 * @returns lets time pass again, so that it can be given to `beforeEach`.
 */
export function standStill(): () => void {
  const stoppedAtMs = now();
  now = () => stoppedAtMs;
  return () => (now = passing);
}

/** Others get their turn meanwhile, as during a real one. */
export async function setTimeout<T>(
  ms = 0,
  value?: T,
  { signal }: TimerOptions = {},
): Promise<T | undefined> {
  await new Promise(setImmediate);
  signal?.throwIfAborted();
  sleptMs += ms;
  return value;
}
