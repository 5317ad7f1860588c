import { openWorkspace } from '../adapters/targets.js';
import { missingActions, readPermissions } from '../adapters/azureml/permissions.js';
import { ok, problem, splitAdvice, textOf, warning, type Check } from './checks.js';
import type { Context } from './context.js';

const ASK_MS = 10_000;

/** What whoever runs this may do in the Azure ML workspace, without doing it. The worker may be somebody else. */
export async function checkRights(ctx: Context): Promise<readonly Check[]> {
  if (ctx.target.kind !== 'azureml') return [];
  const name = 'Azure rights';
  try {
    const settings = await openWorkspace(ctx.target);
    const missing = missingActions(await readPermissions(settings, { signal: AbortSignal.timeout(ASK_MS) }));
    if (missing.length === 0) return [ok(name, 'read, write and delete, and metrics')];
    return [
      problem(
        name,
        `not allowed here: ${missing.join(', ')}`,
        'give the identity a role with them on the workspace (docs/security.md has it); the worker needs them, if it runs as another one',
      ),
    ];
  } catch (error) {
    const [found, advice] = splitAdvice(textOf(error));
    return [warning(name, `not known: ${found}`, advice)];
  }
}
