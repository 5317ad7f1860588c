import {
  ActivityCancellationType,
  CancellationScope,
  condition,
  proxyActivities,
} from '@temporalio/workflow';

import type { RolloutActivities } from '../core/activities.js';
import {
  channelEvents,
  channelName,
  eventText,
  type ChannelRef,
  type Notification,
} from '../core/notification.js';
import type { TellingState } from '../core/run.js';
import { reasonOf } from './stop.js';

/** So long a notification is tried for. */
const TRY_MS = 10 * 60_000;
/** So long the end of a rollout waits for its last notifications; then it ends without them. */
const AT_END_MS = 15_000;

const OPTIONS = {
  startToCloseTimeout: '15s', // one request, which has 10 s
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '60s' },
  // A receiver that hangs is not waited for when there is something newer to say.
  cancellationType: ActivityCancellationType.TRY_CANCEL,
} as const;
const { notify } = proxyActivities<Pick<RolloutActivities, 'notify'>>({
  ...OPTIONS,
  scheduleToCloseTimeout: TRY_MS,
});

/**
 * Tells people and programs what happens, beside the rollout: nothing waits for it but the end, and that for 15 s at most.
 *
 * Each channel gets its notifications one after the other, in order; one that does not take them holds up nobody else.
 */
export class Telling {
  readonly #state: () => TellingState | undefined;
  readonly #keep: (state: TellingState) => void;
  readonly #onFailure: (text: string) => void;
  /** What each channel's notification under way is cancelled by. */
  readonly #underWay = new Map<number, CancellationScope>();
  #ending = false;

  constructor(
    state: () => TellingState | undefined,
    keep: (state: TellingState) => void,
    onFailure: (text: string) => void,
  ) {
    this.#state = state;
    this.#keep = keep;
    this.#onFailure = onFailure;
  }

  /** Adds channels that became known, and goes on with what is pending. */
  begin(channels: readonly ChannelRef[]): void {
    const state = this.#state() ?? { channels: [], sequence: 0, pending: [], failed: [] };
    if (state.channels.length + channels.length === 0) return;
    this.#keep({
      ...state,
      channels: [...state.channels, ...channels],
      pending: [...state.pending, ...channels.map(() => [])],
    });
    this.#goOn();
  }

  /** @param make - gets the sequence number. */
  tell(event: Notification['event'], make: (sequence: number) => Notification): void {
    const state = this.#state();
    if (state === undefined) return;
    const wanted = state.channels.map((channel) => channelEvents(channel).includes(event));
    if (!wanted.includes(true)) return;
    const sequence = state.sequence + 1;
    const notification = make(sequence);
    this.#keep({
      ...state,
      sequence,
      pending: state.pending.map((queue, i) => (wanted[i] ? [...queue, notification] : queue)),
    });
    this.#goOn();
  }

  /**
   * To be called after the last one was told: waits until all are delivered. Where that takes longer than half of the time
   * that there is, the last one goes before what is older.
   */
  async finish(): Promise<void> {
    await CancellationScope.nonCancellable(async () => {
      if (this.#idle() || (await condition(() => this.#idle(), AT_END_MS / 2))) return;
      this.#dropOlder();
      await condition(() => this.#idle(), AT_END_MS / 2);
    });
  }

  #dropOlder(): void {
    const state = this.#state();
    if (state === undefined) return;
    this.#ending = true;
    this.#keep({ ...state, pending: state.pending.map((queue) => queue.slice(-1)) });
    for (const [i, scope] of this.#underWay) {
      if ((state.pending[i]?.length ?? 0) > 1) scope.cancel();
    }
  }

  #idle(): boolean {
    return this.#state()?.pending.every((queue) => queue.length === 0) ?? true;
  }

  #goOn(): void {
    this.#state()?.channels.forEach((_, i) => {
      if (this.#underWay.has(i) || this.#next(i) === undefined) return;
      // Neither a stop nor a cancellation of the rollout reaches it.
      void CancellationScope.nonCancellable(() => this.#deliverAll(i));
    });
  }

  #next(channel: number): Notification | undefined {
    return this.#state()?.pending[channel]?.[0];
  }

  async #deliverAll(i: number): Promise<void> {
    for (let next = this.#next(i); next !== undefined; next = this.#next(i)) {
      const notification = next;
      const scope = new CancellationScope();
      this.#underWay.set(i, scope);
      try {
        await scope.run(() => this.#deliver(i, notification));
      } catch (err) {
        if (!scope.consideredCancelled) this.#failed(i, notification, err);
      }
      this.#done(i, notification);
    }
    this.#underWay.delete(i);
  }

  async #deliver(i: number, notification: Notification): Promise<void> {
    const channel = this.#state()?.channels[i];
    if (channel === undefined) return;
    // Carried to a new run, it is tried for no longer than it would have been.
    const leftMs = Math.max(1_000, notification.atMs + TRY_MS - Date.now());
    await notify.executeWithOptions(
      {
        ...OPTIONS,
        scheduleToCloseTimeout: this.#ending ? AT_END_MS : leftMs,
        summary: `tell ${channelName(channel)}: ${eventText(notification.event).toLowerCase()}`,
      },
      [{ channel, notification }],
    );
  }

  #done(i: number, { id }: Notification): void {
    const state = this.#state();
    if (state === undefined) return;
    this.#keep({
      ...state,
      pending: state.pending.map((queue, at) => (at === i ? queue.filter((n) => n.id !== id) : queue)),
    });
  }

  #failed(i: number, notification: Notification, err: unknown): void {
    const state = this.#state();
    const channel = state?.channels[i];
    if (state === undefined || channel === undefined || state.failed.includes(i)) return;
    this.#keep({ ...state, failed: [...state.failed, i] });
    this.#onFailure(
      `${channelName(channel)} could not be told of "${eventText(notification.event).toLowerCase()}": ${reasonOf(err)}`,
    );
  }
}
