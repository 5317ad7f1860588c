import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { RolloutStatus } from '../core/messages.js';
import type { WatchBeat } from '../core/watch.js';
import { detailsOf, GreenlightError, isUnreachable } from './errors.js';
import { askStatus, ending, type Ended } from './find.js';
import type { Session } from './temporal.js';

/** Between two questions. */
const EVERY_MS = 1_000;
/** A silence shorter than this is not worth a word. */
const SILENCE_MS = 5_000;
/** So long an outage of Temporal is sat out. The rollout itself does not mind it. */
const OUTAGE_MS = 5 * 60_000;
/** So fast a question fails while Temporal is away, the client's own repetitions among it. */
const FAILS_WITHIN_MS = 60_000;

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
 * @param run - what its end is asked of, again after an outage: another rollout may have begun meanwhile.
 * @throws {GreenlightError} unreachable, when Temporal stays away for five minutes.
 */
export async function* observe(
  session: Session,
  handle: WorkflowHandle,
  run: WorkflowHandle,
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
  endingThroughOutages(session, run, see, over.signal)
    .then((ended) => see({ kind: 'ended', ended }))
    .catch((error: unknown) => {
      failure = { error };
      wake();
    })
    .finally(() => over.abort());
  void ask(session, handle, see, over.signal);
  try {
    while (signal?.aborted !== true) {
      const next = seen.shift();
      if (next !== undefined) {
        yield next;
        if (next.kind === 'ended') return;
      } else if (failure !== undefined) {
        throw failure.error;
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
  handle: WorkflowHandle,
  see: (next: Observation) => void,
  over: AbortSignal,
): Promise<void> {
  let silentSinceMs: number | null = null;
  let told = false;
  while (!over.aborted) {
    const answer = await askStatus(session, handle).catch((error: unknown) => ({
      silent: detailsOf(error),
    }));
    if (over.aborted) return;
    if ('status' in answer) {
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

async function endingThroughOutages(
  { client, place }: Session,
  run: WorkflowHandle,
  see: (next: Observation) => void,
  over: AbortSignal,
): Promise<Ended> {
  for (let awaySinceMs: number | null = null; ;) {
    const askedAtMs = Date.now();
    try {
      return await client.withAbortSignal(over, () => ending(run));
    } catch (error) {
      if (over.aborted || !isUnreachable(error)) throw error;
      // A question that was open for long before it failed: it had been back meanwhile.
      if (awaySinceMs === null || Date.now() - askedAtMs > FAILS_WITHIN_MS) {
        awaySinceMs = Date.now();
        see({ kind: 'away' });
      }
      if (Date.now() - awaySinceMs > OUTAGE_MS) {
        throw new GreenlightError(
          'unreachable',
          `Temporal at ${place.address} has not answered for ${OUTAGE_MS / 60_000} minutes: ${detailsOf(error)}\n` +
            'The rollout goes on as soon as it is back; wait for it then with `greenlight status ENDPOINT --wait`.',
          { cause: error },
        );
      }
      await pause(EVERY_MS, over);
    }
  }
}

async function pause(ms: number, over: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: over }).catch(() => undefined);
}
