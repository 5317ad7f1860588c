import { describe, expect, it } from 'vitest';
import { commonEdges, sumBuckets } from '../../../adapters/prometheus/histogram.js';
import type { Tally } from '../../../adapters/prometheus/ledger.js';
import {
  envoyQueries,
  istioQueries,
  ownQueries,
  routedQueries,
} from '../../../adapters/prometheus/templates.js';
import { readSelector } from '../../../core/promql.js';

const live = { endpoint: 'diabetes', deployment: 'green', kind: 'live' } as const;

describe('Envoy Gateway', () => {
  const queries = routedQueries({
    slots: () =>
      Promise.resolve({
        router: 'HTTPRoute',
        namespace: 'models',
        route: 'diabetes',
        deployments: {
          green: {
            live: [
              { rule: 0, backend: 1 },
              { rule: 1, backend: 1 },
            ],
            direct: [{ rule: 3, backend: 0 }],
            mirror: [{ rule: 0, filter: 0 }],
          },
          blue: { live: [{ rule: 0, backend: 0 }], direct: [], mirror: [] },
        },
      }),
  });

  it.each`
    kind        | clusters
    ${'live'}   | ${'httproute/models/diabetes/rule/0/backend/1|httproute/models/diabetes/rule/1/backend/1'}
    ${'mirror'} | ${'httproute/models/diabetes/rule/0-mirror-0'}
    ${'direct'} | ${'httproute/models/diabetes/rule/3/backend/0'}
  `('counts $kind requests in the clusters of the route', async ({ kind, clusters }) => {
    const found = await queries.of({ ...live, kind: kind as 'live' });

    expect(found?.requests).toBe(`envoy_cluster_upstream_rq_completed{envoy_cluster_name=~"${clusters}"}`);
  });

  it('has nothing of what is not routed', async () => {
    expect(await queries.of({ ...live, deployment: 'blue', kind: 'mirror' })).toBeUndefined();
    expect(await queries.of({ ...live, deployment: 'orange' })).toBeUndefined();
  });
});

describe('Istio, behind a VirtualService', () => {
  const queries = routedQueries({
    slots: () =>
      Promise.resolve({
        router: 'VirtualService',
        namespace: 'models',
        workloads: { green: 'diabetes-green' },
      }),
  });

  it("counts by the workload, as the pods' own sidecars report it, mirrored requests too", async () => {
    const labels =
      'reporter="destination",destination_workload_namespace="models",destination_workload="diabetes-green"';

    expect((await queries.of(live))?.requests).toBe(`istio_requests_total{${labels},response_code!="0"}`);
    expect(await queries.of({ ...live, kind: 'mirror' })).toEqual(await queries.of(live));
    expect(await queries.of({ ...live, deployment: 'orange' })).toBeUndefined();
  });
});

describe('every template', () => {
  const own = ownQueries({
    requests: 'rq_total{svc="$endpoint",version="$deployment"}',
    errors: 'rq_total{svc="$endpoint",version="$deployment",code=~"5.."}',
    buckets: { query: 'rq_seconds_bucket{svc="$endpoint",version="$deployment"}', unit: 's' },
    mirrored: false,
  });
  it.each([
    ['Envoy', envoyQueries({ cluster: 'local~$endpoint~$deployment~$kind' })],
    ['Istio', istioQueries({ namespace: 'models' })],
    ['own queries', own],
  ])('of %s asks for plain counters, with the names filled in', async (_, queries) => {
    const found = await queries.of(live);

    const all = [found?.requests, found?.errors, found?.buckets?.query];
    for (const query of all) {
      expect(readSelector(query ?? '')).toMatchObject({ ok: true });
      expect(query).toContain('green');
      expect(query).not.toContain('$');
    }
  });

  it('of one that cannot tell mirrored traffic apart says so', async () => {
    expect(own.mirrored).toBe(false);
    expect(await own.of({ ...live, kind: 'mirror' })).toBeUndefined();
    expect(istioQueries({ namespace: 'models', reporter: 'source' }).mirrored).toBe(false);
  });

  it('escapes dots of a cluster name, which would match anything', async () => {
    const found = await envoyQueries({ cluster: '$deployment.svc' }).of(live);

    expect(found?.requests).toBe(
      String.raw`envoy_cluster_upstream_rq_completed{envoy_cluster_name=~"green\\.svc"}`,
    );
  });
});

describe('histograms of several instances', () => {
  const bucket = (instance: string, le: string, total: number): Tally => ({
    labels: { instance, le },
    total,
    lastMs: 0,
    last: total,
  });
  const both = [
    bucket('a', '0.1', 3),
    bucket('a', '0.25', 5),
    bucket('a', '+Inf', 6),
    bucket('b', '0.05', 1),
    bucket('b', '0.1', 2),
    bucket('b', '0.25', 4),
    bucket('b', '+Inf', 4),
  ];

  it('are summed at the edges that all of them have, in milliseconds', () => {
    const edges = commonEdges(both, 1000);

    expect(edges).toEqual([100, 250]);
    expect(sumBuckets(both, edges, 1000)).toEqual([5, 9, 10]);
  });

  it('are nothing where an edge has no series', () => {
    expect(sumBuckets(both, [100, 500], 1000)).toBeNull();
    expect(sumBuckets([], [100], 1000)).toBeNull();
    expect(commonEdges([], 1)).toEqual([]);
  });
});
