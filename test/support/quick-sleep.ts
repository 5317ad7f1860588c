import type { TimerOptions } from 'node:timers';

/**
 * Takes the place of `node:timers/promises`, in a file whose tests are about what is slept:
 *
 *     vi.mock('node:timers/promises', () => import('../support/quick-sleep.js'));
 *
 * A sleep is over at once, and `Date` so much later for it. Time that is not slept passes as ever.
 */
let sleptMs = 0;
const now = Date.now.bind(Date);
Date.now = () => now() + sleptMs;

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
