import { atTheEnd } from '../client/events.js';
import type { Located } from '../core/command-text.js';
import type { RolloutStatus } from '../core/messages.js';
import type { WatchBeat } from '../core/watch.js';
import type { Context } from './context.js';
import { changes, endLines, isWorthTelling, keepLook } from './follow.js';
import { withBeat } from '../client/live.js';
import { lostText, type Ended } from '../client/find.js';
import { clockTime } from './times.js';

/** Whoever tells people about a rollout that is waited for. */
export interface Teller {
  /** @param beat - the newest look of the watch under way. */
  hear(status: RolloutStatus, beat: WatchBeat | undefined): void;
  /** Something about the waiting itself. */
  say(line: string): void;
  end(ended: Ended): void;
  /** No more is told: the terminal is as it was. */
  close(): void;
  /** Aborted when the person at it has seen enough. */
  readonly left: AbortSignal;
}

/** Prints what is new, with the time. */
export class Story implements Teller {
  /** Ctrl-C is the only way to leave a story. */
  readonly left: AbortSignal = new AbortController().signal;
  readonly #ctx: Context;
  readonly #rollout: Located;
  readonly #ids: object;
  #last: RolloutStatus | null = null;
  #lookToldAtMs = 0;
  #ownVerdict = '';

  constructor(ctx: Context, rollout: Located, ids: object) {
    this.#ctx = ctx;
    this.#rollout = rollout;
    this.#ids = ids;
  }

  hear(status: RolloutStatus, beat: WatchBeat | undefined): void {
    const nowMs = Date.now();
    const look = withBeat(status, beat);
    const isLook = look !== status;
    const tellLook = isLook && isWorthTelling(this.#last, look, { nowMs, lookToldAtMs: this.#lookToldAtMs });
    // Without a look, the run's own verdict is news only when it changes: it may be older than the look told last.
    const tellOwn = !isLook && status.verdict !== this.#ownVerdict;
    const next = tellLook || tellOwn ? look : keepLook(status, this.#last);
    this.#ownVerdict = status.verdict;
    if (tellLook) this.#lookToldAtMs = nowMs;
    this.#print(changes(this.#last, next));
    this.#last = next;
  }

  say(line: string): void {
    this.#ctx.out.note(`${clockTime(new Date())}  ${line}`);
  }

  end(ended: Ended): void {
    if (ended.kind === 'lost') {
      const text = lostText(this.#rollout, ended.because);
      this.#ctx.out.line(text);
      if (this.#ctx.out.json)
        this.#ctx.out.result(text, { outcome: null, reason: ended.because, ...this.#ids });
      return;
    }
    if (this.#last !== null) this.#print(changes(this.#last, atTheEnd(this.#last, ended.report)));
    this.#print(endLines(ended.report));
    if (this.#ctx.out.json) this.#ctx.out.result('', { ...ended.report, ...this.#ids });
  }

  close(): void {}

  #print(lines: readonly string[]): void {
    for (const line of lines) this.#ctx.out.line(`${clockTime(new Date())}  ${line}`);
  }
}
