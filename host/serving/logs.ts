import { copyFile, open, readdir, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../state/atomic.js';

/** A log is cut when it grows beyond this; the part before is kept once, as `<name>.1`. */
const MAX_LOG_BYTES = 8 * 1024 * 1024;
/** Logs of instances that are gone stay as long as they are among the newest of their deployment. */
const KEPT_LOGS = 10;

/** The last lines of a file. @returns '' when there is none. */
export async function tailOf(path: string, lines: number, maxBytes = 256 * 1024): Promise<string> {
  let file;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return '';
    throw error;
  }
  try {
    const { size } = await file.stat();
    const length = Math.min(size, maxBytes);
    const buffer = Buffer.alloc(length);
    await file.read(buffer, 0, length, size - length);
    return buffer.toString('utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } finally {
    await file.close();
  }
}

/** Shorter values are words and numbers that a log has for other reasons. */
const LEAST_VALUE = 8;

/** The text with `$NAME` in place of the values of variables, of which some are secrets: errors travel further than logs. */
export function withoutValues(text: string, variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .filter(([, value]) => value.trim().length >= LEAST_VALUE)
    .sort(([, a], [, b]) => b.length - a.length)
    .reduce((shown, [name, value]) => shown.replaceAll(value, () => `$${name}`), text);
}

/** Cuts a log that has grown too long. Without room for the part before (a full disk), that part is lost: cutting makes room. */
export async function boundLog(path: string, maxBytes = MAX_LOG_BYTES): Promise<void> {
  const size = await stat(path).then(
    (s) => s.size,
    () => 0,
  );
  if (size <= maxBytes) return;
  try {
    await copyFile(path, `${path}.1`);
  } catch {
    await rm(`${path}.1`, { force: true });
  }
  await truncate(path, 0);
}

/** Instance numbers that have a log in the folder, oldest first. */
export async function loggedInstances(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => /^\d+\.log$/.test(name))
    .map((name) => name.slice(0, -'.log'.length))
    .sort((a, b) => Number(a) - Number(b));
}

/** Removes the oldest logs of instances that are gone. */
export async function pruneLogs(folder: string, alive: ReadonlySet<string>): Promise<void> {
  const gone = (await loggedInstances(folder)).filter((id) => !alive.has(id));
  for (const id of gone.slice(0, Math.max(0, gone.length - KEPT_LOGS))) {
    await rm(join(folder, `${id}.log`), { force: true });
    await rm(join(folder, `${id}.log.1`), { force: true });
  }
}
