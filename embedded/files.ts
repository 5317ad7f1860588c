import { readFile, rename, writeFile } from 'node:fs/promises';
import type { z } from 'zod';

/** Written beside and renamed, for the user alone: a reader sees the old content or the new, never a half. */
export async function writeJson(file: string, content: unknown): Promise<void> {
  const beside = `${file}.${process.pid}.part`;
  await writeFile(beside, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  await rename(beside, file);
}

/** @returns undefined when there is no such file, or it is not what `schema` says (another version wrote it). */
export async function readJson<T>(file: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
