import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedError } from './errors.js';
import { run, whyNot } from './run.js';
import { atLeast, findVersion, type Version, versionText } from './version.js';

/** What the pinned numpy needs. */
export const OLDEST_PYTHON: Version = [3, 11, 0];
const INSTALL_LIMIT_MS = 10 * 60_000;

/**
 * Makes a virtual environment in `folder`, as if it stood in `finalFolder`, and installs `packages` (arguments of
 * `pip install`) there.
 *
 * @param what - for messages: what it is for.
 * @throws {EmbeddedError} when Python is missing or too old, or a package does not install.
 */
export async function buildVirtualEnv(
  what: string,
  folder: string,
  finalFolder: string,
  packages: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  const limits = { timeoutMs: INSTALL_LIMIT_MS, ...(signal && { signal }) };
  const python = await findPython(what);
  const venv = await run(python, ['-m', 'venv', folder], limits);
  if (venv.code !== 0) {
    throw new EmbeddedError(
      [
        `\`${python} -m venv\` made no environment for ${what}: ${whyNot(venv)}`,
        'Wanted: Python with its venv and pip modules (on Debian and Ubuntu: the package python3-venv).',
        'Install them, and run this again.',
      ].join('\n'),
    );
  }
  const pip = await run(
    join(folder, 'bin', 'python'),
    ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', ...packages],
    limits,
  );
  if (pip.code !== 0) {
    throw new EmbeddedError(
      [
        `pip did not install ${what}: ${whyNot(pip)}`,
        `Wanted: \`pip install ${packages.join(' ')}\` to work, from PyPI or the index that pip is configured for.`,
        'Check the network or the index, and run this again.',
      ].join('\n'),
    );
  }
  await pointScriptsTo(join(folder, 'bin'), folder, finalFolder);
}

/** Scripts of a virtual environment name its folder in their first line: they must name the one it ends up in. */
async function pointScriptsTo(bin: string, from: string, to: string): Promise<void> {
  for (const entry of await readdir(bin, { withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(bin, entry.name);
    const text = await readFile(file, 'utf8');
    if (text.includes(from)) await writeFile(file, text.replaceAll(from, to));
  }
}

async function findPython(what: string): Promise<string> {
  const seen: string[] = [];
  // Newest first among those that the pinned packages have wheels for; python3 may be an older system one.
  for (const name of ['python3', 'python3.13', 'python3.12', 'python3.11', 'python']) {
    const result = await run(name, ['--version'], { timeoutMs: 30_000 });
    const version = result.code === 0 ? findVersion(result.output, /Python (\d+\.\d+\.\d+)/) : undefined;
    if (version === undefined) continue;
    if (atLeast(version, OLDEST_PYTHON)) return name;
    seen.push(`${name} is ${versionText(version)}`);
  }
  throw new EmbeddedError(
    [
      `There is no Python to run ${what}: ${seen.length > 0 ? seen.join(', ') : 'no python3 on the PATH'}.`,
      `Wanted: Python ${versionText(OLDEST_PYTHON)} or later with venv and pip.`,
      'Install it so that `python3 --version` shows it, and run this again.',
    ].join('\n'),
  );
}
