import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../../host/wait.js';
import { Load, TestHost } from './harness.js';

let host: TestHost;
let key: string;

beforeAll(async () => {
  host = await TestHost.start();
  await host.done('PUT', '/onlineEndpoints/diabetes', host.endpointBody());
  key = await host.key('diabetes');
  await host.deploy('diabetes', 'blue', { capacity: 2 });
  await host.deploy('diabetes', 'green');
});

afterAll(async () => {
  await host.dispose();
});

const score = (ask: object = {}, headers: Record<string, string> = {}) =>
  host.score('diabetes', key, ask, headers);

async function send(count: number): Promise<Load> {
  const load = new Load(6, () => score(), count);
  await load.finished();
  return load;
}

describe('live traffic', () => {
  it('is answered with 404 while no deployment has a share', async () => {
    await host.setTraffic('diabetes', {});

    expect((await score()).status).toBe(404);
  });

  it('goes to each deployment by its share, within five standard deviations over 2000 requests', async () => {
    await host.setTraffic('diabetes', { blue: 75, green: 25 });

    const load = await send(2000);

    expect(load.summary()).toEqual({ 200: 2000 });
    const sigma = Math.sqrt(2000 * 0.25 * 0.75);
    expect(Math.abs(load.by('green') - 500)).toBeLessThan(5 * sigma);
    expect(load.by('blue') + load.by('green')).toBe(2000);
  });

  it('loses no request over 20 changes of the shares under load', async () => {
    await host.setTraffic('diabetes', { blue: 100 });
    const load = new Load(6, () => score());

    for (let change = 0; change < 20; change++) {
      const green = [0, 10, 50, 100][change % 4]!;
      await host.setTraffic('diabetes', { blue: 100 - green, green });
    }
    await load.stop();

    expect(load.summary()).toEqual({ 200: load.answers.length });
    expect(load.by('green')).toBeGreaterThan(0);
  });

  it('follows a change from the moment its operation has succeeded', async () => {
    for (const share of [100, 0, 100, 0]) {
      await host.setTraffic('diabetes', { blue: share, green: 100 - share });

      const answers = await Promise.all(Array.from({ length: 20 }, () => score()));

      const expected = share === 100 ? 'blue' : 'green';
      expect(new Set(answers.map((answer) => answer.headers['azureml-model-deployment']))).toEqual(
        new Set([expected]),
      );
    }
  });

  it('loses no request while instances are added and taken away under load', async () => {
    await host.setTraffic('diabetes', { blue: 100 });
    const load = new Load(6, () => score({ ms: 5 }));

    for (const capacity of [3, 1, 2]) {
      await host.done('PATCH', '/onlineEndpoints/diabetes/deployments/blue', {
        sku: { name: 'Default', capacity },
      });
    }
    await until(() => host.instancePids('diabetes', 'blue').length === 2, { timeoutMs: 10_000 });
    await load.stop();

    expect(load.summary()).toEqual({ 200: load.answers.length });
  });
});

describe('a new generation of a deployment', () => {
  it('takes over under load without a lost request', async () => {
    await host.deploy('diabetes', 'rolling', { capacity: 2, env: { NAME: 'old' } });
    await host.setTraffic('diabetes', { rolling: 100 });
    const load = new Load(6, () => score({ ms: 5 }));

    await host.deploy('diabetes', 'rolling', { capacity: 2, env: { NAME: 'new' } });
    await until(() => host.instancePids('diabetes', 'rolling').length === 2, { timeoutMs: 10_000 });
    await load.stop();

    expect(load.summary()).toEqual({ 200: load.answers.length });
    expect(JSON.parse(load.answers.at(-1)?.text ?? '')).toMatchObject({ name: 'new' });
    await host.setTraffic('diabetes', { blue: 100 });
    await host.done('DELETE', '/onlineEndpoints/diabetes/deployments/rolling');
  });
});

describe('mirrored traffic', () => {
  it('copies its share of live requests, and counts them apart', async () => {
    await host.setTraffic('diabetes', { blue: 100 }, { green: 50 });
    const before = await host.counter('cluster.local~diabetes~green~mirror.upstream_rq_completed');

    const load = await send(1000);

    expect(load.by('blue')).toBe(1000);
    const copies = async (): Promise<number> =>
      (await host.counter('cluster.local~diabetes~green~mirror.upstream_rq_completed')) - before;
    let last = -1;
    await until(async () => last === (last = await copies()), { timeoutMs: 5_000, everyMs: 200 });
    expect(Math.abs(last - 500)).toBeLessThan(5 * Math.sqrt(250));
  });

  it('leaves out requests that name their deployment', async () => {
    await host.setTraffic('diabetes', { blue: 100 }, { green: 50 });
    const before = await host.counter('cluster.local~diabetes~green~mirror.upstream_rq_total');

    for (let n = 0; n < 30; n++) await score({}, { 'azureml-model-deployment': 'blue' });

    expect(await host.counter('cluster.local~diabetes~green~mirror.upstream_rq_total')).toBe(before);
    expect(await host.counter('cluster.local~diabetes~blue~direct.upstream_rq_200')).toBeGreaterThanOrEqual(
      30,
    );
  });

  it('does not let a failing copy reach the client', async () => {
    await host.deploy('diabetes', 'broken', { properties: { requestSettings: { requestTimeout: 'PT1S' } } });
    await host.setTraffic('diabetes', { blue: 100 }, { broken: 50 });

    const load = new Load(4, () => score({ ms: 3 }));
    for (const pid of host.instancePids('diabetes', 'broken')) process.kill(pid, 'SIGKILL');
    await until(() => load.answers.length > 200, { timeoutMs: 10_000 });
    await load.stop();

    expect(load.summary()).toEqual({ 200: load.answers.length });
    await host.setTraffic('diabetes', { blue: 100 });
    await host.done('DELETE', '/onlineEndpoints/diabetes/deployments/broken');
  });
});
