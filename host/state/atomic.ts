import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';

/**
 * Replaces a file as a whole: whoever reads it sees the old text or the new one, also after a power cut.
 *
 * @param mode - permissions of the new file; by default for its owner only.
 */
export async function writeFileAtomic(path: string, text: string, mode = 0o600): Promise<void> {
  const beside = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    const file = await open(beside, 'wx', mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
  await sync(dirname(path));
}

/**
 * Removes what {@link writeFileAtomic} left in a folder when its process was killed: old copies of what the files held,
 * secrets included. Only for whoever is the only one that writes there.
 */
export async function removeUnfinished(folder: string): Promise<void> {
  const unfinished = (await namesIn(folder)).filter((name) => /\.[0-9a-f]{8}\.tmp$/.test(name));
  await Promise.all(unfinished.map((name) => rm(join(folder, name), { force: true })));
}

/** @returns none when there is no such folder. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

/** Makes a folder that is there also after a power cut, and those on the way to it. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await sync(dirname(made));
}

/** Returns once the disk has all that is in a folder. */
export async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    await (entry.isDirectory() ? syncTree(path) : sync(path));
  }
  await sync(folder);
}

/** Returns once the disk has a file, or the names in a folder: a new file or a rename is durable only once its folder is. */
export async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** @returns undefined when there is no such file. */
export async function readTextIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
