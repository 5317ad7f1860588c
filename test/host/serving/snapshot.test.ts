import { Hash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { digestOf, snapshot } from '../../../host/serving/snapshot.js';
import { watchSyncs } from '../../support/watch-syncs.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'greenlight-snapshot-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

describe('digestOf', () => {
  it('is that of names and contents, in the order of names', async () => {
    await mkdir(join(folder, 'b'));
    await writeFile(join(folder, 'b', 'c.txt'), 'two');
    await writeFile(join(folder, 'a.txt'), 'one');

    // printf '/a.txt\0one\0/b/c.txt\0two\0' | sha256sum
    expect(await digestOf(folder)).toBe('556164170633f3ce27ad150f906b068c4f65ebf282ed5e06b468de90ca670d31');
  });

  it('holds no whole file in memory: Node reads none of more than 2 GiB at once', async () => {
    await writeFile(join(folder, 'weights.bin'), Buffer.alloc(4 * 2 ** 20));
    const update = vi.spyOn(Hash.prototype, 'update');

    await digestOf(folder);

    const bytes = update.mock.calls.map(([piece]) => Buffer.byteLength(piece as Buffer | string));
    expect(bytes.reduce((sum, each) => sum + each, 0)).toBe(4 * 2 ** 20 + '/weights.bin\0\0'.length);
    expect(Math.max(...bytes)).toBeLessThanOrEqual(2 ** 20);
  });
});

describe('snapshot', () => {
  it('is on the disk with all its files and folders, and those on the way to it, when it returns', async () => {
    await mkdir(join(folder, 'source', 'b'), { recursive: true });
    await writeFile(join(folder, 'source', 'b', 'c.txt'), 'two');
    await writeFile(join(folder, 'source', 'a.txt'), 'one');
    const synced = await watchSyncs();

    await snapshot(join(folder, 'source'), join(folder, 'blue', 'generation-1', 'code'));

    const inFolder = ['', '/blue', '/blue/generation-1'];
    const inCode = ['', '/a.txt', '/b', '/b/c.txt'].map((name) => `/blue/generation-1/code${name}`);
    expect([...synced].sort()).toEqual([...inFolder, ...inCode].map((name) => folder + name));
    expect(await readFile(join(folder, 'blue/generation-1/code/b/c.txt'), 'utf8')).toBe('two');
  });
});
