import { endpointArgument } from '../../core/command-text.js';
import { targetName } from '../../core/plan.js';
import { trafficText } from '../../core/traffic.js';
import { endpointNoun, openEndpoints } from '../endpoints.js';
import { table } from '../output.js';
import type { CommandFunction } from '../program.js';

export const endpointList: CommandFunction = async (ctx) => {
  const endpoints = await openEndpoints(ctx);
  const found = await endpoints.listEndpoints();
  const rows = found.map(({ name, kind, state, traffic, scoringUri }) => [
    name,
    kind,
    state,
    trafficText(traffic),
    scoringUri,
  ]);
  ctx.out.result(
    found.length === 0
      ? `${targetName(ctx.target)} has no ${endpointNoun(ctx.target)}s. \`greenlight endpoint create ${endpointArgument({ target: ctx.target, endpoint: 'NAME' })} --deployment FILE\` creates one.`
      : table(['ENDPOINT', 'KIND', 'STATE', 'TRAFFIC', 'ADDRESS'], rows),
    found,
  );
  return 'ok';
};
