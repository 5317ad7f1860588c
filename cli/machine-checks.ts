import { constants } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { namesServer } from '../client/temporal.js';
import type { Target } from '../core/plan.js';
import { cacheDir, entryPath, hasEntry } from '../embedded/cache.js';
import { ENVOY_VERSION } from '../embedded/envoy.js';
import { OLDEST_PYTHON } from '../embedded/python.js';
import { run } from '../embedded/run.js';
import { TEMPORAL_CLI_VERSION } from '../embedded/temporal.js';
import { atLeast, findVersion, versionText, type Version } from '../embedded/version.js';
import { ok, problem, warning, type Check } from './checks.js';

const OLDEST_NODE: Version = [20, 12, 0];

const MISSING = 'neither on the PATH nor in the cache';

export function checkNode(version: string): Check {
  const found = findVersion(version, /v?(\d+\.\d+\.\d+)/);
  if (found !== undefined && atLeast(found, OLDEST_NODE)) return ok('Node', version);
  return problem(
    'Node',
    `${version}; expected ${versionText(OLDEST_NODE)} or later`,
    'install a newer Node (nodejs.org, or nvm install 20)',
  );
}

/**
 * Tools that are got when `up` needs them: what is missing is a problem only where it cannot be got.
 *
 * @param kind - of the target: model servers and their gateway run on this machine for the endpoint host alone.
 */
export async function checkTools(kind: Target['kind'], env: NodeJS.ProcessEnv): Promise<readonly Check[]> {
  const [python, go, temporal, envoy] = await Promise.all([
    toolVersion('python3', ['--version'], /Python (\d+\.\d+\.\d+)/),
    toolVersion('go', ['version'], /go(\d+\.\d+(?:\.\d+)?)/),
    whereIs('temporal', ['--version'], `temporal-${TEMPORAL_CLI_VERSION}`),
    whereIs('envoy', ['--version'], `envoy-${ENVOY_VERSION}`),
  ]);
  return [
    forHostOnly(kind, checkPython(python)),
    checkTemporalProgram(temporal, go, namesServer(env)),
    go !== undefined
      ? ok('Go', versionText(go))
      : ok('Go', 'not found; only needed where Temporal can be neither downloaded nor found'),
    forHostOnly(
      kind,
      envoy !== undefined
        ? ok('Envoy', envoy)
        : warning('Envoy', MISSING, '`greenlight up` gets it with Python'),
    ),
  ];
}

/** What the endpoint host alone needs: for another target it is well, however it was found. */
function forHostOnly(kind: Target['kind'], check: Check): Check {
  if (kind === 'host' || check.state === 'ok') return check;
  return ok(check.name, `${check.found}; only the endpoint host needs it`);
}

function checkTemporalProgram(found: string | undefined, go: Version | undefined, named: boolean): Check {
  const name = 'Temporal program';
  if (found !== undefined) return ok(name, found);
  if (named) return ok(name, `${MISSING}; only needed for a server on this machine`);
  return warning(
    name,
    MISSING,
    go === undefined
      ? '`greenlight up` downloads it; where that is not possible, install Go 1.25 or later, or the Temporal CLI, or set TEMPORAL_ADDRESS'
      : '`greenlight up` downloads it, or builds it with Go',
  );
}

function checkPython(found: Version | undefined): Check {
  const mend = `install Python ${versionText(OLDEST_PYTHON)} or later with venv and pip, so that \`python3 --version\` shows it`;
  if (found === undefined)
    return problem('Python', 'no python3 on the PATH; it runs the model servers', mend);
  return atLeast(found, OLDEST_PYTHON)
    ? ok('Python', versionText(found))
    : problem('Python', `${versionText(found)}; expected ${versionText(OLDEST_PYTHON)} or later`, mend);
}

async function toolVersion(
  command: string,
  args: readonly string[],
  pattern: RegExp,
): Promise<Version | undefined> {
  const result = await run(command, args, { timeoutMs: 30_000 });
  return result.code === 0 ? findVersion(result.output, pattern) : undefined;
}

async function whereIs(command: string, args: readonly string[], entry: string): Promise<string | undefined> {
  const result = await run(command, args, { timeoutMs: 30_000 });
  if (result.code === 0) return 'on the PATH';
  return (await hasEntry(entry)) ? entryPath(entry) : undefined;
}

export async function checkFolders(stateDir: string): Promise<readonly Check[]> {
  return Promise.all([
    checkFolder('Cache folder', cacheDir(), 'GREENLIGHT_CACHE'),
    checkFolder('State folder', stateDir, 'GREENLIGHT_STATE, or --state,'),
  ]);
}

/** Writable, or to be made: the nearest folder that exists is asked, and nothing is created. */
async function checkFolder(name: string, path: string, setting: string): Promise<Check> {
  for (let at = path; ; at = dirname(at)) {
    try {
      await access(at, constants.W_OK | constants.X_OK);
      return ok(name, at === path ? path : `${path} (will be created)`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' && dirname(at) !== at) continue;
      const what = error instanceof Error ? error.message : String(error);
      return problem(
        name,
        `${path} cannot be written: ${what}`,
        `give this user the right to write there, or set ${setting} to another folder`,
      );
    }
  }
}

/** Temporal, Envoy and the model server in the cache take 1 GB, and getting them as much again for a while. */
const ROOM_BYTES = 2 * 1024 ** 3;
/** Below this a database on the disk soon cannot write. */
const LEAST_BYTES = 200 * 1024 ** 2;

/** Room where the cache and the state folder are, or will be. */
export async function checkRoom(stateDir: string): Promise<Check> {
  const places = [cacheDir(), stateDir];
  const free = await Promise.all(places.map(freeBytes));
  const least = Math.min(...free);
  const place = places[free.indexOf(least)] ?? stateDir;
  const found = `${(least / 1024 ** 3).toFixed(1)} GB free at ${place}`;
  const mend = 'make room there, or put the folder elsewhere: GREENLIGHT_CACHE, GREENLIGHT_STATE or --state';
  if (least < LEAST_BYTES) return problem('Disk', found, mend);
  return least < ROOM_BYTES ? warning('Disk', `${found}; expected 2 GB`, mend) : ok('Disk', found);
}

/** Of the nearest folder that exists. */
async function freeBytes(path: string): Promise<number> {
  for (let at = path; ; at = dirname(at)) {
    try {
      const { bavail, bsize } = await statfs(at);
      return bavail * bsize;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(at) === at) throw error;
    }
  }
}

/** Older than this release: nothing that it checks can have been made yet. */
const EARLIEST_MS = Date.UTC(2026, 0, 1);

/** Certificates and tokens name times: a clock that was never set makes them fail without saying why. */
export function checkClock(nowMs: number): Check {
  const says = new Date(nowMs).toISOString();
  return nowMs >= EARLIEST_MS
    ? ok('Clock', says)
    : problem(
        'Clock',
        `it says ${says}`,
        'set the clock (NTP); certificates and tokens fail with a wrong one',
      );
}
