import { lstat, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { boundLog, withoutValues } from '../../../host/serving/logs.js';

describe('boundLog', () => {
  let log: string;
  beforeEach(async () => {
    log = join(await mkdtemp(join(tmpdir(), 'greenlight-logs-')), 'envoy.log');
    await writeFile(log, '0123456789');
  });
  afterEach(() => rm(join(log, '..'), { recursive: true, force: true }));

  it('keeps the part before, once a log is too long', async () => {
    await boundLog(log, 10);
    expect((await stat(log)).size).toBe(10);

    await boundLog(log, 9);

    expect((await stat(log)).size).toBe(0);
    expect(await readFile(`${log}.1`, 'utf8')).toBe('0123456789');
  });

  it('cuts a log also when the disk has no room for the part before', async () => {
    await symlink('/dev/full', `${log}.1`);

    await boundLog(log, 9);

    expect((await stat(log)).size).toBe(0);
    await expect(lstat(`${log}.1`)).rejects.toThrow('ENOENT');
  });
});

it('what errors tell of a log has the names of variables in place of their values, but for short ones', () => {
  const log = 'DB_PASSWORD=hunter2-and-more\nWORKERS=2\nnothing but hunter2';

  expect(withoutValues(log, { LEVEL: 'hunter2-', DB_PASSWORD: 'hunter2-and-more', WORKERS: '2' })).toBe(
    'DB_PASSWORD=$DB_PASSWORD\nWORKERS=2\nnothing but hunter2',
  );
});
