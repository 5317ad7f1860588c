import { basename } from 'node:path';
import { WorkflowExecutionAlreadyStartedError, type WorkflowHandle } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import { ROLLOUT_WORKFLOW } from '../../core/messages.js';
import { TASK_QUEUE } from '../../core/names.js';
import { targetName, workflowId, type Plan } from '../../core/plan.js';
import { staticSummary } from '../../core/status-text.js';
import { renderPlan } from '../../spec/index.js';
import { withCarriedDispersion } from '../carried.js';
import { whoActs, type Context } from '../context.js';
import { CliError, detailsOf } from '../errors.js';
import type { Exit } from '../exit-codes.js';
import { supersede, untilFree } from '../free-endpoint.js';
import { columns, indent } from '../output.js';
import type { CommandFunction } from '../program.js';
import { askStatus, findRollout } from '../rollouts.js';
import { readSpec } from '../spec-file.js';
import { shortenTo } from '../texts.js';
import { uiLink, withTemporal, type Session } from '../temporal.js';
import { waitForEnd } from '../wait.js';
import { noWorkerText, pollingWorkers } from '../workers.js';

/** Temporal's limit for static details, bytes. */
const DETAILS_BYTES = 20_000;
const SUMMARY_BYTES = 200;

export const submit: CommandFunction = async (ctx, [file = ''], options) => {
  const { wait = false, by, ...when } = options as { wait?: boolean; by?: string } & When;
  const spec = await readSpec(ctx, file);
  if (!spec.ok) {
    if (ctx.out.json) ctx.out.result('', { ok: false, problems: spec.problems });
    return 'rejected';
  }
  const { plan } = spec;
  const memo: Memo = { digest: plan.digest, by: whoActs(by, ctx.env), spec: basename(file) };
  return withTemporal(ctx, async (session) => {
    const workers = await pollingWorkers(session, Date.now());
    if (workers.length === 0) {
      throw new CliError(
        'no-worker',
        `The rollout of ${plan.endpoint} was not started. ${noWorkerText(session)}`,
      );
    }
    const handle = await startWhenFree(ctx, session, plan, memo, when);
    if (handle === undefined) return 'interrupted';
    const started = startedFacts(session, plan, handle);
    if (wait) {
      ctx.out.note(startedText(plan, started));
      return waitForEnd(ctx, session, { handle, endpoint: plan.endpoint, ids: started });
    }
    ctx.out.result(startedText(plan, started), { ...started, endpoint: plan.endpoint, ...memo });
    return heardOf(ctx, session, plan, handle);
  });
};

/** Who submitted what: kept with the workflow, for whoever finds the endpoint taken. */
interface Memo extends Record<string, unknown> {
  readonly digest: string;
  readonly by: string;
  readonly spec: string;
}

/** What to do when another rollout holds the endpoint; by default, refuse. */
interface When {
  readonly queue?: boolean;
  readonly supersede?: boolean;
}

/** @returns undefined when a person ended the waiting. */
async function startWhenFree(
  ctx: Context,
  session: Session,
  plan: Plan,
  memo: Memo,
  { queue = false, supersede: mayEnd = false }: When,
): Promise<WorkflowHandle | undefined> {
  const claimant = { endpoint: plan.endpoint, by: memo.by, spec: memo.spec };
  let stop: AbortSignal | undefined;
  for (let ended = false; ;) {
    // Anew each time: the rollout that was waited for may have learned something.
    const handle = await start(session, await withCarriedDispersion(ctx, session, plan), memo);
    if (handle !== undefined) return handle;
    const refusal = await taken(ctx, session, plan, memo);
    // Who has ended one rollout, and found another in its place, has met somebody who wants it too.
    if (!queue && (!mayEnd || ended)) throw refusal;
    const holder = await findRollout({ ...ctx, target: plan.target }, session, plan.endpoint);
    if (holder?.running !== true) continue;
    ctx.out.note(firstLine(refusal.message));
    if (mayEnd) await supersede(ctx, session, holder, claimant);
    else ctx.out.note('waiting for its end; Ctrl-C gives the place up');
    ended = true;
    stop ??= ctx.stop();
    if (await untilFree(session, holder, claimant, stop)) continue;
    ctx.out.note('Nothing was started.');
    return undefined;
  }
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}

