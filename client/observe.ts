import { setTimeout as sleep } from 'node:timers/promises';
import type { RolloutStatus } from '../core/messages.js';
import type { WatchBeat } from '../core/watch.js';
import { asGreenlightError, isCodecError } from './errors.js';
import { askStatus, endOf, type Chain, type Ended } from './find.js';
import type { Session } from './temporal.js';
import { throughOutages } from './through-outages.js';

/** Between two questions. */
const EVERY_MS = 1_000;
/** A silence shorter than this is not worth a word. */
const SILENCE_MS = 5_000;

/** What somebody sees who asks a running rollout again and again. */
export type Observation =
  | {
      readonly kind: 'status';
      readonly status: RolloutStatus;
      /** The newest look of the watch under way. */
      readonly look: WatchBeat | undefined;
    }
  /** No worker answers, and one answers again. */
  | { readonly kind: 'silent' }
  | { readonly kind: 'answering' }
  /** Temporal does not answer; it is asked on for five minutes. */
  | { readonly kind: 'away' }
  | { readonly kind: 'ended'; readonly ended: Ended };

/**
 * Asks a rollout every second until it is over, or the signal is aborted: then it just ends.
 *
 * Whoever is slow to take what was seen gets the newest status, not all of them.
 *
 * @throws {GreenlightError} unreachable, when Temporal stays away for five minutes; unexpected, where the answers cannot be
 *   read with the keys that are here.
 */
export async function* observe(
  session: Session,
  rollout: Chain,
  signal?: AbortSignal,
): AsyncGenerator<Observation, void, undefined> {
  const over = new AbortController();
  const seen: Observation[] = [];
  let failure: { readonly error: unknown } | undefined;
  let wake = (): void => undefined;
  const see = (next: Observation): void => {
    if (next.kind === 'status' && seen.at(-1)?.kind === 'status') seen.pop();
    seen.push(next);
    wake();
  };
  const stop = (): void => {
    over.abort();
    wake();
  };
  signal?.addEventListener('abort', stop, { once: true });
  const waiter = {
    over: over.signal,
    away: () => see({ kind: 'away' }),
    afterwards:
      'The rollout goes on as soon as it is back; wait for it then with `greenlight status ENDPOINT --wait`.',
  };
  const fail = (error: unknown): void => {
    failure ??= { error };
    wake();
  };
  throughOutages(session, () => endOf(session, rollout), waiter)
    .then((ended) => see({ kind: 'ended', ended }))
    .catch(fail)
    .finally(() => over.abort());
  ask(session, rollout, see, over.signal).catch(fail);
  try {
    while (signal?.aborted !== true) {
      const next = seen.shift();
      if (next !== undefined) {
        yield next;
        if (next.kind === 'ended') return;
      } else if (failure !== undefined) {
        throw asGreenlightError(failure.error);
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    over.abort();
  }
}

async function ask(
  session: Session,
  rollout: Chain,
  see: (next: Observation) => void,
  over: AbortSignal,
): Promise<void> {
  let silentSinceMs: number | null = null;
  let told = false;
  while (!over.aborted) {
    const answer = await askStatus(session, rollout).catch((error: unknown) => {
      if (isCodecError(error)) throw error;
      return undefined;
    });
    if (over.aborted) return;
    if (answer === undefined) {
      // Temporal did not say whom to ask, and no worker was silent; who waits for the end tells of it.
      silentSinceMs = null;
    } else if ('status' in answer) {
      if (told) see({ kind: 'answering' });
      [silentSinceMs, told] = [null, false];
      see({ kind: 'status', ...answer });
    } else {
      silentSinceMs ??= Date.now();
      if (!told && Date.now() - silentSinceMs >= SILENCE_MS) {
        told = true;
        see({ kind: 'silent' });
      }
    }
    await pause(EVERY_MS, over);
  }
}

async function pause(ms: number, over: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: over }).catch(() => undefined);
}
