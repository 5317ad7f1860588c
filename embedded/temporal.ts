import { chmod, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir, ensureGoodEntry, entryPath } from './cache.js';
import { type Check, checkProgram } from './check.js';
import { EmbeddedError } from './errors.js';
import { packageRoot } from './package-root.js';
import { type Progress, progressToStderr } from './progress.js';
import { run, whyNot } from './run.js';
import { atLeast, findVersion, type Version, versionText } from './version.js';

/** The newest that `go install` can build: later tags carry `replace` lines, which it refuses. */
export const TEMPORAL_CLI_VERSION = '1.5.1';

/** Server inside the CLI. Older ones miss what rollouts use (updates with start, summaries in the UI). */
const OLDEST_SERVER: Version = [1, 27, 0];

const ENTRY = `temporal-${TEMPORAL_CLI_VERSION}`;
const GO_PACKAGE = `github.com/temporalio/cli/cmd/temporal@v${TEMPORAL_CLI_VERSION}`;
/** Offline, a name may fail at once or a connection may hang for minutes: no file by then means no download. */
const DOWNLOAD_BEGINS_MS = 20_000;
const DOWNLOAD_LIMIT_MS = 10 * 60_000;
const BUILD_LIMIT_MS = 15 * 60_000;

/**
 * The path of a `temporal` executable that answers with a good version.
 *
 * From the PATH, else the cache, else the SDK's own download, else built with Go into the cache. Whoever has the address
 * of a server in the environment needs none of this.
 *
 * @throws {EmbeddedError} when no way leads to one.
 */
export async function ensureTemporal(
  progress: Progress = progressToStderr,
  signal?: AbortSignal,
): Promise<string> {
  const onPath = await checkTemporal('temporal');
  if (onPath.is === 'good') return 'temporal';
  if (onPath.is !== 'missing') progress(`not using \`temporal\` from the PATH: ${onPath.why}`);

  const cached = join(entryPath(ENTRY), 'temporal');
  const why = await ensureGoodEntry(
    {
      name: ENTRY,
      build: (folder) => obtain(folder, progress, signal),
      check: () => checkTemporal(cached),
    },
    progress,
  );
  if (why !== undefined) throw noTemporal(`${cached} is of no use: ${why}`);
  return cached;
}

function checkTemporal(executable: string): Promise<Check> {
  return checkProgram(executable, ['--version'], 30_000, (output) => {
    const server = findVersion(output, /Server (\d+\.\d+\.\d+)/);
    if (server === undefined) return `\`--version\` names no server version: ${output}`;
    if (atLeast(server, OLDEST_SERVER)) return undefined;
    return `it holds server ${versionText(server)}, and ${versionText(OLDEST_SERVER)} is needed`;
  });
}

async function obtain(folder: string, progress: Progress, signal?: AbortSignal): Promise<void> {
  progress(`getting Temporal ${TEMPORAL_CLI_VERSION} by the SDK's download`);
  const download = await downloadBySdk(folder, signal);
  if (download === undefined) return;
  signal?.throwIfAborted();
  progress(`no download (${lastCause(download)}); building Temporal with Go, about 3 minutes, once`);
  const build = await buildWithGo(folder, signal);
  if (build === undefined) return;
  throw noTemporal(
    `The download did not work: ${download}\n\`go install ${GO_PACKAGE}\` did not work: ${build}`,
  );
}

/** @returns why it did not work. */
async function downloadBySdk(folder: string, signal?: AbortSignal): Promise<string | undefined> {
  // A process of its own: the SDK's download has no time limit, and would set up its runtime in ours.
  const script = join(packageRoot(), 'dist', 'embedded', 'temporal-download.js');
  const stop = new AbortController();
  const begun = setTimeout(() => {
    void readdir(folder).then((files) => {
      if (files.length === 0) stop.abort(`no answer within ${DOWNLOAD_BEGINS_MS / 1000} s`);
    });
  }, DOWNLOAD_BEGINS_MS);
  const result = await run(process.execPath, [script, folder, `v${TEMPORAL_CLI_VERSION}`], {
    timeoutMs: DOWNLOAD_LIMIT_MS,
    signal: signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]),
  });
  clearTimeout(begun);
  if (result.code !== 0) return result.output === '' ? whyNot(result) : result.output;
  await rename(join(folder, `temporal-v${TEMPORAL_CLI_VERSION}`), join(folder, 'temporal'));
  await chmod(join(folder, 'temporal'), 0o755);
  return undefined;
}

/** @returns why it did not work. */
async function buildWithGo(folder: string, signal?: AbortSignal): Promise<string | undefined> {
  const env = { ...process.env, GOBIN: folder };
  const result = await run('go', ['install', GO_PACKAGE], {
    timeoutMs: BUILD_LIMIT_MS,
    env,
    ...(signal && { signal }),
  });
  return result.code === 0 ? undefined : whyNot(result);
}

function noTemporal(why: string): EmbeddedError {
  return new EmbeddedError(
    [
      `There is no Temporal server to use. ${why}`,
      'Wanted: an address in TEMPORAL_ADDRESS, or a `temporal` executable.',
      'By hand, one of:',
      '  - install the Temporal CLI (docs.temporal.io/cli) so that `temporal --version` works, and run this again;',
      '  - set TEMPORAL_ADDRESS (and TEMPORAL_NAMESPACE) to a server that runs already;',
      `  - install Go 1.25 or later and run this again, or put the executable at ${join(cacheDir(), ENTRY, 'temporal')}.`,
    ].join('\n'),
  );
}

/** The innermost of the causes that the SDK puts one before the other: the one that says something. */
function lastCause(message: string): string {
  return message.split('\n', 1)[0]?.split(': ').at(-1) ?? message;
}
