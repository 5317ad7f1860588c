import { openEndpoints } from '../endpoints.js';
import { columns } from '../output.js';
import type { CommandFunction } from '../program.js';

export const endpointKeys: CommandFunction = async (ctx, [name = '']) => {
  const endpoints = await openEndpoints(ctx);
  const keys = await endpoints.keys(name);
  ctx.out.result(
    columns([
      ['primary', keys.primary],
      ['secondary', keys.secondary],
    ]).join('\n'),
    keys,
  );
  return 'ok';
};
