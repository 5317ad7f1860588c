import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { detailsOf, GRPC, GreenlightError, grpcCode, isUnreachable } from './errors.js';
import type { Session } from './temporal.js';

/** Between two questions. */
const EVERY_MS = 1_000;
/** So long an outage of Temporal is sat out. A rollout itself does not mind it. */
const OUTAGE_MS = 5 * 60_000;
/** So fast a question fails while Temporal is away, the client's own repetitions among it. */
const FAILS_WITHIN_MS = 60_000;

/** A question that is open for so long is asked anew. */
const ANEW_MS = 60 * 60_000;

/** For people, when an outage begins. */
export const AWAY = 'Temporal does not answer; trying on';

/** Somebody who waits for an answer. */
export interface Waiter {
  /** Ends the waiting. */
  readonly over: AbortSignal;
  /** Told once for each outage. */
  away(): void;
  /** What is to be done when Temporal is back, for who waited in vain: a sentence. */
  readonly afterwards: string;
}

/**
 * Asks Temporal something, and again while it does not answer, or has no time to.
 *
 * @throws {GreenlightError} unreachable, when it stays away for five minutes; what `ask` throws otherwise, and anything
 *   when the waiting is over.
 */
export async function throughOutages<T>(
  { client, place }: Session,
  ask: () => Promise<T>,
  { over, away, afterwards }: Waiter,
): Promise<T> {
  for (let awaySinceMs: number | null = null; ;) {
    const askedAtMs = Date.now();
    try {
      return await asking(client, ask, over);
    } catch (error) {
      if (over.aborted || !mayPass(error)) throw error;
      // A question that was open for long before it failed: it had been back meanwhile.
      if (awaySinceMs === null || Date.now() - askedAtMs > FAILS_WITHIN_MS) {
        awaySinceMs = Date.now();
        away();
      }
      if (Date.now() - awaySinceMs > OUTAGE_MS) {
        throw new GreenlightError(
          'unreachable',
          `Temporal at ${place.address} has not answered for ${OUTAGE_MS / 60_000} minutes: ${detailsOf(error)}\n${afterwards}`,
          { cause: error },
        );
      }
      await sleep(EVERY_MS, undefined, { signal: over });
    }
  }
}

/** Away, or over its limit of requests, or failing without saying of what, as where a part of it is being replaced. */
function mayPass(error: unknown): boolean {
  const code = grpcCode(error);
  return isUnreachable(error) || code === GRPC.resourceExhausted || code === GRPC.unknown;
}

/**
 * Asks under signals of its own: the client keeps all its calls for as long as the signal that they are made under, and to
 * wait for a rollout's end is three calls a minute, for days.
 */
async function asking<T>(client: Client, ask: () => Promise<T>, over: AbortSignal): Promise<T> {
  for (;;) {
    over.throwIfAborted();
    const own = new AbortController();
    setMaxListeners(0, own.signal);
    const abort = (): void => own.abort();
    over.addEventListener('abort', abort, { once: true });
    const anew = setTimeout(abort, ANEW_MS);
    try {
      return await client.withAbortSignal(own.signal, ask);
    } catch (error) {
      if (over.aborted || !own.signal.aborted) throw error;
    } finally {
      clearTimeout(anew);
      over.removeEventListener('abort', abort);
    }
  }
}
