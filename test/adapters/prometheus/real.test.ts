import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createPrometheusMetrics } from '../../../adapters/prometheus/metrics.js';
import { ownQueries } from '../../../adapters/prometheus/templates.js';
import type { Metrics } from '../../../adapters/ports.js';
import type { Counters, MetricsSnapshot } from '../../../core/metrics.js';
import { onPath } from '../../support/on-path.js';
import { ScrapedProcess, startPrometheus, type RealPrometheus } from '../../support/prometheus.js';

const SETTLE_MS = 400;
const requests = (version: string, code: string) => `rq_total{version="${version}",code="${code}"}`;
const active = (version: string) => `rq_active{version="${version}"}`;
const bucket = (version: string, le: string) => `rq_seconds_bucket{version="${version}",le="${le}"}`;

describe.skipIf(onPath('prometheus') === undefined)(
  'a real Prometheus (needs prometheus on the PATH)',
  () => {
    let one: ScrapedProcess;
    let two: ScrapedProcess;
    let prometheus: RealPrometheus;
    let metrics: Metrics;

    beforeAll(async () => {
      [one, two] = await Promise.all([ScrapedProcess.start(), ScrapedProcess.start()]);
      for (const proxy of [one, two]) {
        for (const version of ['blue', 'green']) {
          proxy.add(requests(version, '200'), 1_000);
          for (const le of ['0.1', '0.25', '+Inf']) proxy.add(bucket(version, le), 1_000);
        }
      }
      prometheus = await startPrometheus([one.address, two.address]);
      metrics = source();
      // Both were scraped, and settled: what comes now is counted.
      await vi.waitFor(
        async () => {
          expect(await count('blue')).toMatchObject({ le: [0, 0, 0] });
          expect(await series()).toBe(4);
        },
        { timeout: 30_000, interval: 200 },
      );
    });
    afterAll(async () => {
      await prometheus?.stop();
      await Promise.all([one?.stop(), two?.stop()]);
    });

    function source(): Metrics {
      return createPrometheusMetrics({
        connection: { url: prometheus.url, settleMs: SETTLE_MS },
        queries: ownQueries({
          requests: 'rq_total{version="$deployment"}',
          errors: 'rq_total{version="$deployment",code=~"5.."}',
          buckets: { query: 'rq_seconds_bucket{version="$deployment"}', unit: 's' },
          active: 'rq_active{version="$deployment"}',
          mirrored: false,
        }),
      });
    }

    const read = (from = metrics): Promise<MetricsSnapshot> => from.read('ep', ['blue', 'green']);

    async function count(version: string, from = metrics): Promise<Counters | undefined> {
      return (await read(from)).deployments[version]?.live;
    }

    /** How many series of requests Prometheus knows by now. */
    async function series(): Promise<number> {
      const answer = await fetch(`${prometheus.url}/api/v1/query?query=count(rq_total)`);
      const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } };
      return Number(data.result[0]?.value[1] ?? 0);
    }

    it('counts what happened since, in requests, errors and buckets, of all instances together', async () => {
      const before = await count('green');
      one.add(requests('green', '200'), 10);
      two.add(requests('green', '200'), 5);
      // The first error ever: its series appears with it.
      two.add(requests('green', '503'), 3);
      for (const le of ['0.25', '+Inf']) one.add(bucket('green', le), 10);

      await expect
        .poll(() => count('green'))
        .toEqual({
          requests: (before?.requests ?? 0) + 18,
          errors: (before?.errors ?? 0) + 3,
          le: [0, 10, 10],
          active: null,
        });
      const snapshot = await read();
      expect(snapshot.edgesMs).toEqual([100, 250]);
      expect(snapshot.cadence).toMatchObject({ behindMs: SETTLE_MS });
      expect(snapshot.cadence?.everyMs).toBeLessThan(1_000);
      expect(snapshot.ageMs).toBeLessThan(10_000);
    });

    it('loses nothing when an instance restarts: its counters begin anew', async () => {
      const before = (await count('blue'))?.requests ?? 0;
      one.counters.set(requests('blue', '200'), 4);

      await expect.poll(async () => (await count('blue'))?.requests).toBe(before + 4);
    });

    it('gives a worker that has just started the same totals', async () => {
      const [known, fresh] = await Promise.all([read(), read(source())]);

      expect(fresh.sinceMs).toBe(known.sinceMs);
      expect(fresh.deployments).toEqual(known.deployments);
    });

    it('goes on with the counts of an outage of Prometheus after it', async () => {
      const before = (await count('blue'))?.requests ?? 0;
      await prometheus.crash();
      await expect
        .poll(() => read().catch((error: unknown) => error))
        .toMatchObject({ kind: 'transient', code: 'MetricsUnreadable' });
      one.add(requests('blue', '200'), 7);

      await prometheus.start();

      await expect
        .poll(
          () =>
            count('blue').then(
              (found) => found?.requests,
              () => null,
            ),
          { timeout: 20_000 },
        )
        .toBe(before + 7);
    });

    it('says so where it has nothing about an endpoint', async () => {
      await expect(metrics.read('ep', ['orange'])).rejects.toMatchObject({
        kind: 'permanent',
        code: 'NoSeries',
        message: expect.stringContaining('rq_total{version="orange"} has no series') as string,
      });
    });

    it('says how many requests are under way, at those instances that still say it', async () => {
      one.counters.set(active('green'), 2);
      two.counters.set(active('green'), 1);
      await expect.poll(async () => (await count('green'))?.active).toBe(3);

      one.counters.set(active('green'), 0);
      two.counters.delete(active('green'));

      await expect.poll(async () => (await count('green'))?.active).toBe(0);
    });

    it('keeps what an instance counted that went away', async () => {
      const before = (await count('green'))?.requests ?? 0;
      await two.stop();
      one.add(requests('green', '200'), 6);

      await expect.poll(async () => (await count('green'))?.requests).toBe(before + 6);
      // Its data grows old, and the other's is new: only time tells.
      expect((await read()).deployments['green']?.live?.errors).toBe(3);
    });
  },
);
