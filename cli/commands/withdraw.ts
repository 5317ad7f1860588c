import { thisUser } from '../../client/who.js';
import type { Fate } from '../../core/queue.js';
import { givenName } from '../context.js';
import { CliError } from '../errors.js';
import { columns, indent } from '../output.js';
import type { CommandFunction } from '../program.js';
import { readQueue, waitingRows, withdraw as takeBack } from '../../client/queue.js';
import { withGreenlight } from '../with-greenlight.js';

/** Takes a plan back that waits for an endpoint. */
export const withdraw: CommandFunction = async (ctx, [endpoint = ''], options) => {
  const { id: given, by, reason } = options as { id?: string; by?: string; reason: string };
  return withGreenlight(ctx, async ({ session }) => {
    const { waiting = [], fates = [] } = (await readQueue(session, ctx.target, endpoint)) ?? {};
    const fate = fates.find(({ id }) => id === given);
    if (fate !== undefined) {
      throw new CliError(
        'not-found',
        `${fate.id} does not wait for ${endpoint} any more: it ${whatBecameOf(fate)}.`,
      );
    }
    const [only, ...others] = waiting;
    if (only === undefined) throw new CliError('not-found', `Nobody waits for ${endpoint}.`);
    if (given === undefined && others.length > 0) {
      throw new CliError(
        'usage',
        [
          `${waiting.length} rollouts wait for ${endpoint}; name one with --id:`,
          ...indent(columns(waitingRows(waiting))),
        ].join('\n'),
      );
    }
    const id = given ?? only.id;
    const input = { id, by: givenName(by) ?? thisUser(ctx.env), reason };
    const answer = await takeBack(session, ctx.target, endpoint, input);
    ctx.out.result(`${endpoint}: ${id} is ${answer}`, { endpoint, action: 'withdraw', ...input, answer });
    return 'ok';
  });
};

function whatBecameOf({ fate, because }: Fate): string {
  switch (fate) {
    case 'started':
      return 'has started';
    case 'withdrawn':
      return `was ${because}`;
    case 'dropped':
      return `was dropped: ${because}`;
    default:
      return fate satisfies never;
  }
}
