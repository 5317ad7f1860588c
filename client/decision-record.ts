import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import { recordedWindow, type DecisionRecord, type RecordedWindow } from '../core/decision-record.js';
import type { Plan } from '../core/plan.js';
import type { WatchBeat, WatchInput, WatchResult } from '../core/watch.js';
import { decodePayloads } from './payloads.js';
import { msOf } from './proto-time.js';

type History = Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>;
type HistoryEvent = NonNullable<History['events']>[number];

/** The name that Temporal knows the activity by. */
const WATCH = 'watch';

/**
 * Every window of a rollout, read from its history: the record needs no store of its own, and lives as long as the
 * namespace keeps closed workflows.
 *
 * @param runId - the newest run; earlier ones, before continue-as-new, are followed back.
 * @param beat - the newest look of the watch under way, if any: its window is told as far as it is.
 */
export async function decisionRecord(
  client: Client,
  workflowId: string,
  runId: string,
  beat?: WatchBeat,
): Promise<DecisionRecord> {
  let windows: RecordedWindow[] = [];
  let plan: Plan | undefined;
  let baseline = '';
  for (let run: string | undefined = runId; run !== undefined;) {
    const history = await runHistory(client, workflowId, run);
    if (history === undefined) break; // an earlier run that the namespace no longer keeps
    const started = history.events?.[0]?.workflowExecutionStartedEventAttributes;
    const [given] = await decodePayloads<[Plan]>(client, started?.input?.payloads);
    if (given === undefined) break;
    plan ??= given;
    const found = await windowsOf(client, given, history.events ?? [], run === runId ? beat : undefined);
    windows = [...found.windows, ...windows];
    baseline ||= found.baseline;
    run = started?.continuedExecutionRunId || undefined;
  }
  if (plan === undefined) throw new Error(`the history of ${workflowId} begins without a plan`);
  return { v: 1, plan, baseline: baseline || (plan.baseline ?? ''), windows };
}

async function runHistory(client: Client, workflowId: string, runId: string): Promise<History | undefined> {
  try {
    return await client.workflow.getHandle(workflowId, runId).fetchHistory();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

async function windowsOf(
  client: Client,
  plan: Plan,
  events: readonly HistoryEvent[],
  beat: WatchBeat | undefined,
): Promise<{ readonly windows: RecordedWindow[]; readonly baseline: string }> {
  const byId = new Map(events.map((event) => [String(event.eventId), event]));
  const windows: RecordedWindow[] = [];
  let baseline = '';
  for (const event of events) {
    const completed = event.activityTaskCompletedEventAttributes;
    if (!completed) continue;
    const scheduledEvent = byId.get(String(completed.scheduledEventId));
    const scheduled = scheduledEvent?.activityTaskScheduledEventAttributes;
    if (scheduled?.activityType?.name !== WATCH) continue;
    const [input] = await decodePayloads<[WatchInput]>(client, scheduled.input?.payloads);
    const [result] = await decodePayloads<[WatchResult]>(client, completed.result?.payloads);
    if (input === undefined || result === undefined) continue;
    baseline = input.baseline;
    windows.push(
      recordedWindow(plan, input, result, {
        startedAtMs: msOf(scheduledEvent?.eventTime),
        endedAtMs: msOf(event.eventTime),
      }),
    );
  }
  const open = beat === undefined ? undefined : openWatch(events);
  if (beat !== undefined && open !== undefined) {
    const [input] = await decodePayloads<[WatchInput]>(
      client,
      open.activityTaskScheduledEventAttributes?.input?.payloads,
    );
    if (input !== undefined) {
      baseline = input.baseline;
      windows.push(
        recordedWindow(plan, input, soFar(beat), {
          startedAtMs: msOf(open.eventTime),
          endedAtMs: Date.now(),
        }),
      );
    }
  }
  return { windows, baseline };
}

/** The watch that was asked for last, if it has not ended in any way. */
function openWatch(events: readonly HistoryEvent[]): HistoryEvent | undefined {
  const last = events.findLast(
    (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === WATCH,
  );
  const ended = events.some((event) => {
    const end =
      event.activityTaskCompletedEventAttributes ??
      event.activityTaskFailedEventAttributes ??
      event.activityTaskCanceledEventAttributes ??
      event.activityTaskTimedOutEventAttributes;
    return end != null && String(end.scheduledEventId) === String(last?.eventId);
  });
  return ended ? undefined : last;
}

function soFar({ sentence, evidence, memory }: WatchBeat): WatchResult {
  return { verdict: 'window-over', sentence, evidence, observed: null, blind: null, memory };
}
