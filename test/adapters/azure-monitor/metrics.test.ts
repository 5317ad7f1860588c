import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAzureMonitorMetrics } from '../../../adapters/azure-monitor/metrics.js';
import { startHttps, type HttpsServer } from '../https-server.js';

const MINUTE = 60_000;
const NOON = Date.UTC(2026, 10, 21, 12, 0, 0);

// Azure Monitor's answers, in the shape of its metrics call (api-version 2023-10-01).
let server: HttpsServer;
let queries: URLSearchParams[];
let nowMs: number;
/** Per deployment and status, the average of each minute, by minutes since midnight. */
let traffic: Record<string, Record<number, number>>;
let broken: { errorCode: string; errorMessage: string } | undefined;

beforeEach(async () => {
  queries = [];
  traffic = {};
  broken = undefined;
  nowMs = NOON;
  server = await startHttps((app) => {
    app.get('*', async (request) => {
      const query = new URL(request.url, 'https://x').searchParams;
      queries.push(query);
      const [from = 0, to = 0] = (query.get('timespan') ?? '').split('/').map((text) => Date.parse(text));
      return answer(from, to);
    });
  });
});
afterEach(() => server.stop());

function answer(from: number, to: number): unknown {
  const timeseries = Object.entries(traffic).map(([dimensions, minutes]) => {
    const [deployment, status] = dimensions.split(' ');
    return {
      metadatavalues: [
        { name: { value: 'deployment', localizedValue: 'Deployment' }, value: deployment },
        { name: { value: 'statuscode', localizedValue: 'Status Code' }, value: status },
      ],
      data: times(from, to).map((time) => {
        const average = minutes[(time - Date.UTC(2026, 10, 21)) / MINUTE];
        // A minute without traffic is a point without a value.
        return { timeStamp: new Date(time).toISOString(), ...(average === undefined ? {} : { average }) };
      }),
    };
  });
  return {
    cost: 1,
    timespan: 't',
    interval: 'PT1M',
    namespace: 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints',
    resourceregion: 'westeurope',
    value: [
      {
        id: '/x/providers/Microsoft.Insights/metrics/RequestsPerMinute',
        type: 'Microsoft.Insights/metrics',
        name: { value: 'RequestsPerMinute', localizedValue: 'Requests Per Minute' },
        unit: 'Count',
        errorCode: 'Success',
        ...broken,
        timeseries: broken ? [] : timeseries,
      },
    ],
  };
}

function times(from: number, to: number): number[] {
  return Array.from({ length: (to - from) / MINUTE }, (_, i) => from + i * MINUTE);
}

function source() {
  return createAzureMonitorMetrics({
    baseUrl: server.url,
    subscription: 's',
    resourceGroup: 'rg',
    workspace: 'ws',
    credential: { getToken: async () => ({ token: 't', expiresOnTimestamp: Date.now() + 1e6 }) },
    ca: server.ca,
    now: () => nowMs,
  });
}

describe('requests', () => {
  it('are the sum of the minutes of the day that have settled, and errors those of the model', async () => {
    traffic = {
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

    expect(Object.fromEntries(queries[0] ?? [])).toEqual({
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
    traffic = { 'blue 200': { 700: 5, 717: 7 } };
    const metrics = source();
    const read = async () => (await metrics.read('diabetes', ['blue'])).deployments['blue']?.live?.requests;

    const first = await Promise.all([read(), read(), read()]);
    nowMs += MINUTE - 1;
    const same = await read();
    nowMs += 1;
    const next = await read();

    expect([first, same, next]).toEqual([[5, 5, 5], 5, 12]);
    expect(queries.map((q) => q.get('timespan'))).toEqual([
      '2026-11-21T00:00:00.000Z/2026-11-21T11:57:00.000Z',
      '2026-11-21T11:57:00.000Z/2026-11-21T11:58:00.000Z',
    ]);
  });

  it('are the same for a worker that has just started', async () => {
    traffic = { 'blue 200': { 1: 1, 700: 5, 717: 7 } };
    const old = source();
    await old.read('diabetes', ['blue']);
    nowMs += 5 * MINUTE;

    expect(await old.read('diabetes', ['blue'])).toEqual(await source().read('diabetes', ['blue']));
  });

  it('begin at 0 again at midnight, UTC', async () => {
    traffic = { 'blue 200': { 1438: 5, 1440: 3 } };
    const metrics = source();
    const at = async (ms: number) => {
      nowMs = ms;
      return (await metrics.read('diabetes', ['blue'])).deployments['blue']?.live?.requests;
    };
    const midnight = Date.UTC(2026, 10, 22);

    const seen = [await at(midnight), await at(midnight + 3 * MINUTE), await at(midnight + 4 * MINUTE)];

    expect(seen).toEqual([0, 0, 3]);
  });
});

it('says that it has neither histograms nor mirrored traffic apart', () => {
  expect(source().capabilities).toEqual({ histograms: false, mirrored: false });
});

it('fails as transient when the service could not compute the metric, and asks anew the next time', async () => {
  broken = { errorCode: 'InternalError', errorMessage: 'try again' };
  traffic = { 'blue 200': { 700: 5 } };
  const metrics = source();

  await expect(metrics.read('diabetes', ['blue'])).rejects.toMatchObject({
    kind: 'transient',
    code: 'InternalError',
  });
  broken = undefined;

  await expect(metrics.read('diabetes', ['blue'])).resolves.toMatchObject({
    deployments: { blue: { live: { requests: 5 } } },
  });
});
