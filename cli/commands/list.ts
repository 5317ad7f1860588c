import type { ListedRollout } from '../../client/list.js';
import { uiListLink } from '../../client/temporal.js';
import { targetName } from '../../core/plan.js';
import { instantText } from '../../core/units.js';
import { table } from '../output.js';
import type { CommandFunction } from '../program.js';
import { withGreenlight } from '../with-greenlight.js';

export const list: CommandFunction = async (ctx, _args, options) => {
  const { all = false, limit } = options as { all?: boolean; limit: number };
  return withGreenlight(ctx, async (greenlight) => {
    const found = await greenlight.list({
      all,
      limit,
      ...(ctx.targetFrom !== null ? { target: targetName(ctx.target) } : {}),
    });
    const none = all
      ? 'No rollouts. `greenlight submit SPEC` starts one.'
      : 'No rollout runs. `greenlight list --all` shows those that are over.';
    ctx.out.result(found.length === 0 ? none : table(HEADER, found.map(rowOf)), found);
    const link = uiListLink(greenlight.session.place);
    // Beside the table, which may go on into another program.
    if (link !== null) ctx.out.note(`In Temporal's UI: ${link}`);
    return 'ok';
  });
};

const HEADER = ['ENDPOINT', 'TARGET', 'PHASE', 'OUTCOME', 'GREEN', 'STARTED', 'ENDED'];

function rowOf(entry: ListedRollout): string[] {
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
