import { basename } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { workflowId, type Plan } from '../../core/plan.js';
import type { QueueEntry } from '../../core/queue.js';
import { staticSummary } from '../../core/status-text.js';
import { withCarriedDispersion } from '../carried.js';
import { whoActs, type Context } from '../context.js';
import { CliError } from '../errors.js';
import type { Exit } from '../exit-codes.js';
import { supersede, untilFree } from '../free-endpoint.js';
import { columns, indent } from '../output.js';
import type { CommandFunction } from '../program.js';
import { enqueue, queueEntry, readQueue, untilSettled } from '../queue.js';
import { askStatus, findRollout } from '../rollouts.js';
import { readSpec } from '../spec-file.js';
import { start, taken, type Memo } from '../start-rollout.js';
import { uiLink, withTemporal, type Session } from '../temporal.js';
import { waitForEnd } from '../wait.js';
import { noWorkerText, pollingWorkers } from '../workers.js';

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
    const begun = await begin(ctx, session, plan, memo, { ...when, wait });
    if (begun === 'queued') return 'ok';
    if (begun === 'interrupted') return 'interrupted';
    const started = startedFacts(session, plan, begun);
    if (wait) {
      ctx.out.note(startedText(plan, started));
      return waitForEnd(ctx, session, { handle: begun, endpoint: plan.endpoint, ids: started });
    }
    ctx.out.result(startedText(plan, started), { ...started, endpoint: plan.endpoint, ...memo });
    return heardOf(ctx, session, plan, begun);
  });
};

/** What to do when another rollout holds the endpoint; by default, refuse. */
interface When {
  readonly queue?: boolean;
  readonly supersede?: boolean;
  /** Whether somebody waits for its start. */
  readonly wait?: boolean;
}

/** @returns the rollout, once it is started; `queued` where nobody waits for that. */
async function begin(
  ctx: Context,
  session: Session,
  plan: Plan,
  memo: Memo,
  { queue = false, supersede: mayEnd = false, wait = false }: When,
): Promise<WorkflowHandle | 'queued' | 'interrupted'> {
  const claimant = { endpoint: plan.endpoint, by: memo.by, spec: memo.spec };
  let stop: AbortSignal | undefined;
  for (let ended = false; ;) {
    // Anew each time: the rollout that was waited for may have learned something.
    const ready = await withCarriedDispersion(ctx, session, plan);
    const handle = await start(session, ready, memo);
    if (handle !== undefined) return handle;
    const refused = await taken(ctx, session, plan, memo);
    // Who has ended one rollout, and found another in its place, has met somebody who wants it too.
    if (!queue && (!mayEnd || ended)) throw refused;
    if (queue) {
      ctx.out.note(firstLine(refused.message));
      const entry = queueEntry(ready, memo);
      const place = await enqueue(session, { entry, first: false });
      return wait ? whenStarted(ctx, session, entry) : tellQueued(ctx, entry, place);
    }
    const holder = await findRollout({ ...ctx, target: plan.target }, session, plan.endpoint);
    if (holder?.running !== true) continue;
    ctx.out.note(firstLine(refused.message));
    // Where others wait, it stands before them: else one of them would take the place that it makes free.
    const others = (await readQueue(session, plan.target, plan.endpoint))?.waiting ?? [];
    if (others.length > 0) {
      const entry = queueEntry(ready, memo);
      await enqueue(session, { entry, first: true });
      await supersede(ctx, session, holder, claimant);
      return whenStarted(ctx, session, entry);
    }
    await supersede(ctx, session, holder, claimant);
    ended = true;
    stop ??= ctx.stop();
    if (await untilFree(session, holder, claimant, stop)) continue;
    ctx.out.note('Nothing was started.');
    return 'interrupted';
  }
}

function tellQueued(ctx: Context, { id, plan, by, spec }: QueueEntry, place: number): 'queued' {
  const { endpoint } = plan;
  ctx.out.result(
    [
      `${spec} waits for ${endpoint} as number ${place}, also when this machine is off. It starts when its turn comes.`,
      ...indent(
        columns([
          ['Who waits', `greenlight status ${endpoint}`],
          ['Withdraw it', `greenlight withdraw ${endpoint} --id ${id}`],
        ]),
      ),
    ].join('\n'),
    { endpoint, queued: id, place, digest: plan.digest, by, spec },
  );
  return 'queued';
}

/** @throws {CliError} refused, when it was withdrawn, or dropped because nobody knows how the endpoint stands. */
async function whenStarted(
  ctx: Context,
  session: Session,
  entry: QueueEntry,
): Promise<WorkflowHandle | 'interrupted'> {
  const { id, plan } = entry;
  const { endpoint } = plan;
  ctx.out.note(
    `waits for its turn as ${id}; Ctrl-C leaves it waiting, \`greenlight withdraw ${endpoint} --id ${id}\` takes it back`,
  );
  const fate = await untilSettled(session, entry, ctx.stop());
  if (fate === 'aborted') {
    ctx.out.note(
      `\nStopped waiting. ${entry.spec} keeps its place; \`greenlight withdraw ${endpoint} --id ${id}\` takes it back.`,
    );
    return 'interrupted';
  }
  if (fate.fate === 'started') {
    const runId = fate.runId === undefined ? {} : { firstExecutionRunId: fate.runId };
    return Object.assign(
      session.client.workflow.getHandle(workflowId(plan.target, endpoint), undefined, runId),
      runId,
    );
  }
  const advice =
    fate.fate === 'dropped'
      ? `\nLook with \`greenlight endpoint show ${endpoint}\`; \`greenlight revert ${endpoint}\` puts the traffic back. Then submit again.`
      : '';
  throw new CliError('refused', `Nothing was started: ${fate.because}.${advice}`);
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
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
