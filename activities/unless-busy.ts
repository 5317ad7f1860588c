import { cancellationDetails } from '@temporalio/activity';

import type { WriteOptions } from '../adapters/ports.js';
import { PortError } from '../core/port-error.js';
import { notYet } from './classify.js';
import { beatingSleep } from './poll.js';

/** How long a target that takes nothing is left alone, at first and at the most, where it does not say. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 4_000;

/** What a write tells of its requests. */
export type Told = Required<Pick<WriteOptions, 'confirm' | 'taken'>>;

/**
 * Asks again for as long as nothing was taken.
 *
 * @param ask - tells of what it sends.
 * @throws `NotYet` where nothing was within the time, or would be before the target wants to be asked again.
 */
export async function unlessBusy<T>(withinMs: number, ask: (told: Told) => Promise<T>): Promise<T> {
  const begunMs = Date.now();
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    const came = { sent: false, taken: false };
    try {
      return await ask({ confirm: () => (came.sent = true), taken: () => (came.taken = true) });
    } catch (err) {
      if (!(err instanceof PortError) || came.taken || !tookNothing(err, came.sent)) throw err;
      const { retryAfterMs: againInMs = 0 } = err;
      const waitMs = Math.max(pauseMs, againInMs);
      const giveWay = () => notYet(err.message, { againInMs, askedMs: Date.now() - begunMs });
      if (Date.now() + waitMs >= begunMs + withinMs) throw giveWay();
      await beatingSleep(waitMs).catch((cut: unknown) => {
        // The next attempt could not know that nothing is under way.
        throw cancellationDetails()?.workerShutdown === true ? giveWay() : cut;
      });
    }
  }
}

/** Only a target that says to come back later has refused what it was sent: any other answer may be of one who took it. */
function tookNothing({ kind }: PortError, sent: boolean): boolean {
  return kind === 'throttled' || (kind === 'transient' && !sent);
}
