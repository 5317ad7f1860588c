import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { checksText, exitOfChecks, ok, problem, warning } from '../../cli/checks.js';
import { checkClock, checkNode, checkRoom, checkTools } from '../../cli/machine-checks.js';
import { checkPorts } from '../../cli/port-checks.js';
import { greenlight, temporaryFolder } from './cli.js';

describe('doctor', () => {
  it('says what is missing and how to mend each of it, and exits 12', async () => {
    const state = await temporaryFolder();
    const { code, stdout } = await greenlight(['doctor', '--output', 'json', '--state', state]);
    const { checks, ready } = JSON.parse(stdout) as {
      ready: boolean;
      checks: { state: string; name: string; mend: string }[];
    };
    const problems = checks.filter(({ state: found }) => found === 'problem');

    expect([code, ready]).toEqual([12, false]);
    expect(problems.map(({ name }) => name)).toEqual(['Temporal', 'Endpoint host']);
    expect(problems.map(({ mend }) => mend)).toEqual([
      expect.stringContaining('greenlight up'),
      'run `greenlight up`',
    ]);
    expect(checks.filter(({ state: found, mend }) => (found === 'ok') !== (mend === ''))).toEqual([]);
  });

  it('can run a rollout with warnings, and not with a problem', () => {
    expect(exitOfChecks([ok('a', ''), warning('b', 'found', 'mend')])).toBe('ok');
    expect(exitOfChecks([ok('a', ''), problem('b', 'found', 'mend')])).toBe('not-ready');
    expect(checksText([problem('b', 'found', 'mend it so')])).toContain('How to mend:\n  b: mend it so');
  });
});

describe('its checks of this machine', () => {
  it('know an old Node, and a clock that was never set', () => {
    expect([checkNode('v20.12.0').state, checkNode('v18.20.1').state]).toEqual(['ok', 'problem']);
    expect(checkClock(Date.UTC(1970, 0, 2)).state).toBe('problem');
  });

  it.each([
    ['host', 'problem', 'warning'],
    ['kubernetes', 'ok', 'ok'],
    ['azureml', 'ok', 'ok'],
  ] as const)(
    'miss Python and Envoy only where model servers run here: target %s',
    async (kind, python, envoy) => {
      const empty = await temporaryFolder();
      vi.stubEnv('PATH', empty);
      vi.stubEnv('GREENLIGHT_CACHE', empty);
      onTestFinished(() => void vi.unstubAllEnvs());

      const states = new Map((await checkTools(kind, {})).map(({ name, state }) => [name, state]));

      expect([states.get('Python'), states.get('Envoy')]).toEqual([python, envoy]);
    },
  );

  it('measure the room on the disk, also for a folder that is still to be made', async () => {
    expect((await checkRoom(join(await temporaryFolder(), 'not', 'yet'))).found).toMatch(
      /^\d+\.\d GB free at /,
    );
  });

  it('find who took the port of a part that is to come back', async () => {
    const state = await temporaryFolder();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const note = { address: `127.0.0.1:${port}`, namespace: 'default', uiUrl: 'http://127.0.0.1:1' };
    await mkdir(state, { recursive: true });
    await writeFile(join(state, 'temporal.json'), JSON.stringify(note));

    expect(await checkPorts(state)).toMatchObject({
      state: 'warning',
      found: expect.stringContaining(`Temporal, ${port}`) as string,
    });
    await new Promise((resolve) => other.close(resolve));
    expect((await checkPorts(state)).found).not.toContain(`Temporal, ${port}`);
    expect(await checkPorts(join(state, 'empty'))).toMatchObject({ state: 'ok' });
  });
});
