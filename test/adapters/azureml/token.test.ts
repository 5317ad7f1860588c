import type { TokenCredential } from '@azure/core-auth';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fileCredential } from '../../../adapters/azureml/credential.js';
import { createAzureMlEndpoints } from '../../../adapters/azureml/endpoints.js';
import { FakeArm, settingsFor, TOKEN } from './fake-arm.js';

let arm: FakeArm;
beforeEach(async () => {
  arm = await FakeArm.start();
  arm.seedEndpoint('diabetes', { blue: 100 });
});
afterEach(async () => {
  vi.useRealTimers();
  await arm.stop();
});

type GetToken = () => ReturnType<TokenCredential['getToken']>;

function client(getToken: GetToken, deadlineMs?: number) {
  const settings = { ...settingsFor(arm), ...(deadlineMs === undefined ? {} : { deadlineMs }) };
  return createAzureMlEndpoints({ ...settings, credential: { getToken } });
}

const hours = (n: number): number => n * 3_600_000;
const never = (): Promise<never> => new Promise(() => undefined);

describe('a token', () => {
  it('that is refused is permanent, and never shown', async () => {
    const endpoints = client(async () => ({
      token: 'secret-token',
      expiresOnTimestamp: Date.now() + hours(1),
    }));

    const error: unknown = await endpoints.read('diabetes').catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({ kind: 'permanent', code: 'Unauthorized' });
    expect(JSON.stringify(error) + String(error)).not.toContain('secret-token');
  });

  it('that is refused is not used again: somebody may have signed in anew', async () => {
    const getToken = vi
      .fn<GetToken>()
      .mockResolvedValue({ token: TOKEN, expiresOnTimestamp: Date.now() + hours(1) })
      .mockResolvedValueOnce({ token: 'secret-token', expiresOnTimestamp: Date.now() + hours(1) });
    const endpoints = client(getToken);

    await expect(endpoints.read('diabetes')).rejects.toMatchObject({ code: 'Unauthorized' });
    await expect(endpoints.read('diabetes')).resolves.toMatchObject({ name: 'diabetes' });
  });

  it('in a file is read anew when the file changes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'greenlight-token-'));
    try {
      const path = join(folder, 'token');
      const endpoints = createAzureMlEndpoints({ ...settingsFor(arm), credential: fileCredential(path) });
      await expect(endpoints.read('diabetes')).rejects.toMatchObject({ kind: 'transient', code: 'NoToken' });
      await writeFile(path, 'old-token\n');
      await expect(endpoints.read('diabetes')).rejects.toMatchObject({ code: 'Unauthorized' });
      await writeFile(path, `${TOKEN}\n`);

      await expect(endpoints.read('diabetes')).resolves.toMatchObject({ name: 'diabetes' });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('is asked for once while it is good, and renewed before it ends', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const getToken = vi.fn(async () => ({ token: TOKEN, expiresOnTimestamp: Date.now() + hours(1) }));
    const endpoints = client(getToken);

    await Promise.all([endpoints.read('diabetes'), endpoints.read('diabetes')]);
    await endpoints.read('diabetes');
    expect(getToken).toHaveBeenCalledTimes(1);

    vi.advanceTimersByTime(hours(1) - 60_000);
    await endpoints.read('diabetes');
    await vi.waitFor(() => expect(getToken).toHaveBeenCalledTimes(2), 20_000);
    vi.advanceTimersByTime(hours(1) - 180_000);
    await endpoints.read('diabetes');
    expect(getToken).toHaveBeenCalledTimes(2);
  });

  it('that cannot be renewed is used until it ends; then calls are transient, and the process lives', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    try {
      // What the SDK's own cache does, it does a while later: by this clock.
      vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
      const getToken = vi
        .fn<GetToken>()
        .mockRejectedValue(new Error('Entra is away'))
        .mockResolvedValueOnce({ token: TOKEN, expiresOnTimestamp: Date.now() + hours(1) });
      const endpoints = client(getToken);

      await endpoints.read('diabetes');
      await vi.advanceTimersByTimeAsync(hours(1) - 60_000);
      await expect(endpoints.read('diabetes')).resolves.toMatchObject({ name: 'diabetes' });
      await vi.advanceTimersByTimeAsync(90_000);
      expect(unhandled).not.toHaveBeenCalled();
      await expect(endpoints.read('diabetes')).rejects.toMatchObject({
        kind: 'transient',
        code: 'NoToken',
        message: expect.stringContaining('Entra is away') as string,
      });
    } finally {
      process.off('unhandledRejection', unhandled);
    }
  });

  it('that never comes holds a call up no longer than its deadline, and the next one asks anew', async () => {
    const getToken = vi
      .fn<GetToken>()
      .mockResolvedValue({ token: TOKEN, expiresOnTimestamp: Date.now() + hours(1) })
      .mockImplementationOnce(never);
    const endpoints = client(getToken, 4_000);

    await expect(endpoints.read('diabetes')).rejects.toMatchObject({
      kind: 'transient',
      code: 'NoToken',
      message: expect.stringContaining('within 3 s') as string,
    });
    await expect(endpoints.read('diabetes')).resolves.toMatchObject({ name: 'diabetes' });
  });

  it('that one call no longer waits for still comes for the others', async () => {
    let come!: () => void;
    const getToken = vi.fn<GetToken>(async () => {
      await new Promise<void>((resolve) => (come = resolve));
      return { token: TOKEN, expiresOnTimestamp: Date.now() + hours(1) };
    });
    const endpoints = client(getToken);
    const gaveUp = new AbortController();
    const first = endpoints.read('diabetes', { signal: gaveUp.signal });
    const other = endpoints.read('diabetes');
    await vi.waitFor(() => expect(getToken).toHaveBeenCalled(), 20_000);

    gaveUp.abort(new Error('worker is shutting down'));
    await expect(first).rejects.toThrow('worker is shutting down');
    come();

    await expect(other).resolves.toMatchObject({ name: 'diabetes' });
    expect(getToken).toHaveBeenCalledTimes(1);
  });

  it('for an endpoint with Entra’s tokens that never comes does not hold up who asks again', async () => {
    Object.assign(arm.endpoints.get('diabetes')?.properties ?? {}, { authMode: 'AADToken' });
    arm.seedDeployment('diabetes', 'blue');
    let silent = true;
    const getToken = vi.fn(async (scopes: string | string[]) => {
      if (!String(scopes).includes('ml.azure.com')) return { token: TOKEN, expiresOnTimestamp: hours(1e6) };
      if (silent) await never();
      return { token: arm.key, expiresOnTimestamp: hours(1e6) };
    });
    const endpoints = createAzureMlEndpoints({
      ...settingsFor(arm),
      credential: { getToken },
      deadlineMs: 4_000,
    });

    await expect(endpoints.invoke('diabetes', 'blue', '{}')).rejects.toMatchObject({ code: 'NoToken' });
    silent = false;

    await expect(endpoints.invoke('diabetes', 'blue', '{}')).resolves.toMatchObject({ status: 200 });
  });

  it('for such an endpoint is asked for in the cloud that is named', async () => {
    Object.assign(arm.endpoints.get('diabetes')?.properties ?? {}, { authMode: 'AADToken' });
    arm.seedDeployment('diabetes', 'blue');
    const getToken = vi.fn(async (scopes: string | string[]) => ({
      token: scopes === 'https://ml.azure.us/.default' ? arm.key : TOKEN,
      expiresOnTimestamp: hours(1e6),
    }));
    const settings = { ...settingsFor(arm), credential: { getToken } };
    const scoringScope = 'https://ml.azure.us/.default';

    await expect(
      createAzureMlEndpoints({ ...settings, scoringScope }).invoke('diabetes', 'blue', '{}'),
    ).resolves.toMatchObject({ status: 200 });
  });
});
