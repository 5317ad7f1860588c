import { openEndpoints } from '../endpoints.js';
import type { CommandFunction } from '../program.js';

export const logs: CommandFunction = async (ctx, [endpoint = ''], options) => {
  const { deployment, lines } = options as { deployment: string; lines: number };
  const endpoints = await openEndpoints(ctx);
  const text = await endpoints.logs(endpoint, deployment, lines);
  ctx.out.result(text.replace(/\n$/, ''), { endpoint, deployment, log: text });
  return 'ok';
};
