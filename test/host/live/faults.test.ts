import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../../host/wait.js';
import { Load, TestHost } from './harness.js';

let host: TestHost;
let key: string;
const BLUE = '/onlineEndpoints/diabetes/deployments/blue';
const FAULTS = `${BLUE}/faults`;

beforeAll(async () => {
  host = await TestHost.start('--faults');
  await host.done('PUT', '/onlineEndpoints/diabetes', host.endpointBody());
  key = await host.key('diabetes');
  await host.deploy('diabetes', 'blue', {
    properties: { requestSettings: { maxConcurrentRequestsPerInstance: 8, requestTimeout: 'PT5S' } },
  });
  await host.deploy('diabetes', 'green');
  await host.setTraffic('diabetes', { blue: 100 });
});

afterEach(async () => {
  await host.arm('DELETE', FAULTS);
});

afterAll(() => host.dispose());

const score = (deployment?: string) =>
  host.score('diabetes', key, {}, deployment === undefined ? {} : { 'azureml-model-deployment': deployment });

async function took(deployment: string): Promise<number> {
  const start = Date.now();
  expect((await score(deployment)).status).toBe(200);
  return Date.now() - start;
}

describe('faults on request', () => {
  it('add latency to one deployment, where its metrics see it, and to no other', async () => {
    expect((await host.arm('PUT', FAULTS, { addedLatency: 'PT0.3S' })).status).toBe(200);

    expect(await took('blue')).toBeGreaterThanOrEqual(300);
    // One that is quicker is proof: the latency is added to each.
    expect(await until(async () => (await took('green')) < 300, { timeoutMs: 10_000 })).toBe(true);
    const counted = (): Promise<number> => host.counter('cluster.local~diabetes~blue~direct.upstream_rq_200');
    expect(await until(async () => (await counted()) === 1, { timeoutMs: 5_000 })).toBe(true);
  });

  it('past the request timeout are a 408, as a slow model would be', async () => {
    await host.arm('PUT', FAULTS, { addedLatency: 'PT5.5S' });

    expect((await score()).status).toBe(408);
  });

  it('fail their share of requests, which count as answers of the model', async () => {
    await host.arm('PUT', FAULTS, { errorPercent: 20, errorStatus: 503 });
    const before = await host.counter('cluster.local~diabetes~blue~live.upstream_rq_503');

    const load = new Load(4, () => score(), 500);
    await load.finished();

    const failed = load.summary()['424'] ?? 0;
    expect(load.summary()).toEqual({ 200: 500 - failed, 424: failed });
    expect(Math.abs(failed - 100)).toBeLessThan(5 * Math.sqrt(500 * 0.2 * 0.8));
    expect(await host.counter('cluster.local~diabetes~blue~live.upstream_rq_503')).toBe(before + failed);
  });

  it('are shown, and set and lifted under load without a lost request', async () => {
    const load = new Load(4, () => score());

    for (let turn = 0; turn < 5; turn++) {
      await host.arm('PUT', FAULTS, { addedLatency: 'PT0.05S' });
      expect((await host.arm('GET', FAULTS)).body).toMatchObject({ addedLatency: 'PT0.05S' });
      await host.arm('DELETE', FAULTS);
    }
    await load.stop();

    expect((await host.arm('GET', FAULTS)).body).toEqual({});
    expect((await host.arm('DELETE', FAULTS)).status).toBe(204);
    expect(load.summary()).toEqual({ 200: load.answers.length });
  });

  it('slow down the start of new instances, and crash one now and then', async () => {
    await host.arm('PUT', FAULTS, { slowStart: 'PT2.5S', crashEvery: 'PT1S' });
    const start = Date.now();
    const blue = async () =>
      (await host.arm('GET', BLUE)).body.properties.properties as Record<string, string>;

    expect(
      await until(async () => Number((await blue())['greenlight.restarts']) > 0, { timeoutMs: 45_000 }),
    ).toBe(true);
    await host.arm('PUT', FAULTS, { slowStart: 'PT2.5S' });
    const ready = async () => (await blue())['greenlight.readyInstances'] === '1';
    expect(await until(ready, { timeoutMs: 45_000 })).toBe(true);

    expect(Date.now() - start).toBeGreaterThan(2_500);
  });

  it.each([
    ['an unknown one', { latency: 'PT1S' }, 'Unrecognized key'],
    ['a latency in words', { addedLatency: 'slow' }, 'expected an ISO 8601 duration'],
    ['more than all requests', { errorPercent: 101 }, 'errorPercent'],
  ])('that are wrong get 400: %s', async (_, body, message) => {
    const answer = await host.arm('PUT', FAULTS, body);

    expect([answer.status, answer.body.error.code]).toEqual([400, 'BadArgument']);
    expect(answer.body.error.message).toContain(message);
  });

  it('go when a host without --faults takes over, which refuses them', async () => {
    await host.arm('PUT', FAULTS, { addedLatency: 'PT0.3S' });
    await host.end('SIGTERM');
    await host.run();

    const answer = await host.arm('PUT', FAULTS, { addedLatency: 'PT0.3S' });

    expect([answer.status, answer.body.error.code]).toEqual([403, 'FaultsNotAllowed']);
    expect(await until(async () => (await took('blue')) < 300, { timeoutMs: 10_000 })).toBe(true);
  });
});
