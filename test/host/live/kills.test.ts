import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Load, TestHost } from './harness.js';

let host: TestHost;
let key: string;

beforeAll(async () => {
  host = await TestHost.start();
  await host.done('PUT', '/onlineEndpoints/kills', host.endpointBody());
  key = await host.key('kills');
  await host.deploy('kills', 'blue');
  await host.setTraffic('kills', { blue: 100 });
});

afterAll(() => host.dispose());

it.each([0, 150])(
  'a host killed %i ms into a create, a shift and a delete brings each to its end, and no client notices',
  async (afterMs) => {
    const green = '/onlineEndpoints/kills/deployments/green';
    const load = new Load(2, () => host.score('kills', key));

    for (const [method, path, body] of [
      ['PUT', green, host.deploymentBody('green')],
      ['PUT', '/onlineEndpoints/kills', host.endpointBody({ blue: 50, green: 50 })],
      ['PUT', '/onlineEndpoints/kills', host.endpointBody({ blue: 100 })],
      ['DELETE', green, undefined],
    ] as const) {
      const call = await host.arm(method, path, body);
      await sleep(afterMs);
      await host.end('SIGKILL');
      await host.run();
      expect(await host.ended(call)).toMatchObject({ status: 'Succeeded' });
    }
    await load.stop();

    expect(load.summary()).toEqual({ 200: load.answers.length });
    expect((await host.arm('GET', green)).status).toBe(404);
    // Envoy, and the two processes of blue: nothing was started twice, nothing was left.
    expect(host.processes()).toHaveLength(3);
  },
  180_000,
);
