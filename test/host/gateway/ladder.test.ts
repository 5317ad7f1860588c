import { describe, expect, it } from 'vitest';
import { envoyBucketBounds, latencyEdgesMs } from '../../../host/gateway/ladder.js';

const edges = latencyEdgesMs();

describe('the latency ladder', () => {
  it('goes from 1 ms to 100 s, ascending, in steps of at most 11 percent above 10 ms', () => {
    expect(edges[0]).toBe(1);
    expect(edges.at(-1)).toBe(100_000);
    for (let i = 1; i < edges.length; i++) {
      expect(edges[i]).toBeGreaterThan(edges[i - 1]!);
      if (edges[i - 1]! >= 10) expect(edges[i]! / edges[i - 1]!).toBeLessThanOrEqual(1.11);
    }
  });

  it('has edges of at most two significant digits, whole below 10 ms: those that Envoy counts exactly', () => {
    for (const edge of edges) {
      expect(Number.isInteger(edge)).toBe(true);
      expect(Number(edge.toPrecision(2))).toBe(edge);
    }
  });
});

describe('the bounds given to Envoy', () => {
  it.each([
    [1, 0.5],
    [10, 9.5],
    [27, 26.5],
    [100, 99.5],
    [110, 105],
    [1000, 995],
    [1100, 1050],
    [100_000, 99_500],
  ])('lie in the middle of the bin below the edge: %i ms is %d', (edge, bound) => {
    expect(envoyBucketBounds()[edges.indexOf(edge)]).toBe(bound);
  });

  it('name their edge: it is the next number of two digits', () => {
    const named = envoyBucketBounds().map((bound) => {
      const unit = bound < 100 ? 1 : 10 ** (Math.floor(Math.log10(bound)) - 1);
      return (Math.floor(bound / unit) + 1) * unit;
    });

    expect(named).toEqual(edges);
  });
});
