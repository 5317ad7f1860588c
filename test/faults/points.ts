import proto from '@temporalio/proto';
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, defaultPayloadConverter, isGrpcServiceError } from '@temporalio/client';
import type { SetTrafficInput } from '../../core/activities.js';
import type { Traffic } from '../../core/traffic.js';

type Event = proto.temporal.api.history.v1.IHistoryEvent;
const { EventType } = proto.temporal.api.enums.v1;

/** gRPC's. */
const NOT_FOUND = 5;

/** One event, as far as points are named by it. */
export interface Seen {
  readonly id: number;
  /** `ActivityTaskScheduled watch`. */
  readonly what: string;
  /** By Temporal's clock, milliseconds since the epoch. */
  readonly atMs: number;
  /** What `ActivityTaskScheduled setTraffic` asks for. */
  readonly to?: Traffic;
}

/** A moment between two history events: after the event `at`, before the next. */
export interface Point {
  readonly at: number;
  /** So long after it; left out: at once. */
  readonly afterMs?: number;
  /** What stands before it and what comes next, for people. */
  readonly between: string;
}

/** A kind of event and which of them, where its number would change with every step: the second `ActivityTaskScheduled setTraffic`. */
export interface Nth {
  readonly what: string;
  readonly nth: number;
}

/** Events that begin a write of their own; all others come in the same transaction as the one before. */
const BEGINS = new Set(['WorkflowTaskStarted', 'WorkflowTaskCompleted', 'ActivityTaskStarted', 'TimerFired']);
/** What wants a decision, which is scheduled in the same transaction. Without it before, somebody from outside wants one. */
const WANTS =
  /^(WorkflowExecutionStarted|ActivityTask(Completed|Failed|TimedOut|Canceled)|TimerFired|WorkflowTask(Failed|TimedOut))\b/;

/** What a decision begins with. One takes long only where the machine is busy. */
const DECISION = /^WorkflowTask(Scheduled|Started)/;

/** A moment in the middle of what takes longer than this too, and not only at its beginning and its end. */
const LONG_MS = 400;

/** The moments at which a history has a certain length: between events of one transaction there is none. */
export function pointsOf(events: readonly Seen[]): readonly Point[] {
  return events.slice(0, -1).flatMap(({ id, what, atMs }, index): readonly Point[] => {
    const next = events[index + 1]?.what ?? '';
    const [type = ''] = next.split(' ');
    if (!(type === 'WorkflowTaskScheduled' ? !WANTS.test(what) : BEGINS.has(type))) return [];
    const point = { at: id, between: `${what} → ${next}` };
    // The start of an activity is written when it ends: until then the history is as long as it was.
    const after = type === 'ActivityTaskStarted' ? events[index + 2] : events[index + 1];
    const lastedMs = (after?.atMs ?? 0) - atMs;
    const brief = lastedMs < LONG_MS || DECISION.test(what);
    return brief ? [point] : [point, { ...point, afterMs: Math.round(lastedMs / 2) }];
  });
}

/** How long a history was at a time: its follower hears of an event a moment after it was written. */
export function lengthAt(events: readonly Seen[], atMs: number): number {
  return events.findLast((event, index) => writtenMs(event, events[index + 1]) <= atMs)?.id ?? 0;
}

/** The start of an activity is written with its end, and bears the time at which it was. */
function writtenMs({ what, atMs }: Seen, next: Seen | undefined): number {
  return what.startsWith('ActivityTaskStarted') ? (next?.atMs ?? Infinity) : atMs;
}

/**
 * Follows the history of a run, also before it has begun and while Temporal is away, and tells each event as soon as it is
 * written.
 *
 * @returns when the run is over or `signal` aborted.
 */
export async function followHistory(
  client: Client,
  execution: { readonly workflowId: string },
  onEvent: (event: Seen) => void,
  signal: AbortSignal,
): Promise<void> {
  setMaxListeners(0, signal); // one for each call below
  const activities = new Map<string, string>();
  let told = 0;
  let nextPageToken: Uint8Array | undefined;
  while (!signal.aborted) {
    try {
      const page = await client.withAbortSignal(signal, () =>
        client.workflowService.getWorkflowExecutionHistory({
          namespace: client.options.namespace,
          execution,
          waitNewEvent: true,
          ...(nextPageToken === undefined ? {} : { nextPageToken }),
        }),
      );
      for (const event of page.history?.events ?? []) {
        const id = Number(event.eventId);
        if (id <= told) continue;
        told = id;
        const { seconds, nanos } = event.eventTime ?? {};
        const atMs = Number(seconds ?? 0) * 1000 + (nanos ?? 0) / 1e6;
        onEvent({ id, what: nameOf(event, activities), atMs, ...askedIn(event) });
      }
      nextPageToken = page.nextPageToken.length === 0 ? undefined : page.nextPageToken;
      if (nextPageToken === undefined) return;
    } catch (error) {
      if (signal.aborted) return;
      // A token of a server that is gone may not be good for the next: from the beginning, what was told is skipped.
      nextPageToken = undefined;
      await sleep(isGrpcServiceError(error) && error.code === NOT_FOUND ? 2 : 100);
    }
  }
}

function askedIn({ activityTaskScheduledEventAttributes: asked }: Event): Pick<Seen, 'to'> {
  const [input] = asked?.input?.payloads ?? [];
  if (asked?.activityType?.name !== 'setTraffic' || input === undefined) return {};
  return { to: defaultPayloadConverter.fromPayload<SetTrafficInput>(input).to };
}

function nameOf(event: Event, activities: Map<string, string>): string {
  const type = (EventType[event.eventType ?? 0] ?? 'unknown')
    .replace(/^EVENT_TYPE_/, '')
    .toLowerCase()
    .replace(/(^|_)([a-z])/g, (_, __, letter: string) => letter.toUpperCase());
  const scheduled = event.activityTaskScheduledEventAttributes?.activityType?.name;
  if (typeof scheduled === 'string') activities.set(String(event.eventId), scheduled);
  const from =
    event.activityTaskStartedEventAttributes?.scheduledEventId ??
    event.activityTaskCompletedEventAttributes?.scheduledEventId ??
    event.activityTaskCanceledEventAttributes?.scheduledEventId ??
    event.activityTaskFailedEventAttributes?.scheduledEventId ??
    event.activityTaskTimedOutEventAttributes?.scheduledEventId ??
    event.activityTaskCancelRequestedEventAttributes?.scheduledEventId ??
    event.eventId;
  const activity = activities.get(String(from));
  return activity === undefined ? type : `${type} ${activity}`;
}
