import { randomUUID } from 'node:crypto';
import type { ActionInput, ResolveDriftInput } from '../../core/messages.js';
import { whoActs } from '../context.js';
import { CliError } from '../errors.js';
import type { CommandFunction, Options } from '../program.js';
import { lastEnd, needRollout } from '../rollouts.js';
import { sendAction, type ActName } from '../send-action.js';
import { withTemporal } from '../temporal.js';

/** The commands by which people steer a rollout: each sends one message and prints the answer. */
export function act(name: ActName): CommandFunction {
  return async (ctx, [endpoint = ''], options) => {
    const {
      by,
      reason,
      requestId = randomUUID(),
    } = options as { by?: string; reason: string; requestId?: string };
    const common: ActionInput = { by: whoActs(by, ctx.env), reason };
    const input = name === 'drift' ? { ...common, choice: choiceOf(options) } : common;
    return withTemporal(ctx, async (session) => {
      const known = await needRollout(ctx, session, endpoint);
      if (!known.running) {
        throw new CliError(
          'not-found',
          `No rollout of ${endpoint} runs now. The last one ended at ${known.description.closeTime?.toISOString() ?? 'an unknown time'}: ${await lastEnd(known)}`,
        );
      }
      const answer = await sendAction(session, known.handle, name, input, requestId);
      ctx.out.result(`${endpoint}: ${answer}`, { endpoint, action: name, ...input, answer, requestId });
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
