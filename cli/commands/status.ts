import { targetName } from '../../core/plan.js';
import type { CommandFunction } from '../program.js';
import { CliError } from '../errors.js';
import { askStatus, ending, exitOf, lostText, needRollout, type KnownRollout } from '../rollouts.js';
import { columns, indent } from '../output.js';
import { readQueue, waitingRows } from '../queue.js';
import { newestBeat, withBeat } from '../live.js';
import { reportText, statusText } from '../status-view.js';
import { uiLink, withTemporal, type Session } from '../temporal.js';
import type { Context } from '../context.js';
import type { Exit } from '../exit-codes.js';
import { waitForEnd } from '../wait.js';
import { noWorkerText, pollingWorkers } from '../workers.js';

export const status: CommandFunction = async (ctx, [endpoint = ''], options) => {
  const { wait = false } = options as { wait?: boolean };
  return withTemporal(ctx, async (session) => {
    const known = await needRollout(ctx, session, endpoint);
    if (wait && known.running) {
      return waitForEnd(ctx, session, { handle: known.handle, endpoint, ids: idsOf(session, known) });
    }
    if (known.running) return showRunning(ctx, session, known, endpoint);
    const exit = await showEnded(ctx, session, known, endpoint);
    // Asked where it stands, an answer is a success; asked to wait for the end, the end counts.
    return wait ? exit : 'ok';
  });
};

/** To the end, whatever its way there: live at a terminal. */
export const watch: CommandFunction = (ctx, args, options) => status(ctx, args, { ...options, wait: true });

async function showRunning(
  ctx: Context,
  session: Session,
  known: KnownRollout,
  endpoint: string,
): Promise<Exit> {
  const answer = await askStatus(session, known.handle);
  if ('status' in answer) {
    const ui = link(session, known);
    const now = withBeat(answer.status, await newestBeat(session.client, known.description));
    const { waiting = [] } = (await readQueue(session, ctx.target, endpoint)) ?? {};
    const behind =
      waiting.length === 0 ? '' : `\n\nWaiting\n${indent(columns(waitingRows(waiting))).join('\n')}`;
    const text = statusText(now, Date.now()) + behind;
    ctx.out.result(ui === null ? text : `${text}\n\nIn Temporal's UI: ${ui}`, {
      ...now,
      ...idsOf(session, known),
      waiting,
    });
    return 'ok';
  }
  const workers = await pollingWorkers(session, Date.now());
  const why =
    workers.length === 0
      ? noWorkerText(session)
      : `A worker polls (${workers.join(', ')}), and gave no answer: ${answer.silent}`;
  throw new CliError(
    'no-worker',
    `A rollout of ${endpoint} on ${targetName(ctx.target)} runs since ${known.description.startTime.toISOString()}, and no worker says where it stands.\n${why}\n` +
      'The rollout stands safe in Temporal and goes on with the next worker.',
  );
}

async function showEnded(
  ctx: Context,
  session: Session,
  known: KnownRollout,
  endpoint: string,
): Promise<Exit> {
  const ended = await ending(known.handle);
  if (ended.kind === 'report') {
    ctx.out.result(reportText(ended.report), { ...ended.report, ...idsOf(session, known) });
  } else {
    ctx.out.result(lostText(endpoint, ended.because), {
      outcome: null,
      reason: ended.because,
      ...idsOf(session, known),
    });
  }
  return exitOf(ended);
}

function link({ place }: Session, { description }: KnownRollout): string | null {
  return uiLink(place, description.workflowId, description.runId);
}

function idsOf(session: Session, known: KnownRollout): object {
  const { workflowId, runId } = known.description;
  return { workflowId, runId, ui: link(session, known) };
}
