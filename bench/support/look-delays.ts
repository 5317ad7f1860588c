/** How late looks come: the time between two looks of one endpoint, above the interval that was asked for. */
export class LookDelays {
  readonly #lastMs = new Map<string, number>();
  #delays: number[] = [];
  readonly #intervalMs: number;

  constructor(intervalMs = 1000) {
    this.#intervalMs = intervalMs;
  }

  looked(endpoint: string, atMs: number): void {
    const lastMs = this.#lastMs.get(endpoint);
    this.#lastMs.set(endpoint, atMs);
    if (lastMs !== undefined) this.#delays.push(Math.max(0, atMs - lastMs - this.#intervalMs));
  }

  /** Forgets what was late up to now. */
  reset(): void {
    this.#delays = [];
  }

  /** Milliseconds, ascending. */
  sorted(): readonly number[] {
    return this.#delays.toSorted((a, b) => a - b);
  }
}
