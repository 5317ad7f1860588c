import { defineSearchAttributeKey } from '@temporalio/common';
import type { WorkflowExecutionInfo } from '@temporalio/client';
import { ROLLOUT_WORKFLOW } from '../core/messages.js';
import { QUEUE_WORKFLOW } from '../core/queue.js';
import { memoOf } from './queue.js';
import { textAttribute } from './search-attributes.js';
import { startedAtMs } from './start-rollout.js';
import { uiLink, type Session, type TemporalPlace } from './temporal.js';
import { quoted } from './texts.js';

export interface ListOptions {
  /** Those that are over, too. */
  readonly all?: boolean;
  /** At most so many. Default 50. */
  readonly limit?: number;
  /** Only of this target, as `targetName` writes it. */
  readonly target?: string;
}

/** A rollout as Temporal's search attributes tell it. */
export interface ListedRollout {
  readonly endpoint: string;
  readonly target: string;
  readonly phase: string;
  readonly outcome: string | null;
  /** Whole percent; null before the first reading. */
  readonly greenShare: number | null;
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  readonly workflowId: string;
  readonly runId: string;
  readonly ui: string | null;
}

/** Newest first, then those who wait for an endpoint. */
export async function listRollouts(
  { client, place }: Session,
  { all = false, limit = 50, target }: ListOptions,
): Promise<readonly ListedRollout[]> {
  const onTarget = target === undefined ? [] : [`RolloutTarget = ${quoted(target)}`];
  const query = [
    `WorkflowType = '${ROLLOUT_WORKFLOW}'`,
    // A run that went on as a new one did not end.
    all ? `ExecutionStatus != 'ContinuedAsNew'` : `ExecutionStatus = 'Running'`,
    ...onTarget,
  ].join(' AND ');
  const found: ListedRollout[] = [];
  for await (const info of client.workflow.list({ query, pageSize: Math.min(limit, 1_000) })) {
    found.push(listed(info, place));
    if (found.length >= limit) break;
  }
  const queues = [`WorkflowType = '${QUEUE_WORKFLOW}'`, `ExecutionStatus = 'Running'`, ...onTarget].join(
    ' AND ',
  );
  for await (const queue of client.workflow.list({ query: queues })) found.push(...waiting(queue, place));
  return found;
}

/** Those who wait, as rollouts that have not begun. */
function waiting(info: WorkflowExecutionInfo, place: TemporalPlace): ListedRollout[] {
  return memoOf(info).waiting.map(({ sinceMs }, index) => ({
    ...listed(info, place),
    phase: `queued (${index + 1})`,
    startedAtMs: sinceMs,
  }));
}

function listed(info: WorkflowExecutionInfo, place: TemporalPlace): ListedRollout {
  const attributes = info.typedSearchAttributes;
  const running = info.status.name === 'RUNNING';
  return {
    endpoint: textAttribute(attributes, 'RolloutEndpoint') ?? info.workflowId,
    target: textAttribute(attributes, 'RolloutTarget') ?? '-',
    phase: textAttribute(attributes, 'RolloutPhase') ?? '-',
    // Without an outcome of its own it was ended from outside: Temporal's word for it.
    outcome: textAttribute(attributes, 'RolloutOutcome') ?? (running ? null : info.status.name.toLowerCase()),
    greenShare: attributes.get(defineSearchAttributeKey('RolloutGreenShare', 'INT')) ?? null,
    startedAtMs: startedAtMs(info),
    endedAtMs: info.closeTime?.getTime() ?? null,
    workflowId: info.workflowId,
    runId: info.runId,
    ui: uiLink(place, info.workflowId, info.runId),
  };
}
