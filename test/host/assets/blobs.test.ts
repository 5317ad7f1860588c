import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { BlobStore } from '../../../host/assets/blobs.js';
import { watchSyncs } from '../../support/watch-syncs.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'greenlight-blobs-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(root, { recursive: true, force: true });
});

it('a blob is on the disk, by its name, once it has been put', async () => {
  const blobs = new BlobStore(root);
  const synced = await watchSyncs();

  await blobs.put('account', 'code', 'src/score.py', Readable.from(['run()']), {});

  expect(await text(blobs.read('account', 'code', 'src/score.py'))).toBe('run()');
  expect(await readdir(join(root, 'account', 'code', 'parts'))).toEqual([]);
  expect([...synced]).toContainEqual(expect.stringMatching(/\/account\/code\/parts\/[0-9a-f]{16}$/));
  expect([...synced]).toEqual(
    expect.arrayContaining(
      ['', '/account', '/account/code', '/account/code/files', '/account/code/files/src'].map(
        (name) => root + name,
      ),
    ),
  );
});
