import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureEntry } from '../../../embedded/cache.js';
import { buildVirtualEnv } from '../../../embedded/python.js';

/** Where the test's Python script, its packages and its deployment files lie. */
export const FOLDER = fileURLToPath(new URL('.', import.meta.url));

/**
 * A Python that has Microsoft's client at the versions of requirements.txt, made once per version in the project's cache
 * (about 20 s and 140 MB, from the Python package index).
 */
export async function pythonWithAzureAiMl(): Promise<string> {
  const requirements = join(FOLDER, 'requirements.txt');
  const digest = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex');
  const folder = await ensureEntry({
    name: `azure-ai-ml-${digest.slice(0, 12)}`,
    build: (at, final) => buildVirtualEnv('azure-ai-ml', at, final, ['-r', requirements]),
  });
  return join(folder, 'bin', 'python');
}
