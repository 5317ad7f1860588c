import type { Plan } from '../core/plan.js';
import { loadSpec, renderProblems, type Problem } from '../spec/index.js';
import type { Context } from './context.js';

export type SpecFile =
  | { readonly ok: true; readonly plan: Plan; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Loads a spec, and tells on stderr what is wrong with it, warnings too. */
export async function readSpec(ctx: Context, file: string): Promise<SpecFile> {
  const loaded = await loadSpec(file);
  const problems = loaded.ok ? loaded.warnings : loaded.problems;
  if (problems.length > 0) ctx.out.note(renderProblems(problems));
  return loaded;
}
