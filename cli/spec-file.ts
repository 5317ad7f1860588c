import { loadSpec, renderProblems, type Loaded } from '../spec/index.js';
import type { Context } from './context.js';

/** Loads a spec, and tells on stderr what is wrong with it, warnings too. */
export async function readSpec(ctx: Context, file: string): Promise<Loaded> {
  const loaded = await loadSpec(file);
  const problems = loaded.ok ? loaded.warnings : loaded.problems;
  if (problems.length > 0) ctx.out.note(renderProblems(problems));
  return loaded;
}
