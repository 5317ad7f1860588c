import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { cacheDir, ensureEntry, ensureGoodEntry, hasEntry, lock } from '../../embedded/cache.js';
import type { Check } from '../../embedded/check.js';
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
});

describe('ensureGoodEntry', () => {
  const said: string[] = [];
  const progress = (line: string) => void said.push(line);
  let builds: number;
  let looks: number;
  beforeEach(async () => {
    said.length = 0;
    builds = looks = 0;
    await mkdir(join(cache.path, 'tool-1.2.3'));
  });
  /** Answers in order, to one look after the other. */
  const entry = (...answers: readonly Check[]) => ({
    name: 'tool-1.2.3',
    build: () => Promise.resolve(void (builds += 1)),
    check: () => Promise.resolve(answers[looks++]!),
  });
  const good = { is: 'good' } as const;
  const wrong = { is: 'wrong', why: 'it is 0.9' } as const;
  const missing = { is: 'missing', why: 'spawn ENOENT' } as const;
  const unanswered = { is: 'unanswered', why: 'it did not end within 30 s' } as const;

  it.each([
    ['good: it stays', [good], 0, undefined],
    ['wrong: it is built again', [wrong, wrong, good], 1, undefined],
    ['missing: it is built again', [missing, missing, good], 1, undefined],
    ['wrong, and another command mended it meanwhile: theirs stays', [wrong, good, good], 0, undefined],
    ['wrong also when built again: that is said', [wrong, wrong, wrong], 1, 'it is 0.9'],
  ])('%s', async (_, answers, built, why) => {
    await expect(ensureGoodEntry(entry(...answers), progress, cache.path)).resolves.toBe(why);

    expect(builds).toBe(built);
    expect(said.length).toBe(built);
  });

  it.each([
    ['the first look', [unanswered]],
    ['the look under the lock', [wrong, unanswered]],
  ])('leaves one that gives no answer as it is: %s', async (_, answers) => {
    await expect(ensureGoodEntry(entry(...answers), progress, cache.path)).rejects.toThrow(
      `What is in ${join(cache.path, 'tool-1.2.3')} gave no answer: it did not end within 30 s`,
    );

    expect([builds, await readdir(cache.path)]).toEqual([0, ['tool-1.2.3']]);
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
