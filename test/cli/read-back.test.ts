import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createKubernetesEndpoints, type KubernetesEndpoints } from '../../adapters/kubernetes/endpoints.js';
import { writeAndReadBack } from '../../cli/endpoints.js';
import { FakeApiServer } from '../adapters/kubernetes/fake-api-server.js';

let api: FakeApiServer;
let endpoints: KubernetesEndpoints;
const BLUE = { live: { blue: 100 }, mirror: {} };
const DIABETES = { target: 'kubernetes/models', endpoint: 'diabetes' };
const write = (options?: { takeOver: boolean }) =>
  writeAndReadBack(endpoints, DIABETES, BLUE, () => undefined, options);

beforeEach(async () => {
  api = new FakeApiServer();
  api.addDeployment('green');
  endpoints = createKubernetesEndpoints({ connection: api.connection, namespace: 'models' }).endpoints;
  await endpoints.writeTraffic('diabetes', { live: { blue: 50, green: 50 }, mirror: {} });
});

describe('traffic that a person writes past every rollout', () => {
  it('is written in an emergency whoever manages the rules, and refused else', async () => {
    api.rulesOwner = 'kubectl-edit';

    await expect(write()).rejects.toMatchObject({ code: 'FieldManagerConflict' });
    expect((await write({ takeOver: true })).traffic).toEqual(BLUE);
  });

  it('is read back only when it is in force', async () => {
    let readings = 0;
    const late: Pick<KubernetesEndpoints, 'read' | 'writeTraffic'> = {
      writeTraffic: () => Promise.resolve(),
      read: () => {
        const pending = ++readings < 3 ? { pending: 'the gateway has not taken it' } : {};
        const state = { name: 'diabetes', kind: 'kubernetes', state: 'ready', scoringUri: '' } as const;
        return Promise.resolve({ ...state, traffic: BLUE, deployments: [], ...pending });
      },
    };

    await writeAndReadBack(late as KubernetesEndpoints, DIABETES, BLUE, () => undefined);
    expect(readings).toBe(3);
  });

  it('tells, where it is never shown, by which command to see who else writes it', async () => {
    const deaf = { read: endpoints.read.bind(endpoints), writeTraffic: () => Promise.resolve() };
    const clock = vi.spyOn(Date, 'now').mockReturnValueOnce(0).mockReturnValue(600_000);
    onTestFinished(() => clock.mockRestore());

    await expect(
      writeAndReadBack(deaf as unknown as KubernetesEndpoints, DIABETES, BLUE, () => undefined),
    ).rejects.toThrow('`greenlight status diabetes --target kubernetes/models`');
  });
});
