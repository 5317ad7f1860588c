import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { suggest } from './suggest.js';

/** Why a file cannot be used; ends the sentence `./score.py …`. */
interface FileFault {
  readonly code:
    'missing-file' | 'not-a-file' | 'not-a-folder' | 'too-big' | 'not-utf8' | 'unreadable' | 'outside';
  readonly message: string;
  readonly help: string;
  /** For text that is not UTF-8: the first wrong byte. */
  readonly byte?: number;
}

export type Outcome<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: FileFault };

const KIB = 1024;

/** Reads a regular file of at most `limit` bytes as UTF-8 text; a byte order mark is dropped. */
export async function readText(path: string, limit: number): Promise<Outcome<string>> {
  const found = await statOf(path);
  if (!found.ok) return found;
  if (!found.value.isFile()) return notAFile(found.value.isDirectory());
  if (found.value.size > limit) return tooBig(found.value.size, limit);
  const bytes = await attempt(() => readFile(path));
  if (!bytes.ok) return bytes;
  // It may have grown since.
  if (bytes.value.length > limit) return tooBig(bytes.value.length, limit);
  try {
    return { ok: true, value: new TextDecoder('utf-8', { fatal: true }).decode(bytes.value) };
  } catch {
    const byte = firstWrongByte(bytes.value);
    return fault('not-utf8', `is not UTF-8 text: byte ${byte} does not fit`, 'save it as UTF-8', byte);
  }
}

/** The YAML file that was probably meant by a path where none is: `rollout.yml` for `rollout.yaml`. */
export async function nearFile(path: string): Promise<string | undefined> {
  const names = await readdir(dirname(path)).catch(() => []);
  const near = suggest(
    basename(path),
    names.filter((name) => /\.ya?ml$/i.test(name)),
  );
  return near === undefined ? undefined : join(dirname(path), near);
}

/** What stands at a path, and whether it is the kind that is needed. */
export async function lookAt(
  path: string,
  want: 'file' | 'folder' | 'any',
): Promise<Outcome<{ folder: boolean }>> {
  const found = await statOf(path);
  if (!found.ok) return found;
  const folder = found.value.isDirectory();
  if (want === 'folder' && !folder) {
    return fault('not-a-folder', 'is a file; expected a folder', 'name the folder that holds it');
  }
  if (want === 'file' && !found.value.isFile()) return notAFile(folder);
  if (!folder && !found.value.isFile()) return notAFile(false);
  return { ok: true, value: { folder } };
}

/**
 * The real path of a file that a spec names, symbolic links resolved.
 *
 * @param root - real path of the spec's folder; what lies outside is refused, so that a spec from a stranger cannot
 * make a rollout read or serve other files of this machine.
 */
export async function realInside(root: string, folder: string, named: string): Promise<Outcome<string>> {
  const wanted = resolve(folder, named);
  if (!isInside(root, wanted)) return outside();
  const real = await attempt(() => realpath(wanted));
  if (!real.ok) return real;
  return isInside(root, real.value) ? real : outside();
}

function isInside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

export async function attempt<T>(io: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await io() };
  } catch (error) {
    return systemFault(error);
  }
}

function statOf(path: string) {
  return attempt(() => stat(path));
}

function systemFault(error: unknown): { ok: false; fault: FileFault } {
  const code = (error as { code?: unknown }).code;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return fault(
        'missing-file',
        'does not exist',
        'check the path; it is relative to the file that names it',
      );
    case 'ELOOP':
      return fault('unreadable', 'is a symbolic link that leads back to itself', 'mend the link');
    case 'EACCES':
    case 'EPERM':
      return fault('unreadable', 'may not be read by this user', 'give this user the right to read it');
    default:
      return fault(
        'unreadable',
        `cannot be read: ${typeof code === 'string' ? code : 'the system refused'}`,
        'check the path and the disk',
      );
  }
}

function notAFile(folder: boolean) {
  return fault(
    'not-a-file',
    `is ${folder ? 'a folder' : 'not a regular file'}; expected a file`,
    'name the file itself',
  );
}

function tooBig(size: number, limit: number) {
  return fault(
    'too-big',
    `is ${Math.ceil(size / KIB)} KiB; expected at most ${limit / KIB} KiB`,
    'check that it is the right file',
  );
}

function outside() {
  return fault(
    'outside',
    "lies outside the spec's folder",
    "move it into the spec's folder, or the spec up to a folder that holds both; symbolic links do not help",
  );
}

function fault(
  code: FileFault['code'],
  message: string,
  help: string,
  byte?: number,
): { ok: false; fault: FileFault } {
  return { ok: false, fault: { code, message, help, ...(byte === undefined ? {} : { byte }) } };
}

/** Offset of the first byte that is no UTF-8: where decoding puts a replacement that the bytes do not hold. */
function firstWrongByte(bytes: Buffer): number {
  const text = bytes.toString('utf8');
  let offset = 0;
  let from = 0;
  for (let at = text.indexOf('\uFFFD'); at >= 0; at = text.indexOf('\uFFFD', from)) {
    offset += Buffer.byteLength(text.slice(from, at));
    if (bytes[offset] !== 0xef || bytes[offset + 1] !== 0xbf || bytes[offset + 2] !== 0xbd) return offset;
    offset += 3;
    from = at + 1;
  }
  return offset;
}
