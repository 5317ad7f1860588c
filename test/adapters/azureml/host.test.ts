import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createAzureMlEndpoints, type AzureMlEndpoints } from '../../../adapters/azureml/endpoints.js';
import { createEnvoyMetrics } from '../../../adapters/envoy/metrics.js';
import { endpointsContract } from './contract.js';
import { startHost, type HostProcess } from './host-process.js';

endpointsContract('the endpoint host', async () => {
  const host = await startHost();
  return {
    endpoints: createAzureMlEndpoints(host.settings),
    deployment: host.deployment,
    body: '{"x": 1}',
    stop: host.stop,
  };
});

describe('evidence from the gateway of the endpoint host', () => {
  let host: HostProcess;
  let endpoints: AzureMlEndpoints;
  beforeAll(async () => {
    host = await startHost();
    endpoints = createAzureMlEndpoints(host.settings);
    await endpoints.createEndpoint({ name: 'evidence' });
    for (const name of ['blue', 'green']) {
      await endpoints.createDeployment('evidence', host.deployment(name), {});
      await vi.waitFor(
        async () => expect((await endpoints.readDeployment('evidence', name))?.state).toBe('ready'),
        { timeout: 60_000, interval: 100 },
      );
    }
    await endpoints.writeTraffic('evidence', { live: { blue: 100 }, mirror: { green: 50 } });
  });
  afterAll(() => host.stop());

  it('counts each request once: live, mirrored or pinned, good or bad, with its time', async () => {
    const { scoringUri } = await endpoints.read('evidence');
    const { primary } = await endpoints.keys('evidence');
    const live = async (body: string): Promise<number> => {
      const headers = { Authorization: `Bearer ${primary}`, 'Content-Type': 'application/json' };
      return (await fetch(scoringUri, { method: 'POST', headers, body })).status;
    };

    const statuses: number[] = [];
    for (let i = 0; i < 30; i++) statuses.push(await live(i % 10 === 0 ? '{"fail": true}' : '{}'));
    const pinned = [];
    for (const body of ['{}', '{}', '{"fail": true}']) {
      pinned.push((await endpoints.invoke('evidence', 'green', body)).status);
    }

    expect(statuses.filter((status) => status === 424)).toHaveLength(3);
    expect(pinned).toEqual([200, 200, 424]);
    const metrics = createEnvoyMetrics({
      adminUrl: host.file.envoyAdminUrl,
      clusterPattern: host.file.clusterPattern,
      workspace: 'local',
    });
    await vi.waitFor(
      async () => {
        const { blue, green } = (await metrics.read('evidence', ['blue', 'green'])).deployments;
        expect(blue).toMatchObject({ live: { requests: 30, errors: 3, active: 0 }, direct: { requests: 0 } });
        expect(green).toMatchObject({ live: { requests: 0 }, direct: { requests: 3, errors: 1 } });
        expect(blue?.live?.le.at(-1)).toBe(30);
        expect(green?.direct?.le.at(-1)).toBe(3);
        // Half of 30, by chance: beyond 25 or below 5 once in ten thousand runs.
        expect(green?.mirror?.requests).toBeGreaterThanOrEqual(5);
        expect(green?.mirror?.requests).toBeLessThanOrEqual(25);
        expect(green?.mirror?.le.at(-1)).toBe(green?.mirror?.requests);
      },
      { timeout: 20_000, interval: 250 },
    );
  });
});
