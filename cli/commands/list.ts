import { defineSearchAttributeKey, type TypedSearchAttributes } from '@temporalio/common';
import type { WorkflowExecutionInfo } from '@temporalio/client';
import { ROLLOUT_WORKFLOW } from '../../core/messages.js';
import { targetName } from '../../core/plan.js';
import { type SEARCH_ATTRIBUTES, type SearchAttributeName } from '../../core/search-attributes.js';
import { QUEUE_WORKFLOW } from '../../core/queue.js';
import { instantText } from '../../core/units.js';
import type { Context } from '../context.js';
import { table } from '../output.js';
import { memoOf } from '../queue.js';
import type { CommandFunction } from '../program.js';
import { uiLink, uiListLink, withTemporal, type TemporalPlace } from '../temporal.js';

export const list: CommandFunction = async (ctx, _args, options) => {
  const { all = false, limit } = options as { all?: boolean; limit: number };
  const query = [
    `WorkflowType = '${ROLLOUT_WORKFLOW}'`,
    // A run that went on as a new one did not end.
    all ? `ExecutionStatus != 'ContinuedAsNew'` : `ExecutionStatus = 'Running'`,
    ...onTarget(ctx),
  ].join(' AND ');

  return withTemporal(ctx, async ({ client, place }) => {
    const found: Entry[] = [];
    const waiting: Entry[] = [];
    for await (const info of client.workflow.list({ query, pageSize: Math.min(limit, 1_000) })) {
      found.push(entryOf(info, place));
      if (found.length >= limit) break;
    }
    for await (const queue of client.workflow.list({ query: queueQuery(ctx) })) {
      waiting.push(...waitingEntries(queue, place));
    }
    const none = all
      ? 'No rollouts. `greenlight submit SPEC` starts one.'
      : 'No rollout runs. `greenlight list --all` shows those that are over.';
    const entries = [...found, ...waiting];
    ctx.out.result(entries.length === 0 ? none : table(HEADER, entries.map(rowOf)), entries);
    const link = uiListLink(place);
    // Beside the table, which may go on into another program.
    if (link !== null) ctx.out.note(`In Temporal's UI: ${link}`);
    return 'ok';
  });
};

function onTarget(ctx: Context): readonly string[] {
  return ctx.targetGiven ? [`RolloutTarget = '${targetName(ctx.target).replaceAll("'", "''")}'`] : [];
}

function queueQuery(ctx: Context): string {
  return [`WorkflowType = '${QUEUE_WORKFLOW}'`, `ExecutionStatus = 'Running'`, ...onTarget(ctx)].join(
    ' AND ',
  );
}

/** Those who wait, as rollouts that have not begun. */
function waitingEntries(info: WorkflowExecutionInfo, place: TemporalPlace): Entry[] {
  return memoOf(info).waiting.map(({ sinceMs }, index) => ({
    ...entryOf(info, place),
    phase: `queued (${index + 1})`,
    startedAtMs: sinceMs,
  }));
}

interface Entry {
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

const HEADER = ['ENDPOINT', 'TARGET', 'PHASE', 'OUTCOME', 'GREEN', 'STARTED', 'ENDED'];

function rowOf(entry: Entry): string[] {
  return [
    entry.endpoint,
    entry.target,
    entry.phase,
    entry.outcome ?? '-',
    entry.greenShare === null ? '-' : `${entry.greenShare} %`,
    instantText(entry.startedAtMs),
    entry.endedAtMs === null ? '-' : instantText(entry.endedAtMs),
  ];
}

function entryOf(info: WorkflowExecutionInfo, place: TemporalPlace): Entry {
  const attributes = info.typedSearchAttributes;
  const running = info.status.name === 'RUNNING';
  return {
    endpoint: text(attributes, 'RolloutEndpoint') ?? info.workflowId,
    target: text(attributes, 'RolloutTarget') ?? '-',
    phase: text(attributes, 'RolloutPhase') ?? '-',
    // Without an outcome of its own it was ended from outside: Temporal's word for it.
    outcome: text(attributes, 'RolloutOutcome') ?? (running ? null : info.status.name.toLowerCase()),
    greenShare: attributes.get(defineSearchAttributeKey('RolloutGreenShare', 'INT')) ?? null,
    startedAtMs: info.startTime.getTime(),
    endedAtMs: info.closeTime?.getTime() ?? null,
    workflowId: info.workflowId,
    runId: info.runId,
    ui: uiLink(place, info.workflowId, info.runId),
  };
}

type TextAttribute = {
  [N in SearchAttributeName]: (typeof SEARCH_ATTRIBUTES)[N] extends 'KEYWORD' ? N : never;
}[SearchAttributeName];

function text(attributes: TypedSearchAttributes, name: TextAttribute): string | undefined {
  return attributes.get(defineSearchAttributeKey(name, 'KEYWORD'));
}
