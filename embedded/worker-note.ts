import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readJson, writeJson } from './files.js';
import { processIdentity } from './processes.js';

/** What a worker notes when it listens. Each process has a note of its own: several may share a state folder. */
export const WorkerNote = z.object({
  pid: z.int().positive(),
  /** Of its health server. */
  url: z.string(),
  /** host:port of the server that it takes tasks from. */
  temporal: z.string(),
  namespace: z.string(),
  /** Ids of the keys that it encrypts and decrypts with. */
  codecKeys: z.array(z.string()),
});
export type WorkerNote = z.infer<typeof WorkerNote>;

/** Notes this process, and takes away what workers that died have left. */
export async function writeWorkerNote(state: string, note: WorkerNote): Promise<void> {
  const folder = join(state, 'workers');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const file of await readdir(folder)) {
    const pid = Number(/^(\d+)\.json$/.exec(file)?.[1]);
    if (pid > 0 && (await processIdentity(pid)) === undefined) await rm(join(folder, file), { force: true });
  }
  await writeJson(noteFile(state, note.pid), note);
}

export async function readWorkerNote(state: string, pid: number): Promise<WorkerNote | undefined> {
  const note = await readJson(noteFile(state, pid), WorkerNote);
  return note?.pid === pid ? note : undefined;
}

export async function removeWorkerNote(state: string, pid: number): Promise<void> {
  await rm(noteFile(state, pid), { force: true });
}

function noteFile(state: string, pid: number): string {
  return join(state, 'workers', `${pid}.json`);
}
