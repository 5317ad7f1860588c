import { blindAfterMs, LEAST_BLIND_LOOKS, type WatchInput, type WatchMemory } from './watch.js';

/**
 * Remembers since when the endpoint could not be read.
 *
 * @param why - what the target said; null: it was read.
 */
export function withReading(memory: WatchMemory, why: string | null, nowMs: number): WatchMemory {
  const { unread: before, ...rest } = memory;
  if (why === null) return rest;
  return { ...rest, unread: { sinceMs: before?.sinceMs ?? nowMs, looks: (before?.looks ?? 0) + 1 } };
}

/**
 * What people are to be told of an endpoint that could not be read for so long that gates would count as blind; null =
 * nothing. Time in which nobody looked is no sign: some looks have to have tried.
 */
export function unreadForLong(
  { watching, unread: known }: Pick<WatchInput, 'watching' | 'unread'>,
  { unread }: Pick<WatchMemory, 'unread'>,
  why: string | null,
  nowMs: number,
): string | null {
  // An older workflow would not say it, and a newer one, replaying what that did, must not either.
  if (known === undefined || unread === undefined) return null;
  const forLong = unread.looks >= LEAST_BLIND_LOOKS && nowMs - unread.sinceMs >= blindAfterMs(watching);
  return forLong ? why : null;
}
