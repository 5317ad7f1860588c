import { targetName } from '../../core/plan.js';
import { counted } from '../../core/units.js';
import type { CommandFunction } from '../program.js';
import { readSpecInPlace } from '../spec-file.js';

export const validate: CommandFunction = async (ctx, [file = '']) => {
  const spec = await readSpecInPlace(ctx, file);
  if (spec === undefined) return 'rejected';
  const { plan, warnings } = spec;
  const { name } = plan.deployment;
  ctx.out.result(
    `${file} is right: ${name} to ${plan.endpoint} on ${targetName(plan.target)}, ` +
      `${counted(plan.steps.length, 'step')}, ${counted(plan.gates.length, 'gate')}. \`greenlight plan ${file}\` shows them.`,
    {
      ok: true,
      endpoint: plan.endpoint,
      target: targetName(plan.target),
      deployment: name,
      digest: plan.digest,
      problems: warnings,
    },
  );
  return 'ok';
};
