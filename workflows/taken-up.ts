import { unheardAfterMs } from '../core/patience.js';
import type { Run } from './run.js';
import { ranOut } from './stop.js';

/** How long something that is asked for so long may wait for a worker: longer, and it is known to be nobody's no. */
export function takenUpWithin(withinMs: number): {
  readonly scheduleToCloseTimeout: number;
  readonly scheduleToStartTimeout: number;
} {
  return { scheduleToCloseTimeout: withinMs, scheduleToStartTimeout: unheardAfterMs(withinMs) };
}

/** Time without a worker does not count: what nobody was there to do is asked for again. */
export async function untilTakenUp<T>(run: Run, ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (err) {
      if (ranOut(err) !== 'unheard' || !run.patches.asksAgain) throw err;
    }
  }
}
