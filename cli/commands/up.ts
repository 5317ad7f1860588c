import { startStack } from '../../embedded/stack.js';
import { columns, indent } from '../output.js';
import type { CommandFunction } from '../program.js';

export const up: CommandFunction = async (ctx) => {
  const stack = await startStack({ state: ctx.stateDir, progress: ctx.out.note });
  const { temporal, host, worker, codec } = stack;
  const facts = [
    ['Temporal', `${temporal.address}, namespace ${temporal.namespace}${temporal.own ? '' : ' (yours)'}`],
    ...(temporal.uiUrl === null ? [] : [['Temporal UI', temporal.uiUrl]]),
    ['Endpoints', host.gatewayUrl],
    ...(codec === null ? [] : [['Codec server', codec.url]]),
    ['Worker', `${worker.healthUrl}/readyz`],
    ['State', ctx.stateDir],
  ];
  ctx.out.result(
    [
      'Everything that a rollout needs runs on this machine:',
      ...indent(columns(facts)),
      '',
      'Next:',
      ...indent(
        columns([
          ['$ greenlight endpoint create NAME --deployment FILE', 'an endpoint with its first version'],
          ['$ greenlight submit SPEC --wait', 'roll out the next version'],
          ['$ greenlight down', 'stop it all; nothing is lost'],
        ]),
      ),
    ].join('\n'),
    { ...stack, state: ctx.stateDir },
  );
  return 'ok';
};
