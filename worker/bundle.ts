import { createHash } from 'node:crypto';
import { access, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type BundlerPlugin, bundleWorkflowCode, type Logger } from '@temporalio/worker';
import { packageRoot } from '../embedded/package-root.js';

const DIST = join(packageRoot(), 'dist');
const BUNDLES = join(DIST, 'workflow-bundle');

/**
 * The workflows as one file for the sandbox, made once for each state of the code.
 *
 * Bundling takes seconds, so the file is kept, under the digest of all that goes into it: the compiled rooms that may
 * run in the sandbox, and the SDK's version.
 *
 * @param failureConverterPath - of the data converter, if it has one: it runs in the sandbox too.
 * @param plugins - whatever adds to workflows: a bundle takes nothing more once it is made.
 * @returns path of the bundle.
 */
export async function workflowBundle(
  logger: Logger,
  failureConverterPath?: string,
  plugins: readonly BundlerPlugin[] = [],
): Promise<{ readonly codePath: string }> {
  const suffix = failureConverterPath === undefined ? '' : '-encrypting';
  const name = `${await digest(failureConverterPath, plugins)}${suffix}.js`;
  const codePath = join(BUNDLES, name);
  if (await exists(codePath)) return { codePath };

  const { code } = await bundleWorkflowCode({
    workflowsPath: join(DIST, 'workflows', 'index.js'),
    logger,
    ...(failureConverterPath === undefined ? {} : { failureConverterPath }),
    plugins: [...plugins],
  });
  await mkdir(BUNDLES, { recursive: true });
  const beside = `${codePath}.${process.pid}.part`;
  await writeFile(beside, code);
  await rename(beside, codePath);
  await dropOthers(name);
  return { codePath };
}

/** Bundles of older code: a worker that runs on one has read it already. */
async function dropOthers(name: string): Promise<void> {
  const others = (await readdir(BUNDLES)).filter((file) => file.endsWith('.js') && file !== name);
  await Promise.all(others.map((file) => rm(join(BUNDLES, file), { force: true })));
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

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
