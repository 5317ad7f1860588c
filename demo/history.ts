import type { Client } from '@temporalio/client';
import { decodePayloads, type Payload } from '../client/payloads.js';
import type { SetTrafficInput } from '../core/activities.js';
import type { Gate, Plan } from '../core/plan.js';
import { sameTraffic } from '../core/traffic.js';
import type { WatchResult } from '../core/watch.js';

type History = Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>;
type HistoryEvent = NonNullable<History['events']>[number];
type Payloads = { readonly payloads?: readonly Payload[] | null };

/** What Temporal recorded of a rollout, as far as the demo judges it. */
export interface RolloutRecord {
  readonly runId: string;
  /** Events of the history; the longest, where the rollout went on as a new run. */
  readonly events: number;
  readonly gates: readonly Gate[];
  /** What the watch saw that ended in a breach, and when it said so; null when none did. */
  readonly breach: (Pick<WatchResult, 'sentence' | 'evidence'> & { readonly atMs: number }) | null;
  /** When all live traffic was last read back at `baseline`, after a write; milliseconds since the epoch. */
  readonly backAtMs: number | null;
}

/** Reads what Temporal recorded of a rollout, over continue-as-new. */
export async function readRollout(
  client: Client,
  workflowId: string,
  firstRunId: string,
  baseline: string,
): Promise<RolloutRecord> {
  const histories: HistoryEvent[][] = [];
  for (let runId: string | null | undefined = firstRunId; runId;) {
    const events: HistoryEvent[] =
      (await client.workflow.getHandle(workflowId, runId).fetchHistory()).events ?? [];
    histories.push(events);
    runId = events.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
  }
  return {
    runId: firstRunId,
    events: Math.max(...histories.map((events) => events.length)),
    gates: (await planIn(client, histories[0] ?? [])).gates,
    breach:
      (await Promise.all(histories.map((events) => breachIn(client, events)))).find((b) => b !== null) ??
      null,
    backAtMs:
      (await Promise.all(histories.map((events) => backAtIn(client, events, baseline)))).findLast(
        (at) => at !== null,
      ) ?? null,
  };
}

function planIn(client: Client, events: readonly HistoryEvent[]): Promise<Plan> {
  return first<Plan>(client, events[0]?.workflowExecutionStartedEventAttributes?.input);
}

async function breachIn(client: Client, events: readonly HistoryEvent[]): Promise<RolloutRecord['breach']> {
  const results = await Promise.all(
    completed(events, 'watch').map(async ({ result, atMs }) => ({
      ...(await first<WatchResult>(client, result)),
      atMs,
    })),
  );
  return results.find(({ verdict }) => verdict === 'breach') ?? null;
}

/** An activity that writes traffic ends when the endpoint shows it: its completion is the reading back. */
async function backAtIn(
  client: Client,
  events: readonly HistoryEvent[],
  baseline: string,
): Promise<number | null> {
  for (const { input, atMs } of completed(events, 'setTraffic').toReversed()) {
    const { to } = await first<SetTrafficInput>(client, input);
    if (sameTraffic(to, { live: { [baseline]: 100 }, mirror: {} })) return atMs;
  }
  return null;
}

interface Completed {
  readonly input: Payloads | null | undefined;
  readonly result: Payloads | null | undefined;
  readonly atMs: number;
}

function completed(events: readonly HistoryEvent[], activity: string): readonly Completed[] {
  return events.flatMap((event) => {
    const done = event.activityTaskCompletedEventAttributes;
    if (!done) return [];
    const scheduled = events.find(({ eventId }) => String(eventId) === String(done.scheduledEventId));
    const task = scheduled?.activityTaskScheduledEventAttributes;
    if (task?.activityType?.name !== activity) return [];
    const { seconds, nanos } = event.eventTime ?? {};
    return [
      { input: task.input, result: done.result, atMs: Number(seconds ?? 0) * 1000 + (nanos ?? 0) / 1e6 },
    ];
  });
}

async function first<T>(client: Client, payloads: Payloads | null | undefined): Promise<T> {
  const [value] = await decodePayloads<[T]>(client, payloads?.payloads);
  if (value === undefined) throw new Error('an event of the rollout has no payload where one belongs');
  return value;
}
