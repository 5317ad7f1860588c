import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { attempt, lookAt, realInside, type Outcome } from './files.js';

const MOST_FILES = 20_000;
/** Written by running the code; no part of it. */
const BY_PRODUCTS = new Set(['__pycache__', '.DS_Store']);

/**
 * SHA-256 of what a path holds: a file, or a folder with all files below it by relative name. Symbolic links are
 * followed as long as they stay inside `root`.
 *
 * @returns hex.
 */
export async function digestOf(root: string, path: string): Promise<Outcome<string>> {
  const hash = createHash('sha256');
  const files = await filesBelow(root, path);
  if (!files.ok) return files;
  for (const file of files.value) {
    hash.update(`${relative(path, file.shown)}\0`);
    const read = await attempt(() => addFile(hash, file.real));
    if (!read.ok) return read;
    hash.update('\0');
  }
  return { ok: true, value: hash.digest('hex') };
}

interface FileBelow {
  /** The path as the folder shows it; links not resolved. */
  readonly shown: string;
  readonly real: string;
}

async function filesBelow(root: string, path: string): Promise<Outcome<readonly FileBelow[]>> {
  const files: FileBelow[] = [];
  const seen = new Set<string>();
  const open = [path];
  for (let shown = open.pop(); shown !== undefined; shown = open.pop()) {
    const here = shown;
    const real = await realInside(root, root, here);
    if (!real.ok) return inFolder(real, path, here);
    const look = await lookAt(real.value, 'any');
    if (!look.ok) return inFolder(look, path, here);
    if (!look.value.folder) {
      files.push({ shown: here, real: real.value });
      if (files.length > MOST_FILES) return tooMany();
      continue;
    }
    // A link back to a folder above would never end.
    if (seen.has(real.value)) continue;
    seen.add(real.value);
    const names = await attempt(() => readdir(real.value));
    if (!names.ok) return names;
    open.push(...names.value.filter((name) => !BY_PRODUCTS.has(name)).map((name) => join(here, name)));
  }
  return { ok: true, value: files.sort((a, b) => (a.shown < b.shown ? -1 : 1)) };
}

function inFolder<T>(outcome: Outcome<T> & { ok: false }, path: string, here: string): Outcome<never> {
  if (path === here) return outcome;
  const { fault } = outcome;
  return {
    ok: false,
    fault: { ...fault, message: `holds ${JSON.stringify(relative(path, here))}, which ${fault.message}` },
  };
}

function tooMany(): Outcome<never> {
  return {
    ok: false,
    fault: {
      code: 'too-big',
      message: `holds more than ${MOST_FILES} files`,
      help: 'name a folder that holds only what the deployment needs',
    },
  };
}

async function addFile(hash: Hash, file: string): Promise<void> {
  await pipeline(createReadStream(file), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) hash.update(chunk);
  });
}
