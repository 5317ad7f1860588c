import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createEnvoyMetrics } from '../../../adapters/envoy/metrics.js';
import { pairsOf, type PairSeries } from '../../../adapters/envoy/pairs.js';

const NO_HALVES = { blue: { requests: 0, errors: 0 }, green: { requests: 0, errors: 0 } };
const record = (live: string | null, mirror: string, more: object = {}): PairSeries['pairs'][number] => ({
  endpoint: 'diabetes',
  live,
  mirror,
  ...{ n00: 0, n01: 0, n10: 0, n11: 0 },
  ...NO_HALVES,
  ...more,
});
const series: PairSeries = {
  sinceMs: 7,
  pairs: [
    record('blue', 'green', { n00: 90, n01: 3, n10: 2, n11: 5 }),
    record(null, 'green', { green: { requests: 4, errors: 1 } }),
    record('red', 'green', { n00: 1000 }),
    { ...record('blue', 'green', { n00: 5000 }), endpoint: 'other' },
  ],
};

describe('the pairs of a rollout', () => {
  it('are those of its two deployments, with halves whose other one is unknown', () => {
    const { green } = pairsOf(series, 'Diabetes', ['Blue', 'green']);

    expect(green).toEqual({
      sinceMs: 7,
      ...{ n00: 90, n01: 3, n10: 2, n11: 5 },
      blue: { requests: 0, errors: 0 },
      green: { requests: 4, errors: 1 },
    });
  });

  it('are all zero before the first one, so that the first look has a left edge', () => {
    expect(pairsOf({ sinceMs: 7, pairs: [] }, 'diabetes', ['blue', 'green'])['green']).toEqual({
      sinceMs: 7,
      ...{ n00: 0, n01: 0, n10: 0, n11: 0 },
      ...NO_HALVES,
    });
  });
});

describe('a snapshot', () => {
  it.each([
    ['has the pairs', () => Promise.resolve(series), true],
    ['has none while the host does not answer', () => Promise.reject(new Error('gone')), false],
  ])('%s', async (_what, pairs, there) => {
    const admin = createServer((_request, response) => response.end('{"stats":[]}'));
    await new Promise<void>((listening) => admin.listen(0, '127.0.0.1', listening));
    const source = createEnvoyMetrics({
      adminUrl: `http://127.0.0.1:${(admin.address() as AddressInfo).port}`,
      clusterPattern: '{workspace}~{endpoint}~{deployment}~{kind}',
      workspace: 'local',
      pairs,
    });

    const snapshot = await source.read('diabetes', ['blue', 'green']);
    admin.closeAllConnections();
    await new Promise((closed) => admin.close(closed));

    expect(snapshot.pairs?.['green']?.n00).toBe(there ? 90 : undefined);
    expect(snapshot.deployments).toEqual({});
  });
});
