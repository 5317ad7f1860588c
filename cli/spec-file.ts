import { nameOn, targetName, type Target } from '../core/plan.js';
import { loadSpec, renderProblems, type Loaded } from '../spec/index.js';
import type { Context } from './context.js';
import { CliError } from './errors.js';

type RightSpec = Extract<Loaded, { readonly ok: true }>;

/**
 * {@link readSpec}, for what happens where the spec's endpoint lives.
 *
 * @throws {CliError} usage, where --target names another place.
 */
export async function readSpecInPlace(ctx: Context, file: string): Promise<RightSpec | undefined> {
  const spec = await readSpec(ctx, file);
  if (spec !== undefined) checkPlace(ctx, file, spec.plan.target);
  return spec;
}

/** Whoever names another target is not served by a rollout that starts where the spec says. */
function checkPlace({ target, targetFrom, out }: Context, file: string, own: Target): void {
  if (targetFrom === null || placeOf(target) === placeOf(own)) return;
  if (targetFrom === 'GREENLIGHT_TARGET') {
    out.note(
      `${file} is for ${targetName(own)}; GREENLIGHT_TARGET, ${targetName(target)}, is for commands without a spec.`,
    );
    return;
  }
  throw new CliError(
    'usage',
    `${file} is for ${targetName(own)}, and --target names ${targetName(target)}.\n` +
      'A spec says itself where its endpoint lives (without a word, on host/local): write its "target", and leave --target out.',
  );
}

/** The same for every way to write it. */
function placeOf(target: Target): string {
  return nameOn(target, targetName(target));
}

/**
 * Loads a spec, and tells what is wrong with it, warnings too.
 *
 * @returns undefined where it is rejected, which is told by then, also as the result for programs.
 */
export async function readSpec(ctx: Context, file: string): Promise<RightSpec | undefined> {
  if (file === '-') {
    throw new CliError(
      'usage',
      'A spec is read from a file, not from standard input: what it names is looked for beside it.\n' +
        'Write it to a file, and name that.',
    );
  }
  const loaded = await loadSpec(file);
  const problems = loaded.ok ? loaded.warnings : loaded.problems;
  if (problems.length > 0) ctx.out.note(renderProblems(problems));
  if (loaded.ok) return loaded;
  if (ctx.out.json) ctx.out.result('', { ok: false, problems });
  return undefined;
}
