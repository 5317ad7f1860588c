import { appendFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LogTail } from '../../../host/pairs/log-tail.js';

let folder: string;
let path: string;
const tails: LogTail[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'greenlight-tail-'));
  path = join(folder, 'pairs.log');
});
afterEach(async () => {
  await Promise.all(tails.splice(0).map((tail) => tail.close()));
  await rm(folder, { recursive: true, force: true });
});

function tailOf(reopen: () => Promise<void> = () => Promise.resolve(), rotateBytes?: number): LogTail {
  const tail = new LogTail(path, reopen, rotateBytes);
  tails.push(tail);
  return tail;
}

async function read(tail: LogTail): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of tail.lines()) lines.push(line);
  return lines;
}

it('gives each whole line once, and waits for the rest of half a one', async () => {
  const tail = tailOf();

  expect(await read(tail)).toEqual([]);
  await writeFile(path, 'one\ntw');
  expect(await read(tail)).toEqual(['one']);
  await appendFile(path, 'o\nthree\n');
  expect(await read(tail)).toEqual(['two', 'three']);
  expect(await read(tail)).toEqual([]);
});

it('leaves out what was there before', async () => {
  const tail = tailOf();
  await writeFile(path, 'before\n');

  await tail.skip();
  await appendFile(path, 'after\n');

  expect(await read(tail)).toEqual(['after']);
});

it('ends the turning over that an earlier reader began, and reads on where its writer is', async () => {
  let mayReopen = false;
  const tail = tailOf(() => (mayReopen ? writeFile(path, '') : Promise.reject(new Error('not now'))));
  const all: string[] = [];
  await writeFile(`${path}.old`, 'before\n');

  await tail.skip();
  await appendFile(`${path}.old`, 'line 1\n');
  all.push(...(await read(tail)));
  mayReopen = true;
  all.push(...(await read(tail)));
  await appendFile(path, 'line 2\n');
  all.push(...(await read(tail)));

  expect(all).toEqual(['line 1', 'line 2']);
  expect(await readdir(folder)).toEqual(['pairs.log']);
});

it('removes the old file of an earlier reader whose writer has gone over', async () => {
  await writeFile(`${path}.old`, 'before\n');
  await writeFile(path, 'before\n');

  await tailOf().skip();

  expect(await readdir(folder)).toEqual(['pairs.log']);
});

it('puts a file aside that has grown too large, and loses no line while its writer goes over', async () => {
  let reopened = 0;
  const tail = tailOf(() => {
    reopened += 1;
    return reopened === 1 ? Promise.reject(new Error('not now')) : Promise.resolve();
  }, 10);
  const all: string[] = [];

  await writeFile(path, 'line 1\nline 2\n');
  all.push(...(await read(tail)));
  // The writer has not opened the new file yet.
  await appendFile(`${path}.old`, 'line 3\n');
  all.push(...(await read(tail)));
  await appendFile(`${path}.old`, 'line 4\n');
  await writeFile(path, 'line 5\n');
  all.push(...(await read(tail)), ...(await read(tail)));

  expect(all).toEqual(['line 1', 'line 2', 'line 3', 'line 4', 'line 5']);
  expect(reopened).toBe(2);
  expect(await readdir(folder)).toEqual(['pairs.log']);
});
