import { renderPlan } from '../../spec/index.js';
import type { CommandFunction } from '../program.js';
import { readSpec } from '../spec-file.js';

export const plan: CommandFunction = async (ctx, [file = '']) => {
  const spec = await readSpec(ctx, file);
  if (!spec.ok) {
    if (ctx.out.json) ctx.out.result('', { ok: false, problems: spec.problems });
    return 'rejected';
  }
  ctx.out.result(renderPlan(spec.plan), spec.plan);
  return 'ok';
};
