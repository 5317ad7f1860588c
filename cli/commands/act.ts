import { randomUUID } from 'node:crypto';
import type { ActName } from '../../client/send-action.js';
import { thisUser } from '../../client/who.js';
import type { ResolveDriftInput } from '../../core/messages.js';
import { givenName } from '../context.js';
import { CliError } from '../errors.js';
import type { CommandFunction, Options } from '../program.js';
import { withGreenlight } from '../with-greenlight.js';

/** The commands by which people steer a rollout: each sends one message and prints the answer. */
export function act(name: ActName): CommandFunction {
  return async (ctx, [endpoint = ''], options) => {
    const {
      reason,
      run,
      requestId = randomUUID(),
    } = options as { reason: string; run?: string; requestId?: string };
    const by = givenName((options as { by?: string }).by) ?? thisUser(ctx.env);
    const choice = name === 'drift' ? choiceOf(options) : undefined;
    return withGreenlight(ctx, async (greenlight) => {
      const rollout = await greenlight.rollout(endpoint, { run });
      const answer = await rollout.act(name, { by, reason, requestId }, choice);
      const said = { by, reason, ...(choice === undefined ? {} : { choice }) };
      ctx.out.result(`${endpoint}: ${answer}`, { endpoint, action: name, ...said, answer, requestId });
      return 'ok';
    });
  };
}

function choiceOf(options: Options): ResolveDriftInput['choice'] {
  const { adopt = false, restore = false } = options as { adopt?: boolean; restore?: boolean };
  if (adopt !== restore) return adopt ? 'adopt' : 'restore';
  throw new CliError(
    'usage',
    `${adopt ? 'Both --adopt and --restore were given' : 'Neither --adopt nor --restore was given'}; expected one of them: ` +
      '--adopt goes on from the traffic that stands there now, --restore writes again what the rollout wanted',
  );
}
