import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { cp, readdir, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasCode, makeFolder, syncTree } from '../state/atomic.js';

/** A reference to code or a model that the host cannot use; the message is for the caller. */
export class BadAsset extends Error {
  override readonly name = 'BadAsset';
}

/**
 * The folder or file that an asset reference names.
 *
 * Azure ML takes code and models as assets in blob storage. On one machine there is none, and the caller's files are at
 * hand: the host takes `file:///` references instead, and copies what they name at once.
 *
 * @throws {BadAsset} when it is not a `file://` reference to something that is there.
 */
export async function localAsset(reference: string, field: string): Promise<string> {
  let path: string;
  try {
    path = fileURLToPath(reference);
  } catch {
    throw new BadAsset(
      `${field} is "${reference}"; this host takes files of this machine, written as file:///absolute/path`,
    );
  }
  try {
    await stat(path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
    throw new BadAsset(
      `${field} names ${path}, and there is nothing there; expected a file or folder of this machine`,
    );
  }
  return path;
}

/**
 * Copies files into the host's own state, so that later edits of the originals change nothing. Links become copies.
 *
 * Returns once the disk has them: the state that promises them is written after that.
 */
export async function snapshot(source: string, target: string): Promise<void> {
  await rm(target, { recursive: true, force: true });
  await makeFolder(target);
  const isFolder = (await stat(source)).isDirectory();
  await cp(source, isFolder ? target : join(target, basename(source)), {
    recursive: true,
    dereference: true,
    filter: (path) => !IGNORED.has(basename(path)),
  });
  await syncTree(target);
}

const IGNORED = new Set(['__pycache__', '.git']);

/** Digest of names and contents of a folder. */
export async function digestOf(folder: string): Promise<string> {
  const hash = createHash('sha256');
  const walk = async (path: string, name: string): Promise<void> => {
    const entries = await readdir(path, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const inside = `${name}/${entry.name}`;
      if (entry.isDirectory()) {
        await walk(join(path, entry.name), inside);
      } else {
        hash.update(inside).update('\0');
        // Piece by piece: weights of a model may be larger than memory, and than what Node reads at once.
        for await (const piece of createReadStream(join(path, entry.name))) hash.update(piece as Buffer);
        hash.update('\0');
      }
    }
  };
  await walk(folder, '');
  return hash.digest('hex');
}
