import {
  WorkflowExecutionAlreadyStartedError,
  type WorkflowExecutionInfo,
  type WorkflowHandle,
} from '@temporalio/client';
import { defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';
import { endpointArgument } from '../core/command-text.js';
import { DECISION_WITHIN_MS, ROLLOUT_WORKFLOW } from '../core/messages.js';
import { TASK_QUEUE } from '../core/names.js';
import { targetName, workflowId, type Plan } from '../core/plan.js';
import { attributesAtStart } from '../core/search-attributes.js';
import { staticSummary } from '../core/status-text.js';
import { renderPlan } from '../spec/index.js';
import { detailsOf, GreenlightError, isUnreachable } from './errors.js';
import { askStatus, chainOf, type KnownRollout } from './find.js';
import type { Session } from './temporal.js';
import { shortenTo } from './texts.js';

/** Temporal's limit for static details, bytes. */
const DETAILS_BYTES = 20_000;
const SUMMARY_BYTES = 200;

/** Who submitted what: kept with the workflow, for whoever finds the endpoint taken. */
export interface Memo extends Record<string, unknown> {
  readonly digest: string;
  readonly by: string;
  readonly spec: string;
}

/** What a rollout's workflow is started with: a run that goes on as a new one keeps it, and has a start time of its own. */
export interface StartMemo extends Memo {
  readonly startedAtMs: number;
  /** Id of the entry of a queue that it was. */
  readonly queuedAs?: string;
}

/** When a rollout began, whichever of its runs this is. */
export function startedAtMs({ memo, startTime }: Pick<WorkflowExecutionInfo, 'memo' | 'startTime'>): number {
  return (memo as Partial<StartMemo> | undefined)?.startedAtMs ?? startTime.getTime();
}

/** What a rollout's page in Temporal's UI says of it from the start. */
export function startTexts(plan: Plan): { readonly summary: string; readonly details: string } {
  return {
    summary: shortenTo(staticSummary(plan), SUMMARY_BYTES),
    details: shortenTo(`\`\`\`\n${renderPlan(plan)}\n\`\`\``, DETAILS_BYTES),
  };
}

/** By what the list of all rollouts finds it from the start. */
export function startAttributes({ target, endpoint }: Plan): SearchAttributePair[] {
  return attributesAtStart(target, endpoint).map(([name, value]) => ({
    key: defineSearchAttributeKey(name, 'KEYWORD'),
    value,
  }));
}

/** A rollout that Temporal has taken. */
export interface Started {
  readonly kind: 'started';
  readonly handle: WorkflowHandle;
  /** Of the run that it began with; empty where a queue of an older worker did not keep it. */
  readonly runId: string;
}

/**
 * @returns undefined when another rollout holds the endpoint.
 * @throws {GreenlightError} unreachable, when Temporal went away meanwhile.
 */
export async function start(session: Session, plan: Plan, memo: Memo): Promise<Started | undefined> {
  const { summary, details } = startTexts(plan);
  try {
    const handle = await session.client.workflow.start(ROLLOUT_WORKFLOW, {
      workflowId: workflowId(plan.target, plan.endpoint),
      taskQueue: TASK_QUEUE,
      args: [plan],
      workflowTaskTimeout: DECISION_WITHIN_MS,
      workflowIdConflictPolicy: 'FAIL',
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      staticSummary: summary,
      staticDetails: details,
      typedSearchAttributes: startAttributes(plan),
      memo: { ...memo, startedAtMs: Date.now() } satisfies StartMemo,
    });
    return { kind: 'started', handle, runId: handle.firstExecutionRunId };
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return undefined;
    if (isUnreachable(error)) throw perhapsStarted(session, plan, error);
    if (/search attribute/i.test(detailsOf(error))) throw unknownAttributes(session, plan, error);
    throw error;
  }
}

/** Who holds the endpoint, since when, and what can be done about it. */
export async function taken(
  session: Session,
  plan: Plan,
  mine: Memo,
  holder: KnownRollout | undefined,
): Promise<GreenlightError> {
  const on = `${plan.endpoint} on ${targetName(plan.target)}`;
  const again = `Nothing was started. Submit with --queue to start when it is over, or with --supersede to roll it back first; \`greenlight status ${endpointArgument(plan)} --wait\` tells how it goes.`;
  if (holder?.running !== true) {
    return new GreenlightError(
      'already-running',
      `${on} was held by another rollout, which ended just now. Submit again.`,
    );
  }
  const theirs = (holder.description.memo ?? {}) as Partial<Memo>;
  const where = await askStatus(session, chainOf(holder.description)).then(
    (answer) =>
      'status' in answer
        ? `${answer.status.green}, ${answer.status.phase}`
        : 'no worker says where it stands',
    // That it is taken is known all the same.
    (error: unknown) => `where it stands is not known: ${detailsOf(error)}`,
  );
  const same = theirs.digest === mine.digest ? ' It is this very spec.' : '';
  return new GreenlightError(
    'already-running',
    `${on} is held by a rollout of ${theirs.by ?? 'someone unknown'} (${where}), started ${new Date(startedAtMs(holder.description)).toISOString()}.${same}\n${again}`,
  );
}

/** Temporal may have taken the start, and gone away before it said so. */
function perhapsStarted({ place }: Session, plan: Plan, error: unknown): GreenlightError {
  return new GreenlightError(
    'unreachable',
    `Temporal at ${place.address} went away while the rollout of ${plan.endpoint} was being started: ${detailsOf(error)}\n` +
      `It may have started: \`greenlight status ${endpointArgument(plan)}\` shows it when Temporal is back. Submitting again starts no second one beside it.`,
    { cause: error },
  );
}

function unknownAttributes({ place }: Session, plan: Plan, error: unknown): GreenlightError {
  return new GreenlightError(
    'unreachable',
    `Temporal at ${place.address}, namespace ${place.namespace}, does not know the search attributes of rollouts: ${detailsOf(error)}\n` +
      (place.source === 'stack'
        ? 'Run `greenlight up`, which registers them; `greenlight doctor` prints the command by hand.'
        : `\`greenlight doctor ${endpointArgument(plan)}\` prints the command that registers them.`),
    { cause: error },
  );
}
