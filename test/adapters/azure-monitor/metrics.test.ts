import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAzureMonitorMetrics } from '../../../adapters/azure-monitor/metrics.js';
import { NO_KUBERNETES_METRICS } from '../../../core/capabilities.js';
import type { Metrics } from '../../../adapters/ports.js';
import { FakeMonitor, MIDNIGHT, MINUTE } from './fake-monitor.js';

const NOON = MIDNIGHT + 12 * 60 * MINUTE;

let monitor: FakeMonitor;

beforeEach(async () => {
  monitor = await FakeMonitor.start();
  monitor.nowMs = NOON;
});
afterEach(() => monitor.stop());

function source(): Metrics {
  return createAzureMonitorMetrics(monitor.settings());
}

describe('requests', () => {
  it('are the sum of the minutes of the day that have settled, and errors those of the model', async () => {
    monitor.traffic = {
      'Blue 200': { 0: 100, 600: 50.5, 716: 10, 717: 7, 719: 9 },
      'blue 424': { 600: 3 },
      'blue 408': { 600: 2 },
      'blue 429': { 600: 1 },
      'blue 503': { 600: 4 },
      'blue 401': { 600: 1000 },
      'blue 404': { 600: 1000 },
      'green 200': { 718: 5 },
    };

    const snapshot = await source().read('Diabetes', ['blue', 'green']);

    expect(snapshot).toEqual({
      atMs: NOON,
      sinceMs: NOON - 12 * 60 * MINUTE,
      ageMs: 3 * MINUTE,
      cadence: { everyMs: MINUTE, behindMs: 3 * MINUTE },
      edgesMs: [],
      deployments: {
        blue: { live: { requests: 171, errors: 10, le: [], active: null } },
        green: { live: { requests: 0, errors: 0, le: [], active: null } },
      },
    });
  });

  it('are asked for by deployment and status, with room for all of them', async () => {
    await source().read('diabetes', ['blue']);

    expect(Object.fromEntries(monitor.queries[0] ?? [])).toEqual({
      'api-version': '2023-10-01',
      metricnames: 'RequestsPerMinute',
      metricnamespace: 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints',
      aggregation: 'Average',
      interval: 'PT1M',
      timespan: '2026-11-21T00:00:00.000Z/2026-11-21T11:57:00.000Z',
      $filter: "deployment eq '*' and statusCode eq '*'",
      top: '500',
    });
  });

  it('are asked for once a minute, and only those that are new', async () => {
    monitor.traffic = { 'blue 200': { 700: 5, 717: 7 } };
    const metrics = source();
    const read = async () => (await metrics.read('diabetes', ['blue'])).deployments['blue']?.live?.requests;

    const first = await Promise.all([read(), read(), read()]);
    monitor.nowMs += MINUTE - 1;
    const same = await read();
    monitor.nowMs += 1;
    const next = await read();

    expect([first, same, next]).toEqual([[5, 5, 5], 5, 12]);
    expect(monitor.queries.map((q) => q.get('timespan'))).toEqual([
      '2026-11-21T00:00:00.000Z/2026-11-21T11:57:00.000Z',
      '2026-11-21T11:57:00.000Z/2026-11-21T11:58:00.000Z',
    ]);
  });

  it('are the same for a worker that has just started', async () => {
    monitor.traffic = { 'blue 200': { 1: 1, 700: 5, 717: 7 } };
    const old = source();
    await old.read('diabetes', ['blue']);
    monitor.nowMs += 5 * MINUTE;

    expect(await old.read('diabetes', ['blue'])).toEqual(await source().read('diabetes', ['blue']));
  });

  it('begin at 0 again at midnight, UTC', async () => {
    monitor.traffic = { 'blue 200': { 1438: 5, 1440: 3 } };
    const metrics = source();
    const at = async (ms: number) => {
      monitor.nowMs = ms;
      return (await metrics.read('diabetes', ['blue'])).deployments['blue']?.live?.requests;
    };
    const midnight = Date.UTC(2026, 10, 22);

    const seen = [await at(midnight), await at(midnight + 3 * MINUTE), await at(midnight + 4 * MINUTE)];

    expect(seen).toEqual([0, 0, 3]);
  });
});

it('says that it has neither histograms nor mirrored traffic apart, and nothing of Kubernetes endpoints', () => {
  expect(source().capabilities).toEqual({
    histograms: false,
    mirrored: false,
    kubernetes: NO_KUBERNETES_METRICS,
  });
});

it('fails as transient when the service could not compute the metric, and asks anew the next time', async () => {
  monitor.broken = { errorCode: 'InternalError', errorMessage: 'try again' };
  monitor.traffic = { 'blue 200': { 700: 5 } };
  const metrics = source();

  await expect(metrics.read('diabetes', ['blue'])).rejects.toMatchObject({
    kind: 'transient',
    code: 'InternalError',
  });
  monitor.broken = undefined;

  await expect(metrics.read('diabetes', ['blue'])).resolves.toMatchObject({
    deployments: { blue: { live: { requests: 5 } } },
  });
});

it.each([
  ['a count that no minute has', 1e18],
  ['a negative one', -1e6],
])('refuses an answer with %s, says so, and asks for that minute again', async (_, average) => {
  monitor.traffic = { 'blue 200': { 700: 5, 717: average } };
  const metrics = source();
  const read = async () => (await metrics.read('diabetes', ['blue'])).deployments['blue']?.live?.requests;
  const before = await read();
  monitor.nowMs += MINUTE;

  await expect(read()).rejects.toMatchObject({
    kind: 'transient',
    code: 'MetricsUnreadable',
    message: expect.stringContaining(`${average} requests for the minute 2026-11-21T11:57:00.000Z`) as string,
  });
  monitor.traffic = { 'blue 200': { 700: 5, 717: 7, 718: 2 } };
  monitor.nowMs += MINUTE;

  expect([before, await read()]).toEqual([5, 14]);
});
