import { setTimeout as sleep } from 'node:timers/promises';
import { activityInfo, cancellationSignal, cancelled, heartbeat } from '@temporalio/activity';

import { PortError } from '../core/port-error.js';

/** Time between two readings while waiting for something: grows, so that a slow target is not asked too often. */
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 2_000;

/** An attempt has just said that it lives by beginning: what is over within this sends no heartbeat at all. */
const FIRST_BEAT_MS = 1_000;

/** Sent is one every three seconds (worker/tuning.ts): news that come sooner would be encoded to be overwritten. */
const NEWS_MS = 2_500;

/** @returns a heartbeat for one attempt, to be called as often as one likes; it may carry something. */
export function beats(): (details?: unknown) => void {
  const begunMs = Date.now();
  let news: unknown;
  let newsAtMs = -Infinity;
  return (details) => {
    const nowMs = Date.now();
    if (nowMs - begunMs < FIRST_BEAT_MS) return;
    if (details !== news) {
      if (nowMs - newsAtMs < NEWS_MS) return;
      news = details;
      newsAtMs = nowMs;
    }
    heartbeat(details);
  };
}

/**
 * Asks until there is an answer, heartbeating between; a target that is away or throttles is asked again.
 *
 * @param ask - returns undefined while there is no answer yet.
 * @param throttledForMs - the longest wait that a target may ask for.
 * @returns undefined when the time is over.
 * @throws what `ask` throws, except transient and throttled port errors before the deadline; `CancelledFailure`.
 */
export async function poll<T>(
  ask: () => Promise<T | undefined>,
  withinMs: number,
  throttledForMs = Infinity,
): Promise<T | undefined> {
  const deadline = Date.now() + withinMs;
  const beat = beats();
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
    beat();
    let waitMs = pauseMs;
    try {
      const answer = await beating(ask);
      if (answer !== undefined) return answer;
    } catch (err) {
      if (cancellationSignal().aborted) await cancelled(); // throws the cancellation itself
      if (!(err instanceof PortError) || err.kind === 'permanent' || Date.now() >= deadline) throw err;
      waitMs = Math.max(waitMs, Math.min(err.retryAfterMs ?? 0, throttledForMs));
    }
    const leftMs = deadline - Date.now();
    if (leftMs <= 0) return undefined;
    await beatingSleep(Math.min(waitMs, leftMs));
  }
}

/**
 * How long an attempt may ask that is not the first: until it can end by itself, as what it was told last. Of one that is cut off
 * nobody learns that.
 */
export function endingItself(withinMs: number): number {
  const { attempt, scheduledTimestampMs, scheduleToCloseTimeoutMs } = activityInfo();
  const leftMs = scheduledTimestampMs + scheduleToCloseTimeoutMs - Date.now();
  return attempt === 1 || leftMs <= 0 ? withinMs : Math.min(withinMs, leftMs / 2);
}

/**
 * Sleeps, and heartbeats while it does, so that a long `Retry-After` is not taken for a dead worker. Not at the end:
 * whoever sleeps has something to say then.
 *
 * @param beat - for heartbeats that carry something: one without it would take it away.
 */
export async function beatingSleep(ms: number, beat: () => void = heartbeat): Promise<void> {
  const until = Date.now() + ms;
  for (let left = ms; left > 0;) {
    await pause(Math.min(left, 2_000));
    left = until - Date.now();
    if (left > 0) beat();
  }
}

/**
 * Not the SDK's own `sleep`: that one leaves its timer and promises with the activity until it ends, a kilobyte for each
 * look of a window.
 */
async function pause(ms: number): Promise<void> {
  try {
    await sleep(ms, undefined, { signal: cancellationSignal() });
  } catch {
    await cancelled(); // throws the cancellation itself
  }
}

/**
 * Heartbeats while one call is under way.
 *
 * @param beat - as with {@link beatingSleep}.
 */
export async function beating<T>(call: () => Promise<T>, beat: () => void = heartbeat): Promise<T> {
  const timer = setInterval(beat, 2_000);
  try {
    return await call();
  } finally {
    clearInterval(timer);
  }
}
