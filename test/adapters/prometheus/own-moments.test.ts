import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createPrometheusMetrics } from '../../../adapters/prometheus/metrics.js';
import { createOwnMetrics } from '../../../adapters/prometheus/own-metrics.js';
import { ownQueries } from '../../../adapters/prometheus/templates.js';

// Ten minutes into an hour.
const NOW = 1_000 * 3_600_000 + 600_000;
/** Blue's only instance was scraped 5 s ago, green's 12 s ago, both every 15 s. */
const SCRAPED = { blue: NOW - 5_000, green: NOW - 12_000 };

const prometheus = createServer((asked, reply) => {
  void text(asked).then((body) => {
    const query = new URLSearchParams(body).get('query') ?? '';
    const version = query.includes('blue') ? 'blue' : 'green';
    const values = [2, 1, 0].map((ago) => [SCRAPED[version] / 1000 - 15 * ago, String(100 - ago)]);
    const metric = { job: 'models', instance: version };
    reply.setHeader('content-type', 'application/json');
    reply.end(
      JSON.stringify({ status: 'success', data: { resultType: 'matrix', result: [{ metric, values }] } }),
    );
  });
});
let url: string;

beforeAll(async () => {
  await new Promise<void>((resolve) => prometheus.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(prometheus.address() as AddressInfo).port}`;
});
afterAll(() => {
  prometheus.closeAllConnections();
  prometheus.close();
});

it('tells of each version how much older its newest sample is, where each counts for itself', async () => {
  const now = () => NOW;
  const queries = ownQueries({
    requests: 'rq_total{version="$deployment"}',
    errors: 'errors_total{version="$deployment"}',
    mirrored: false,
  });
  const metrics = createPrometheusMetrics({ connection: { url }, queries, now });
  const own = createOwnMetrics({ GREENLIGHT_PROMETHEUS_URL: url }, now);

  const requests = await metrics.read('ep', ['blue', 'green']);
  const events = await own?.read(
    { quality: { bad: 'bad{v="$deployment"}', total: 'all{v="$deployment"}' } },
    ['blue', 'green'],
  );

  expect(requests).toMatchObject({ ageMs: 5_000, deployments: { green: { live: { olderByMs: 7_000 } } } });
  expect(requests.deployments['blue']?.live).not.toHaveProperty('olderByMs');
  expect(events).toMatchObject({
    ageMs: 5_000,
    metrics: { quality: { deployments: { green: { olderByMs: 7_000 } } } },
  });
  expect(events?.metrics['quality']?.deployments['blue']).not.toHaveProperty('olderByMs');
});
