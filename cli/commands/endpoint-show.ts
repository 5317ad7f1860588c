import { endpointText } from '../endpoint-view.js';
import { openEndpoints } from '../endpoints.js';
import type { CommandFunction } from '../program.js';

export const endpointShow: CommandFunction = async (ctx, [name = '']) => {
  const endpoints = await openEndpoints(ctx);
  const found = await endpoints.read(name);
  ctx.out.result(endpointText(found), found);
  return 'ok';
};
