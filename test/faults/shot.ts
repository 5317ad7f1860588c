import { setTimeout as sleep } from 'node:timers/promises';
import type { Nth, Seen } from './points.js';

/** When to kill. */
export interface Moment {
  /** As soon as the history has so many events, or such an event. */
  readonly at: number | Nth;
  /** And then so long: a moment in the middle of an activity. */
  readonly afterMs?: number;
}

/** Fires once, at its moment in a history, and never after the history's end: nobody would start again what is killed then. */
export class Shot {
  readonly #moment: Moment;
  readonly #fire: () => void;
  readonly #over = new AbortController();
  #alike = 0;
  #fired: Promise<void> | undefined;

  constructor(moment: Moment, fire: () => void) {
    this.#moment = moment;
    this.#fire = fire;
  }

  see({ id, what }: Seen): void {
    const { at, afterMs } = this.#moment;
    if (this.#fired !== undefined) return;
    if (typeof at === 'number' ? id < at : what !== at.what || ++this.#alike < at.nth) return;
    if (afterMs === undefined) {
      this.#fired = Promise.resolve();
      this.#fire();
    } else {
      const { signal } = this.#over;
      this.#fired = sleep(afterMs, undefined, { signal }).then(this.#fire, () => undefined);
    }
  }

  /** @returns when it can fire no more. */
  async end(): Promise<void> {
    this.#over.abort();
    await this.#fired;
  }
}
