import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cacheDir, dropEntry, ensureEntry, hasEntry, lock } from '../../embedded/cache.js';
import { testFolder } from './folder.js';

const cache = testFolder();

describe('cacheDir', () => {
  it.each`
    env                                                 | dir
    ${{ GREENLIGHT_CACHE: '/a', XDG_CACHE_HOME: '/b' }} | ${'/a'}
    ${{ XDG_CACHE_HOME: '/b' }}                         | ${'/b/greenlight'}
    ${{ GREENLIGHT_CACHE: '', XDG_CACHE_HOME: '/b' }}   | ${'/b/greenlight'}
    ${{}}                                               | ${expect.stringMatching(/\/\.cache\/greenlight$/)}
  `('is $dir for $env', ({ env, dir }: { env: NodeJS.ProcessEnv; dir: string }) => {
    expect(cacheDir(env)).toEqual(dir);
  });
});

describe('ensureEntry', () => {
  const entry = (build: (folder: string, final: string) => Promise<void>) => ({ name: 'tool-1.2.3', build });

  it('builds once, and tells where it will stand', async () => {
    const built: string[] = [];
    const build = async (folder: string, final: string) => {
      built.push(final);
      await writeFile(join(folder, 'tool'), 'x');
    };

    const first = await ensureEntry(entry(build), cache.path);
    const second = await ensureEntry(entry(build), cache.path);

    expect(first).toBe(join(cache.path, 'tool-1.2.3'));
    expect(second).toBe(first);
    expect(built).toEqual([first]);
    await expect(readFile(join(first, 'tool'), 'utf8')).resolves.toBe('x');
  });

  it('builds once for two that ask at the same time', async () => {
    let builds = 0;
    let slow: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => (slow = resolve));
    const build = async (folder: string) => {
      builds += 1;
      await begun;
      await writeFile(join(folder, 'tool'), 'x');
    };

    const both = Promise.all([ensureEntry(entry(build), cache.path), ensureEntry(entry(build), cache.path)]);
    slow();

    const [first, second] = await both;
    expect(first).toBe(second);
    expect(builds).toBe(1);
  });

  it('leaves nothing that counts when building fails, and builds anew the next time', async () => {
    const failing = async (folder: string) => {
      await writeFile(join(folder, 'half'), 'x');
      throw new Error('disk on fire');
    };

    await expect(ensureEntry(entry(failing), cache.path)).rejects.toThrow('disk on fire');
    const leftovers = await readdir(cache.path);
    await ensureEntry(
      entry(() => Promise.resolve()),
      cache.path,
    );

    expect(leftovers).toEqual([]);
    await expect(hasEntry('tool-1.2.3', cache.path)).resolves.toBe(true);
  });

  it('clears away what a killed builder left', async () => {
    await mkdir(join(cache.path, 'tool-1.2.3.part-x1y2z3'));

    await ensureEntry(
      entry(() => Promise.resolve()),
      cache.path,
    );

    await expect(readdir(cache.path)).resolves.toEqual(['tool-1.2.3']);
  });

  it('builds again what was dropped', async () => {
    let builds = 0;
    const build = () => Promise.resolve(void (builds += 1));

    await ensureEntry(entry(build), cache.path);
    await dropEntry('tool-1.2.3', cache.path);
    await ensureEntry(entry(build), cache.path);

    expect(builds).toBe(2);
  });
});

it('says which lock another command holds, when it does not get it in time', async () => {
  const path = join(cache.path, 'stack');
  const release = await lock(path, 0);

  await expect(lock(path, 300)).rejects.toThrow(`Another command has held ${path}.lock`);

  await release();
  await (
    await lock(path, 0)
  )();
});
