import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureGoodEntry, entryPath } from './cache.js';
import { type Check, checkProgram } from './check.js';
import { EmbeddedError } from './errors.js';
import { packageRoot } from './package-root.js';
import { type Progress, progressToStderr } from './progress.js';
import { buildVirtualEnv } from './python.js';

/**
 * The path of a Python that has the model server and scikit-learn, at the versions of embedded/requirements.txt.
 *
 * @throws {EmbeddedError} when it cannot be made.
 */
export async function ensureModelServer(
  progress: Progress = progressToStderr,
  signal?: AbortSignal,
): Promise<string> {
  const requirements = join(packageRoot(), 'embedded', 'requirements.txt');
  const digest = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex');
  const name = `model-server-${digest.slice(0, 12)}`;
  const python = join(entryPath(name), 'bin', 'python');

  const why = await ensureGoodEntry(
    {
      name,
      build: async (folder, finalFolder) => {
        progress('installing the model server into a Python environment of its own, about 40 s, once');
        await buildVirtualEnv('the model server', folder, finalFolder, ['-r', requirements], signal);
      },
      check: () => check(python),
    },
    progress,
  );
  if (why !== undefined) {
    throw new EmbeddedError(
      [
        `The model server's Python environment at ${entryPath(name)} does not work: ${why}`,
        'Wanted: an environment that holds azureml-inference-server-http and gunicorn.',
        'Delete that folder, and run this again.',
      ].join('\n'),
    );
  }
  return python;
}

/** Finds the packages without loading them: loading takes a second. */
function check(python: string): Promise<Check> {
  const script =
    'import importlib.util as u; ' +
    'print("missing:", ", ".join(n for n in ("azureml_inference_server_http", "gunicorn", "sklearn", "mlflow", "pandas") if not u.find_spec(n)) or "none")';
  return checkProgram(python, ['-c', script], 60_000, (output) => {
    const missing = /^missing: (.*)$/m.exec(output)?.[1];
    return missing === 'none' ? undefined : `missing: ${missing ?? output}`;
  });
}
