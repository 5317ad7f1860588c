import { execFile } from 'node:child_process';
import type * as Fs from 'node:fs/promises';
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  type Daemon,
  runningDaemon,
  startDaemon,
  stopDaemon,
  waitForDaemon,
} from '../../embedded/daemons.js';
import { processIdentity, until } from '../../embedded/processes.js';
import { stateDir } from '../../embedded/state-dir.js';
import { testFolder } from './folder.js';

/** Files that cannot be opened the next time that somebody tries. */
const unreadable = vi.hoisted(() => new Set<unknown>());
vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof Fs>();
  const readFile = (...args: Parameters<typeof fs.readFile>) =>
    unreadable.delete(args[0])
      ? Promise.reject(Object.assign(new Error('too many open files'), { code: 'EMFILE' }))
      : fs.readFile(...args);
  return { ...fs, readFile };
});

const state = testFolder();

const start = (script: string) =>
  startDaemon(state.path, { name: 'part', command: process.execPath, args: ['-e', script] });
const log = () => readFile(join(state.path, 'part.log'), 'utf8');
const says = (text: string) => until(async () => ((await log()).includes(text) ? true : undefined), 10_000);

afterEach(() => stopDaemon(state.path, 'part', 0));

it.each`
  env                                                 | dir
  ${{ GREENLIGHT_STATE: '/a', XDG_STATE_HOME: '/b' }} | ${'/a'}
  ${{ XDG_STATE_HOME: '/b' }}                         | ${'/b/greenlight'}
  ${{}}                                               | ${expect.stringMatching(/\/\.local\/state\/greenlight$/)}
`('keeps state in $dir for $env', ({ env, dir }: { env: NodeJS.ProcessEnv; dir: string }) => {
  expect(stateDir(env)).toEqual(dir);
});

describe('a daemon', () => {
  it('runs in the background with its output in a log, and is found again by its note', async () => {
    const started = await start("console.log('here'); setInterval(() => {}, 1000)");
    await says('here');

    expect(await runningDaemon(state.path, 'part')).toEqual(started);
  });

  it('is asked to end first, and gets the time to do it', async () => {
    const daemon = await start(
      "process.on('SIGTERM', () => { console.log('tidied'); process.exit() }); console.log('here'); setInterval(() => {}, 1000)",
    );
    await says('here');

    const stopped = await stopDaemon(state.path, 'part');

    expect(stopped).toBe(true);
    expect(await processIdentity(daemon.pid)).toBeUndefined();
    expect(await log()).toContain('tidied');
    expect(await runningDaemon(state.path, 'part')).toBeUndefined();
  });

  it('is killed when it does not end in its time', async () => {
    const daemon = await start(
      "process.on('SIGTERM', () => {}); console.log('here'); setInterval(() => {}, 1000)",
    );
    await says('here');

    await stopDaemon(state.path, 'part', 100);

    expect(await processIdentity(daemon.pid)).toBeUndefined();
  });

  it('is not confused with another process that got its number', async () => {
    const foreign: Daemon = {
      name: 'part',
      pid: process.pid,
      identity: 'a-boot-of-last-week/12345',
      command: ['part'],
      logFile: join(state.path, 'part.log'),
    };
    await writeFile(join(state.path, 'part.daemon.json'), JSON.stringify(foreign));

    expect(await runningDaemon(state.path, 'part')).toBeUndefined();
    expect(await stopDaemon(state.path, 'part')).toBe(false);
  });

  it.each(['/proc/PID/stat', '/proc/sys/kernel/random/boot_id'])(
    'counts as stopped only where the machine can tell: %s cannot be opened',
    async (file) => {
      const started = await start('setInterval(() => {}, 1000)');
      unreadable.add(file.replace('PID', String(started.pid)));

      await expect(runningDaemon(state.path, 'part')).rejects.toThrow('too many open files');

      expect(await runningDaemon(state.path, 'part')).toEqual(started);
    },
  );

  it('counts as stopped when its note is not readable', async () => {
    await writeFile(join(state.path, 'part.daemon.json'), '{"name": "pa');

    expect(await runningDaemon(state.path, 'part')).toBeUndefined();
  });

  it('that cannot be noted is ended again, since nobody would know of it', async () => {
    const note = join(state.path, 'part.daemon.json');
    await mkdir(note);

    const told: unknown = await start(`setInterval(() => {}, 1000) // ${state.path}`).catch(String);
    await rmdir(note);

    const { stdout: running } = await promisify(execFile)('ps', ['-eo', 'args']);
    expect(running.split('\n').filter((args) => args.includes(state.path))).toEqual([]);
    expect(told).toMatch(/part was ended again, since it could not be noted: EISDIR.*\nWanted: room in /);
  });

  it('that cannot be started says what was expected', async () => {
    const starting = startDaemon(state.path, { name: 'part', command: '/nowhere/part', args: [] });

    await expect(starting).rejects.toThrow(
      /part did not start: .*ENOENT\nWanted: `\/nowhere\/part` to be executable/,
    );
  });
});

describe('waitForDaemon', () => {
  it('shows the end of the log of one that ends before it is ready', async () => {
    const daemon = await start("console.error('port 80 is taken'); process.exit(1)");

    const waiting = waitForDaemon(daemon, () => Promise.resolve(undefined), 10_000);

    await expect(waiting).rejects.toThrow(
      /^part ended before it was ready\.\nThe end of .*part\.log:\n {2}\| port 80 is taken$/,
    );
  });

  it('shows why one panicked, and not where', async () => {
    const daemon = await start(
      "console.error('panic: port 80 is taken\\n' + 'at main.go\\n'.repeat(40)); process.exit(2)",
    );

    const waiting = waitForDaemon(daemon, () => Promise.resolve(undefined), 10_000);

    await expect(waiting).rejects.toThrow(/ {2}\| panic: port 80 is taken$/);
  });

  it('tells one that runs but does not get ready', async () => {
    const daemon = await start('setInterval(() => {}, 1000)');

    const waiting = waitForDaemon(daemon, () => Promise.resolve(undefined), 200);

    await expect(waiting).rejects.toThrow(`part (process ${daemon.pid}) runs, and is not ready after 0.2 s.`);
  });
});
