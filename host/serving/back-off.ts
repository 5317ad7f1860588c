/** What ran this long since it might start again has earned a fresh start. */
const STABLE_MS = 30_000;

/**
 * When something that keeps ending may start again. Only ends count: that others of its kind run well says nothing about
 * the one that does not.
 */
export class BackOff {
  #endsInARow = 0;
  #notBeforeMs = 0;

  /** @returns the wait before the next start, milliseconds. */
  ended(nowMs: number): number {
    if (nowMs - this.#notBeforeMs > STABLE_MS) this.#endsInARow = 0;
    const waitMs = backOffMs(++this.#endsInARow);
    this.#notBeforeMs = nowMs + waitMs;
    return waitMs;
  }

  mayStart(nowMs: number): boolean {
    return nowMs >= this.#notBeforeMs;
  }
}

/** Wait before the next start after so many ends in a row, milliseconds: none at first, 10 s at most. */
function backOffMs(endsInARow: number): number {
  return endsInARow <= 1 ? 0 : Math.min(10_000, 200 * 2 ** (endsInARow - 2));
}
