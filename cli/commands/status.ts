import { lostText } from '../../client/find.js';
import type { Greenlight } from '../../client/greenlight.js';
import { behind, droppedRows, waitingRows } from '../../client/queue.js';
import type { Rollout } from '../../client/rollout.js';
import type { Context } from '../context.js';
import { exitOf, type Exit } from '../exit-codes.js';
import { columns } from '../output.js';
import type { CommandFunction } from '../program.js';
import { reportText, section, statusText } from '../status-view.js';
import { idsOf, waitForEnd } from '../wait.js';
import { withGreenlight } from '../with-greenlight.js';

export const status: CommandFunction = async (ctx, [endpoint = ''], options) => {
  const { wait = false, run } = options as { wait?: boolean; run?: string };
  return withGreenlight(ctx, async (greenlight) => {
    const rollout = await greenlight.rollout(endpoint, { run });
    if (wait && rollout.running) return waitForEnd(ctx, rollout);
    const exit = await show(ctx, greenlight, rollout);
    // Asked where it stands, an answer is a success; asked to wait for the end, the end counts.
    return wait ? exit : 'ok';
  });
};

/** To the end, whatever its way there: live at a terminal. */
export const watch: CommandFunction = (ctx, args, options) => status(ctx, args, { ...options, wait: true });

async function show(ctx: Context, greenlight: Greenlight, rollout: Rollout): Promise<Exit> {
  const now = await rollout.status();
  const { waiting, dropped } = await behind(greenlight.session, rollout);
  const withOthers = (text: string): string =>
    [
      text,
      ...section('Waiting', columns(waitingRows(waiting))),
      ...section(DROPPED, columns(droppedRows(dropped))),
    ].join('\n');
  const beside = { ...idsOf(rollout), waiting, dropped };
  switch (now.kind) {
    case 'running': {
      const text = withOthers(statusText(now.status, Date.now()));
      const { ui } = rollout;
      ctx.out.result(ui === null ? text : `${text}\n\nIn Temporal's UI: ${ui}`, { ...now.status, ...beside });
      return 'ok';
    }
    case 'report':
      ctx.out.result(withOthers(reportText(now.report)), { ...now.report, ...beside });
      return exitOf(now);
    case 'lost':
      ctx.out.result(withOthers(lostText(rollout, now.because)), {
        outcome: null,
        reason: now.because,
        ...beside,
      });
      return exitOf(now);
    default:
      return now satisfies never;
  }
}

const DROPPED = 'Dropped, and not started; to be submitted again once the endpoint is put right';
