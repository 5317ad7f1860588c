import { stopStack } from '../../embedded/stack.js';
import type { CommandFunction } from '../program.js';

export const down: CommandFunction = async (ctx) => {
  const stopped = await stopStack({ state: ctx.stateDir });
  const names = [
    ...(stopped.worker ? ['the worker'] : []),
    ...(stopped.host ? ['the endpoint host with its gateway and model servers'] : []),
    ...(stopped.temporal ? ['Temporal'] : []),
  ];
  ctx.out.result(
    names.length === 0
      ? `Nothing ran that \`greenlight up\` had started in ${ctx.stateDir}.`
      : `Stopped ${names.join(', ')}. Endpoints and rollouts stay in ${ctx.stateDir}; \`greenlight up\` goes on with them.`,
    { ...stopped, state: ctx.stateDir },
  );
  return 'ok';
};
