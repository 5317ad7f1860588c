import { join } from 'node:path';
import { cacheDir, ensureGoodEntry, entryPath, hasEntry } from '../cache.js';
import { type Check, checkProgram } from '../check.js';
import { EmbeddedError } from '../errors.js';
import { packageRoot } from '../package-root.js';
import type { Progress } from '../progress.js';
import { run, whyNot } from '../run.js';

/** Programs that are built from one Go module, pinned by version. */
export interface GoTool {
  /** Of the cache entry: `kubernetes`. */
  readonly name: string;
  readonly version: string;
  /** Files of the entry that have to answer to `--version` (or `version`) with that version. */
  readonly programs: Readonly<Record<string, readonly string[]>>;
  /** For the progress line. */
  readonly minutes: number;
  /** Builds into `folder`. @returns why it did not work. */
  build(folder: string, signal?: AbortSignal): Promise<string | undefined>;
}

/** Whether a tool is in the cache. */
export function hasGoTool({ name, version }: GoTool): Promise<boolean> {
  return hasEntry(`${name}-${version}`);
}

/** @returns why a tool is neither in the cache nor can be built; undefined where one of both is so. */
export async function whyNoGoTool(tool: GoTool): Promise<string | undefined> {
  if (await hasGoTool(tool)) return undefined;
  const go = await run('go', ['version'], { timeoutMs: 30_000 });
  return go.code === 0
    ? undefined
    : `no ${tool.name} in the cache, and no Go to build it with: ${whyNot(go)}`;
}

/** A machine that has much else to do takes three times as long as an idle one. */
const BUILD_LIMIT_MS = 120 * 60_000;

/**
 * The folder of a built tool, from the cache or built now with Go.
 *
 * @throws {EmbeddedError} when it cannot be built.
 */
export async function ensureGoTool(tool: GoTool, progress: Progress, signal?: AbortSignal): Promise<string> {
  const name = `${tool.name}-${tool.version}`;
  const why = await ensureGoodEntry(
    {
      name,
      build: async (beside) => {
        progress(
          `building ${tool.name} ${tool.version} with Go, about ${tool.minutes} minutes on two cores, once`,
        );
        const whyNotBuilt = await tool.build(beside, signal);
        if (whyNotBuilt !== undefined) throw noTool(tool, whyNotBuilt);
      },
      check: (folder) => check(tool, folder),
    },
    progress,
  );
  if (why !== undefined) throw noTool(tool, why);
  return entryPath(name);
}

/**
 * `go build` of packages of a module whose go.mod and go.sum (which pin every dependency by its checksum) stand in
 * `embedded/kubernetes/modules/<module>`.
 */
export async function goBuild(
  module: string,
  output: string,
  packages: readonly string[],
  linkerFlags: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const result = await run(
    'go',
    [
      ...['build', '-C', join(packageRoot(), 'embedded', 'kubernetes', 'modules', module)],
      // Two compilers at once: each takes a gigabyte for the largest packages.
      ...['-p', '2', '-trimpath', '-mod', 'readonly', '-ldflags', `-s -w ${linkerFlags}`],
      ...['-o', output, ...packages],
    ],
    { timeoutMs: BUILD_LIMIT_MS, env: goEnv(), ...(signal && { signal }) },
  );
  return result.code === 0 ? undefined : whyNot(result);
}

/** `go install` of a package whose module has no `replace` lines. */
export async function goInstall(
  folder: string,
  goPackage: string,
  linkerFlags: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const flags = ['-p', '2', '-trimpath', '-ldflags', `-s -w ${linkerFlags}`];
  const result = await run('go', ['install', ...flags, goPackage], {
    timeoutMs: BUILD_LIMIT_MS,
    env: { ...goEnv(), GOBIN: folder },
    ...(signal && { signal }),
  });
  return result.code === 0 ? undefined : whyNot(result);
}

/** The folder of a module's sources, downloaded when it is not there. */
export async function goModule(
  module: string,
  signal?: AbortSignal,
): Promise<{ folder: string } | { why: string }> {
  const result = await run('go', ['mod', 'download', '-json', module], {
    timeoutMs: 5 * 60_000,
    env: goEnv(),
    ...(signal && { signal }),
  });
  const folder = /"Dir": ("(?:[^"\\]|\\.)*")/.exec(result.output)?.[1];
  return folder === undefined ? { why: whyNot(result) } : { folder: JSON.parse(folder) as string };
}

/** A workspace file above the checkout must not decide what is built. */
function goEnv(): NodeJS.ProcessEnv {
  return { ...process.env, GOWORK: 'off' };
}

async function check(tool: GoTool, folder: string): Promise<Check> {
  for (const [program, args] of Object.entries(tool.programs)) {
    const answer = await checkProgram(join(folder, program), args, 60_000, (output) =>
      output.includes(tool.version)
        ? undefined
        : `it says it is "${output.split('\n')[0]}", and ${tool.version} is wanted`,
    );
    if (answer.is !== 'good') return { is: answer.is, why: `${program}: ${answer.why}` };
  }
  return { is: 'good' };
}

function noTool(tool: GoTool, why: string): EmbeddedError {
  return new EmbeddedError(
    [
      `There is no ${tool.name} ${tool.version} for the Kubernetes test bed: ${why}`,
      'Wanted: Go 1.26 or later on the PATH, and a Go module proxy (GOPROXY) that answers.',
      `By hand: install Go (go.dev), and run this again; or put ${Object.keys(tool.programs).join(' and ')} into ${join(cacheDir(), `${tool.name}-${tool.version}`)}.`,
    ].join('\n'),
  );
}