/** @returns undefined when another rollout holds the endpoint. */
async function start(session: Session, plan: Plan, memo: Memo): Promise<WorkflowHandle | undefined> {
  const key = (name: string) => defineSearchAttributeKey(name, 'KEYWORD');
  try {
    return await session.client.workflow.start(ROLLOUT_WORKFLOW, {
      workflowId: workflowId(plan.target, plan.endpoint),
      taskQueue: TASK_QUEUE,
      args: [plan],
      workflowIdConflictPolicy: 'FAIL',
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      staticSummary: shortenTo(staticSummary(plan), SUMMARY_BYTES),
      staticDetails: shortenTo(`\`\`\`\n${renderPlan(plan)}\n\`\`\``, DETAILS_BYTES),
      typedSearchAttributes: [
        { key: key('RolloutEndpoint'), value: plan.endpoint },
        { key: key('RolloutTarget'), value: targetName(plan.target) },
        { key: key('RolloutPhase'), value: 'preflight' },
      ],
      memo,
    });
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return undefined;
    if (/search attribute/i.test(detailsOf(error))) throw unknownAttributes(session, error);
    throw error;
  }
}

/** Who holds the endpoint, since when, and what can be done about it. */
async function taken(ctx: Context, session: Session, plan: Plan, mine: Memo): Promise<CliError> {
  const { endpoint } = plan;
  const on = `${endpoint} on ${targetName(plan.target)}`;
  const again = `Nothing was started. Submit with --queue to start when it is over, or with --supersede to roll it back first; \`greenlight status ${endpoint} --wait\` tells how it goes.`;
  const known = await findRollout({ ...ctx, target: plan.target }, session, endpoint);
  if (known?.running !== true) {
    return new CliError(
      'already-running',
      `${on} was held by another rollout, which ended just now. Submit again.`,
    );
  }
  const theirs = (known.description.memo ?? {}) as Partial<Memo>;
  const answer = await askStatus(session, known.handle);
  const where =
    'status' in answer ? `${answer.status.green}, ${answer.status.phase}` : 'no worker says where it stands';
  const same = theirs.digest === mine.digest ? ' It is this very spec.' : '';
  return new CliError(
    'already-running',
    `${on} is held by a rollout of ${theirs.by ?? 'someone unknown'} (${where}), started ${known.description.startTime.toISOString()}.${same}\n${again}`,
  );
}

function unknownAttributes({ place }: Session, error: unknown): CliError {
  return new CliError(
    'unreachable',
    `Temporal at ${place.address}, namespace ${place.namespace}, does not know the search attributes of rollouts: ${detailsOf(error)}\n` +
      'Run `greenlight up`, which registers them; `greenlight doctor` prints the command by hand.',
    { cause: error },
  );
}

interface Started {
  readonly workflowId: string;
  readonly runId: string | null;
  readonly ui: string | null;
}

function startedFacts({ place }: Session, plan: Plan, handle: WorkflowHandle): Started {
  const { firstExecutionRunId: runId = null } = handle as WorkflowHandle & {
    readonly firstExecutionRunId?: string;
  };
  const id = workflowId(plan.target, plan.endpoint);
  return { workflowId: id, runId, ui: runId === null ? null : uiLink(place, id, runId) };
}

function startedText(plan: Plan, started: Started): string {
  return [
    `Started ${started.workflowId} (${staticSummary(plan)})`,
    ...indent(
      columns([
        ...(started.ui === null ? [] : [['Temporal UI', started.ui]]),
        ['Status', `greenlight status ${plan.endpoint}`],
        ['Stop it', `greenlight abort ${plan.endpoint} --reason …`],
      ]),
    ),
  ].join('\n');
}

/** A worker that died a moment ago still counts as polling: the first answer is the proof. */
async function heardOf(ctx: Context, session: Session, plan: Plan, handle: WorkflowHandle): Promise<Exit> {
  const answer = await askStatus(session, handle);
  if ('status' in answer) return 'ok';
  ctx.out.note(
    `The rollout of ${plan.endpoint} is started, and no worker has taken it up yet: ${answer.silent}\n` +
      'It waits in Temporal, and has changed nothing. `greenlight doctor` shows whether a worker runs; `greenlight up` starts one.',
  );
  return 'no-worker';
}
