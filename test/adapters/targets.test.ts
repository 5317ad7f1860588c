import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTargets, openWorkspace } from '../../adapters/targets.js';
import { NO_KUBERNETES_METRICS } from '../../core/capabilities.js';
import type { Target } from '../../core/plan.js';

const HOST: Target = { kind: 'host', workspace: 'local' };
const AZURE: Target = { kind: 'azureml', subscription: 's', resourceGroup: 'rg', workspace: 'ws' };

describe('createTargets', () => {
  let hostState: string;

  beforeEach(async () => {
    hostState = await mkdtemp(join(tmpdir(), 'greenlight-targets-'));
    await writeFile(join(hostState, 'ca.pem'), 'a certificate');
  });
  afterEach(() => rm(hostState, { recursive: true, force: true }));

  const hostListensAt = async (
    port: number,
    clusterPattern = '{workspace}_{endpoint}_{deployment}_{kind}',
  ) => {
    const note = {
      version: 1,
      pid: 1,
      url: `https://127.0.0.1:${port}`,
      caFile: join(hostState, 'ca.pem'),
      tokenFile: join(hostState, 'token'),
      gatewayUrl: 'http://127.0.0.1:2',
      envoyAdminUrl: 'http://127.0.0.1:3',
      clusterPattern,
    };
    await writeFile(join(hostState, 'part'), JSON.stringify(note));
    await rename(join(hostState, 'part'), join(hostState, 'host.json'));
  };

  it('keeps the ports of a host that stays where it is: connections and scrapes are shared', async () => {
    await hostListensAt(1001);
    const targets = createTargets({ hostState });

    expect(await targets(HOST)).toBe(await targets({ ...HOST }));
  });

  it('follows a host that came back elsewhere, and goes on with the metrics of its gateway', async () => {
    await hostListensAt(1001);
    const targets = createTargets({ hostState });
    const before = await targets(HOST);

    await hostListensAt(1002);
    const after = await targets(HOST);

    expect(after.endpoints).not.toBe(before.endpoints);
    expect(after.metrics).toBe(before.metrics);
  });

  it('reads metrics anew when a new host names its clusters in another way', async () => {
    await hostListensAt(1001);
    const targets = createTargets({ hostState });
    const before = await targets(HOST);

    await hostListensAt(1002, 'gl_{workspace}_{endpoint}_{deployment}_{kind}');

    expect((await targets(HOST)).metrics).not.toBe(before.metrics);
  });

  it('says that no host runs, as something that may pass', async () => {
    await expect(createTargets({ hostState })(HOST)).rejects.toMatchObject({
      kind: 'transient',
      code: 'HostNotRunning',
      message: `There is no endpoint host: ${join(hostState, 'host.json')} does not exist; name the target with --target or GREENLIGHT_TARGET if it is another one, or start the host with \`greenlight up\``,
    });
  });

  it('says that the note of the host is not what it should be', async () => {
    await writeFile(join(hostState, 'host.json'), '{}');

    await expect(createTargets({ hostState })(HOST)).rejects.toMatchObject({
      code: 'HostNotRunning',
      message: expect.stringContaining('cannot be read') as string,
    });
  });

  it('reads Azure ML workspaces by Azure Monitor, which has error counts alone, and of managed endpoints', async () => {
    const { metrics } = await createTargets({ hostState })(AZURE);

    expect(metrics.capabilities).toEqual({
      histograms: false,
      mirrored: false,
      kubernetes: NO_KUBERNETES_METRICS,
    });
  });

  it.each([
    [undefined, 'https://management.azure.com', 'https://ml.azure.com/.default'],
    ['https://login.microsoftonline.com', 'https://management.azure.com', 'https://ml.azure.com/.default'],
    [
      'https://login.microsoftonline.us/',
      'https://management.usgovcloudapi.net',
      'https://ml.azure.us/.default',
    ],
    ['https://login.chinacloudapi.cn', 'https://management.chinacloudapi.cn', 'https://ml.azure.cn/.default'],
    ['nonsense', 'https://management.azure.com', 'https://ml.azure.com/.default'],
  ])('speaks to the Azure that is signed in to at %s', async (authority, baseUrl, scoringScope) => {
    const env = authority === undefined ? {} : { AZURE_AUTHORITY_HOST: authority };

    expect(await openWorkspace(AZURE, env)).toMatchObject({ baseUrl, scoringScope });
  });
});
