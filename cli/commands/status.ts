import { lostText } from '../../client/find.js';
import type { Greenlight } from '../../client/greenlight.js';
import { readQueue, waitingRows } from '../../client/queue.js';
import type { Rollout } from '../../client/rollout.js';
import type { Context } from '../context.js';
import { exitOf, type Exit } from '../exit-codes.js';
import { columns, indent } from '../output.js';
import type { CommandFunction } from '../program.js';
import { reportText, statusText } from '../status-view.js';
import { idsOf, waitForEnd } from '../wait.js';
import { withGreenlight } from '../with-greenlight.js';

export const status: CommandFunction = async (ctx, [endpoint = ''], options) => {
  const { wait = false } = options as { wait?: boolean };
  return withGreenlight(ctx, async (greenlight) => {
    const rollout = await greenlight.rollout(endpoint);
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
  const ids = idsOf(rollout);
  switch (now.kind) {
    case 'running': {
      const queue = await readQueue(greenlight.session, rollout.target, rollout.endpoint);
      const waiting = queue?.waiting ?? [];
      const behind =
        waiting.length === 0 ? '' : `\n\nWaiting\n${indent(columns(waitingRows(waiting))).join('\n')}`;
      const text = statusText(now.status, Date.now()) + behind;
      const { ui } = rollout;
      ctx.out.result(ui === null ? text : `${text}\n\nIn Temporal's UI: ${ui}`, {
        ...now.status,
        ...ids,
        waiting,
      });
      return 'ok';
    }
    case 'report':
      ctx.out.result(reportText(now.report), { ...now.report, ...ids });
      return exitOf(now);
    case 'lost':
      ctx.out.result(lostText(rollout, now.because), { outcome: null, reason: now.because, ...ids });
      return exitOf(now);
    default:
      return now satisfies never;
  }
}
