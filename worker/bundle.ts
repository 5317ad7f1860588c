import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type BundlerPlugin, bundleWorkflowCode, type Logger } from '@temporalio/worker';
import { packageRoot } from '../embedded/package-root.js';

const DIST = join(packageRoot(), 'dist');
const BUNDLES = join(DIST, 'workflow-bundle');

export interface BundleOptions {
  /** Of the data converter, if it has one: it runs in the sandbox too. */
  readonly failureConverterPath?: string | undefined;
  /** Whatever adds to workflows: a bundle takes nothing more once it is made. */
  readonly plugins?: readonly BundlerPlugin[];
  /** A folder for the bundle where the package's own may not be written, as in a container with a read-only root. */
  readonly otherwise?: string;
}

/**
 * The workflows as one file for the sandbox, made once for each state of the code.
 *
 * Bundling takes seconds, so the file is kept, under the digest of all that goes into it: the compiled rooms that may
 * run in the sandbox, and the SDK's version.
 *
 * @returns path of the bundle.
 */
export async function workflowBundle(
  logger: Logger,
  { failureConverterPath, plugins = [], otherwise }: BundleOptions = {},
): Promise<{ readonly codePath: string }> {
  const suffix = failureConverterPath === undefined ? '' : '-encrypting';
  const name = `${await digest(failureConverterPath, plugins)}${suffix}.js`;
  const folders = [BUNDLES, ...(otherwise === undefined ? [] : [otherwise])];
  for (const folder of folders) {
    const codePath = join(folder, name);
    if (await isUsedAgain(codePath)) return { codePath };
  }
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(DIST, 'workflows', 'index.js'),
    workflowInterceptorModules: [join(DIST, 'workflows', 'ahead.js')],
    preloadModules: [join(DIST, 'workflows', 'preload.js')],
    logger,
    ...(failureConverterPath === undefined ? {} : { failureConverterPath }),
    plugins: [...plugins],
  });
  try {
    return await keep(BUNDLES, name, code);
  } catch (error) {
    if (otherwise === undefined || !UNWRITABLE.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return keep(otherwise, name, code);
  }
}

const UNWRITABLE: ReadonlySet<string> = new Set(['EROFS', 'EACCES', 'EPERM']);

async function keep(folder: string, name: string, code: string): Promise<{ readonly codePath: string }> {
  const codePath = join(folder, name);
  await mkdir(folder, { recursive: true });
  const beside = `${codePath}.${process.pid}.part`;
  await writeFile(beside, code);
  await rename(beside, codePath);
  await dropUnused(folder, Date.now());
  return { codePath };
}

const UNUSED_MS = 24 * 3_600_000;

/**
 * Drops bundles that no worker has begun with for a day. Younger ones may be another's of this installation, with other
 * keys or plugins, which has found its own and is about to read it.
 */
export async function dropUnused(folder: string, nowMs: number): Promise<void> {
  for (const file of await readdir(folder)) {
    const path = join(folder, file);
    const usedAtMs = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => nowMs, // gone meanwhile
    );
    if (nowMs - usedAtMs > UNUSED_MS) await rm(path, { force: true });
  }
}

async function digest(
  failureConverterPath: string | undefined,
  plugins: readonly BundlerPlugin[],
): Promise<string> {
  const hash = createHash('sha256').update([sdkVersion(), ...plugins.map(({ name }) => name)].join('\0'));
  if (failureConverterPath !== undefined) hash.update(await readFile(failureConverterPath));
  for (const room of ['core', 'workflows']) {
    const files = await readdir(join(DIST, room), { recursive: true });
    for (const file of files.filter((f) => f.endsWith('.js')).sort()) {
      hash.update(`\0${room}/${file}\0`).update(await readFile(join(DIST, room, file)));
    }
  }
  return hash.digest('hex').slice(0, 16);
}

function sdkVersion(): string {
  const require = createRequire(import.meta.url);
  return (require('@temporalio/worker/package.json') as { version: string }).version;
}

/** Whether there is one, whose age begins anew. */
async function isUsedAgain(path: string): Promise<boolean> {
  const now = new Date();
  return utimes(path, now, now).then(
    () => true,
    (error: NodeJS.ErrnoException) => UNWRITABLE.has(error.code ?? ''),
  );
}
