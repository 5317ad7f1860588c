import { loadSpec, renderProblems, type Loaded } from '../spec/index.js';
import type { Context } from './context.js';

/**
 * Loads a spec, and tells what is wrong with it, warnings too.
 *
 * @returns undefined where it is rejected, which is told by then, also as the result for programs.
 */
export async function readSpec(
  ctx: Context,
  file: string,
): Promise<Extract<Loaded, { readonly ok: true }> | undefined> {
  const loaded = await loadSpec(file);
  const problems = loaded.ok ? loaded.warnings : loaded.problems;
  if (problems.length > 0) ctx.out.note(renderProblems(problems));
  if (loaded.ok) return loaded;
  if (ctx.out.json) ctx.out.result('', { ok: false, problems });
  return undefined;
}
