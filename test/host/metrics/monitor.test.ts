import { describe, expect, it } from 'vitest';
import { difference, NOTHING, parseSample, sum } from '../../../host/metrics/envoy-stats.js';
import { latencyOf, requestsOf, type MinuteRecord } from '../../../host/metrics/minute.js';
import { answerMetrics, ENDPOINT_METRICS } from '../../../host/metrics/monitor.js';

const T0 = Date.parse('2026-11-21T10:00:00Z');

function minute(index: number, deployment: string, requests: MinuteRecord['requests']): MinuteRecord {
  return {
    atMs: T0 + index * 60_000,
    ...{ workspace: 'local', endpoint: 'e', deployment, requests },
    ...{ bytesPerSecond: 10, cpuPercent: 5, memoryPercent: 1, instances: { Provisioned: 1 } },
  };
}

const MINUTES = [
  minute(0, 'blue', [
    { status: '200', model: '200', count: 90 },
    { status: '424', model: '500', count: 10 },
  ]),
  minute(0, 'green', [{ status: '200', model: '200', count: 5 }]),
  minute(2, 'blue', [{ status: '408', model: '', count: 1 }]),
];

function ask(query: Record<string, string>) {
  const answer = answerMetrics(
    {
      ...{ resourceId: '/e', metrics: ENDPOINT_METRICS, names: 'RequestsPerMinute', interval: 'PT1M' },
      timespan: '2026-11-21T10:00:00Z/2026-11-21T10:03:00Z',
      ...{ aggregation: 'Average', filter: undefined, top: undefined, ...query },
    },
    MINUTES,
    T0,
  ) as {
    value: {
      timeseries: {
        metadatavalues: { name: { value: string }; value: string }[];
        data: { average?: number }[];
      }[];
    }[];
  };
  return answer.value[0]!.timeseries.map(({ metadatavalues, data }) => ({
    by: metadatavalues.map((each) => `${each.name.value}=${each.value}`).join(),
    values: data.map(({ average }) => average ?? null),
  }));
}

describe('the metrics call', () => {
  it('adds up what is not split, and leaves minutes without requests empty', () => {
    expect(ask({})).toEqual([{ by: '', values: [105, null, 1] }]);
  });

  it('splits by the dimensions that the filter names', () => {
    expect(ask({ filter: "deployment eq '*' and statusCode eq '*'" })).toEqual([
      { by: 'deployment=blue,statuscode=200', values: [90, null, null] },
      { by: 'deployment=blue,statuscode=424', values: [10, null, null] },
      { by: 'deployment=green,statuscode=200', values: [5, null, null] },
      { by: 'deployment=blue,statuscode=408', values: [null, null, 1] },
    ]);
  });

  it('takes only what the filter wants', () => {
    const filter = "deployment eq 'Blue' and (statusCodeClass eq '4xx' or statusCodeClass eq '5xx')";

    expect(ask({ filter })).toEqual([{ by: 'deployment=blue,statuscodeclass=4xx', values: [10, null, 1] }]);
  });

  it('gives no more series than asked for, 10 by itself', () => {
    expect(ask({ filter: "deployment eq '*'", top: '1' })).toHaveLength(1);
  });

  it.each([
    ['names', 'Nonsense', 'Failed to find metric configuration'],
    ['timespan', 'yesterday', 'expected start/end'],
    ['interval', 'PT30S', 'expected whole minutes'],
    ['aggregation', 'Median', 'expected average, minimum'],
    ['filter', 'deployment = 1', 'expected terms such as'],
    ['top', '-1', 'above 0'],
  ])('with a wrong %s is answered with 400', (field, value, message) => {
    expect(() => ask({ [field]: value })).toThrow(message);
  });
});

describe('what clients saw, out of what Envoy counted', () => {
  const counts = { ...NOTHING, statuses: { 200: 90, 500: 3, 503: 5, 504: 3 }, timeouts: 2, overflows: 4 };

  it.each([
    ['managed', ['200/200=90', '408/=2', '424/500=3', '424/503=1', '424/504=1', '429/=4']],
    ['kubernetes', ['200/200=90', '502/500=3', '502/503=1', '502/504=1', '503/=4', '504/=2']],
  ] as const)('on a %s endpoint', (kind, expected) => {
    const seen = requestsOf(counts, kind).map(({ status, model, count }) => `${status}/${model}=${count}`);

    expect(seen.sort()).toEqual(expected);
  });

  it('is what was added since the last look, and all of it after a restart of Envoy', () => {
    expect(difference(counts, { ...counts, statuses: { 200: 80, 500: 3 } }).statuses).toMatchObject({
      200: 10,
      500: 0,
    });
    expect(difference(counts, { ...counts, statuses: { 200: 500 } }).statuses).toMatchObject({ 200: 90 });
    expect(sum(counts, counts)).toMatchObject({ statuses: { 200: 180 }, timeouts: 4, overflows: 8 });
  });
});

it('latency lies inside the bins of the timings', () => {
  expect(
    latencyOf([
      [10, 1, 90],
      [100, 10, 10],
    ]),
  ).toEqual({
    ...{ average: expect.closeTo(19.95), p50: expect.closeTo(10.556, 2), p90: 11 },
    ...{ p95: 105, p99: expect.closeTo(109) },
  });
  expect(latencyOf([])).toBeUndefined();
});

it('a sample of Envoy comes apart by cluster', () => {
  const sample = parseSample({
    stats: [
      { name: 'cluster.local~e~blue~live.upstream_rq_200', value: 7 },
      { name: 'cluster.local~e~blue~live.upstream_rq_active', value: 2 },
      { name: 'cluster.local~e~blue~live.upstream_rq_pending_active', value: 1 },
      {
        histograms: {
          details: [
            {
              name: 'cluster.local~e~blue~live.upstream_rq_time',
              totals: [{ lower_bound: 3, width: 1, count: 7 }],
            },
          ],
        },
      },
    ],
  });

  expect(sample.get('local~e~blue~live')).toEqual({
    ...{ statuses: { 200: 7 }, timeouts: 0, overflows: 0, bytes: 0 },
    ...{ bins: [[3, 1, 7]], active: 3 },
  });
});
