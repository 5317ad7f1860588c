import { readdir, writeFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readWorkerNote, removeWorkerNote, writeWorkerNote } from '../../embedded/worker-note.js';
import { testFolder } from './folder.js';

const folder = testFolder();
const NOTE = { url: 'http://127.0.0.1:1', temporal: '127.0.0.1:7233', namespace: 'default', codecKeys: [] };

it('two workers share a state folder: each has its note, and takes away only its own', async () => {
  await writeWorkerNote(folder.path, { ...NOTE, pid: process.pid });
  await writeWorkerNote(folder.path, { ...NOTE, pid: process.ppid, url: 'http://127.0.0.1:2' });

  expect((await readWorkerNote(folder.path, process.pid))?.url).toBe('http://127.0.0.1:1');
  expect((await readWorkerNote(folder.path, process.ppid))?.url).toBe('http://127.0.0.1:2');
  await removeWorkerNote(folder.path, process.ppid);
  expect(await readWorkerNote(folder.path, process.pid)).toBeDefined();
  expect(await readWorkerNote(folder.path, process.ppid)).toBeUndefined();
});

it('the note of a worker that died goes with the start of the next', async () => {
  await mkdir(join(folder.path, 'workers'));
  // Above the highest process id that Linux gives.
  await writeFile(join(folder.path, 'workers', '4194305.json'), '{}');

  await writeWorkerNote(folder.path, { ...NOTE, pid: process.pid });

  expect(await readdir(join(folder.path, 'workers'))).toEqual([`${process.pid}.json`]);
});
