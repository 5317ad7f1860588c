import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { ensureEnvoy } from '../../embedded/envoy.js';
import { ensureModelServer } from '../../embedded/model-server.js';
import { run } from '../../embedded/run.js';
import { ensureTemporal } from '../../embedded/temporal.js';
import { ensureTools } from '../../embedded/tools.js';
import { atLeast, findVersion } from '../../embedded/version.js';
import { fakeTool, testFolder } from './folder.js';

const folder = testFolder();
const said: string[] = [];
const progress = (line: string) => said.push(line);

// A machine with nothing but a shell: what a test wants there, it puts there.
const before = { ...process.env };
beforeEach(() => {
  said.length = 0;
  process.env = { ...before, PATH: folder.path, GREENLIGHT_CACHE: join(folder.path, 'cache') };
});
afterEach(() => {
  process.env = before;
});

it('gave this run a Python with the model server, and an Envoy', async () => {
  const python = await run(
    inject('modelServerPython'),
    ['-c', 'import sklearn; print(sklearn.__version__)'],
    {
      timeoutMs: 30_000,
    },
  );
  const envoy = await run(inject('envoy'), ['--version'], { timeoutMs: 30_000, env: before });

  expect(python.output).toBe('1.9.1');
  expect(envoy.output).toMatch(/version: [0-9a-f]+\/1\.\d+\.\d+\//);
});

describe('versions', () => {
  it.each`
    text                                                       | pattern                            | version
    ${'temporal version 0.0.0-DEV (Server 1.29.1, UI 2.42.1)'} | ${/Server (\d+\.\d+\.\d+)/}        | ${[1, 29, 1]}
    ${'envoy  version: 7f3a/1.40.0/Clean/RELEASE/BoringSSL'}   | ${/version: \w+\/(\d+\.\d+\.\d+)/} | ${[1, 40, 0]}
    ${'Python 3.11'}                                           | ${/Python (\d+\.\d+)/}             | ${[3, 11, 0]}
    ${'no version'}                                            | ${/(\d+\.\d+)/}                    | ${undefined}
  `(
    '$version is in $text',
    ({ text, pattern, version }: { text: string; pattern: RegExp; version: unknown }) => {
      expect(findVersion(text, pattern)).toEqual(version);
    },
  );

  it.each`
    version        | minimum       | enough
    ${[1, 34, 0]}  | ${[1, 34, 0]} | ${true}
    ${[1, 33, 99]} | ${[1, 34, 0]} | ${false}
    ${[2, 0, 0]}   | ${[1, 34, 5]} | ${true}
    ${[1, 100, 0]} | ${[1, 34, 0]} | ${true}
  `(
    '$version at least $minimum: $enough',
    ({
      version,
      minimum,
      enough,
    }: {
      version: [number, number, number];
      minimum: [number, number, number];
      enough: boolean;
    }) => {
      expect(atLeast(version, minimum)).toBe(enough);
    },
  );
});

describe('Envoy', () => {
  it('is taken from the PATH when it is new enough', async () => {
    await fakeTool(folder.path, 'envoy', 'echo "envoy  version: 7f3a/1.36.2/Clean/RELEASE/BoringSSL"');

    await expect(ensureEnvoy(progress)).resolves.toBe('envoy');

    expect(said).toEqual([]);
  });

  it('that is too old is not used, and without Python the error says both and what to do', async () => {
    await fakeTool(folder.path, 'envoy', 'echo "envoy  version: 7f3a/1.34.14/Clean/RELEASE/BoringSSL"');

    await expect(ensureEnvoy(progress)).rejects.toThrow(
      'There is no Python to run Envoy: no python3 on the PATH.\n' +
        'Wanted: Python 3.11.0 or later with venv and pip.\n' +
        'Install it so that `python3 --version` shows it, and run this again.',
    );

    expect(said[0]).toBe('not using `envoy` from the PATH: it is 1.34.14, and 1.35.0 is needed');
  });
});

describe('an Envoy in the cache', () => {
  const entry = () => join(folder.path, 'cache', 'envoy-1.40.0');
  const cachedEnvoy = async (script: string) => {
    const bin = join(entry(), 'lib', 'python3', 'site-packages', 'envoy', '_bin');
    await mkdir(bin, { recursive: true });
    await fakeTool(bin, 'envoy', script);
  };

  it.each([
    ['that is ended by a signal', 'kill -9 $$'],
    ['that finds no memory', 'echo "Cannot allocate memory"; exit 1'],
  ])('%s stays: another stack may be running it', async (_, script) => {
    await cachedEnvoy(script);

    await expect(ensureEnvoy(progress)).rejects.toThrow(`What is in ${entry()} gave no answer`);

    await expect(stat(entry())).resolves.toBeDefined();
  });

  it.each([
    [
      'says it is too old',
      'echo "envoy  version: 7f3a/1.34.14/Clean/RELEASE/BoringSSL"',
      'it is 1.34.14, and 1.35.0 is needed',
    ],
    ['cannot run here', 'echo "libc.so.6: version GLIBC_2.99 not found"; exit 127', 'GLIBC_2.99'],
  ])('that %s is got again', async (_, script, why) => {
    await cachedEnvoy(script);

    await expect(ensureEnvoy(progress)).rejects.toThrow('There is no Python to run Envoy');

    expect(said[0]).toContain('is of no use');
    expect(said[0]).toContain(why);
    await expect(stat(entry())).rejects.toThrow('ENOENT');
  });
});

describe('the model server', () => {
  it('needs a Python that is new enough, and says which one it found', async () => {
    await fakeTool(folder.path, 'python3', 'echo "Python 3.9.2"');

    await expect(ensureModelServer(progress)).rejects.toThrow(
      'There is no Python to run the model server: python3 is 3.9.2.\nWanted: Python 3.11.0 or later',
    );
  });

  it('says what pip said, and leaves no half environment', async () => {
    // A Python whose `-m venv FOLDER` makes an environment with a pip that cannot reach its index.
    await fakeTool(
      folder.path,
      'python3',
      `case "$1" in
        --version) echo "Python 3.12.1" ;;
        *) /bin/mkdir -p "$3/bin"
           printf '#!/bin/sh\\necho "No matching distribution found"; exit 1\\n' > "$3/bin/python"
           /bin/chmod 755 "$3/bin/python" ;;
      esac`,
    );

    await expect(ensureModelServer(progress)).rejects.toThrow(
      /^pip did not install the model server: exit code 1\n {2}\| No matching distribution found\nWanted: `pip install -r .*requirements\.txt` to work/,
    );

    await expect(readdir(join(folder.path, 'cache'))).resolves.toEqual([]);
  });
});

describe('Temporal', () => {
  it('is taken from the PATH when its server is new enough', async () => {
    await fakeTool(folder.path, 'temporal', 'echo "temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)"');

    await expect(ensureTemporal(progress)).resolves.toBe('temporal');
  });

  it('that is nowhere and cannot be got names the ways by hand', async () => {
    await fakeTool(folder.path, 'temporal', 'echo "temporal version 0.9.0 (Server 1.20.0, UI 2.9.0)"');
    // Downloads go to a port where nobody listens; there is no Go.
    process.env['HTTPS_PROXY'] = 'http://127.0.0.1:1';
    process.env['NO_PROXY'] = '';
    process.env['no_proxy'] = '';

    const error = await ensureTemporal(progress).catch((e: unknown) => e as Error);

    expect(said[0]).toBe('not using `temporal` from the PATH: it holds server 1.20.0, and 1.27.0 is needed');
    expect(error).toMatchObject({ name: 'EmbeddedError' });
    expect((error as Error).message).toContain(
      '`go install github.com/temporalio/cli/cmd/temporal@v1.5.1` did not work: spawn go ENOENT',
    );
    expect((error as Error).message).toContain('By hand, one of:\n  - install the Temporal CLI');
    await expect(stat(join(folder.path, 'cache', 'temporal-1.5.1'))).rejects.toThrow('ENOENT');
  });
});

it('stops getting the other tools when one cannot be got', async () => {
  // No Python, and a Go that would take its time.
  await fakeTool(folder.path, 'go', 'exec /bin/sleep 300');
  process.env['HTTPS_PROXY'] = 'http://127.0.0.1:1';
  process.env['NO_PROXY'] = '';
  process.env['no_proxy'] = '';

  await expect(ensureTools(progress)).rejects.toThrow('There is no Python to run');

  await expect(readdir(join(folder.path, 'cache'))).resolves.toEqual([]);
});
