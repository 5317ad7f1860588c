import { setTimeout as sleep } from 'node:timers/promises';

export { sleep };

/**
 * Looks until a condition holds.
 *
 * @returns whether it came to hold before the time was up.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  options: { readonly timeoutMs: number; readonly everyMs?: number; readonly signal?: AbortSignal },
): Promise<boolean> {
  const end = Date.now() + options.timeoutMs;
  for (;;) {
    if (await condition()) return true;
    if (Date.now() >= end || options.signal?.aborted === true) return false;
    await sleep(options.everyMs ?? 50);
  }
}

/** Whole text of an error for a log or an answer, without its stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
