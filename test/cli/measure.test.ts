import { describe, expect, it } from 'vitest';
import { measureBaseline } from '../../cli/measure.js';
import { MemoryTarget } from '../support/memory-target.js';
import { planOf } from '../support/plans.js';

const QUICK = { forMs: 1000, everyMs: 50 };
const plan = planOf('diabetes', []);

describe('what the baseline does now', () => {
  it('is counted until its rate is known, from whoever holds all live traffic', async () => {
    const target = new MemoryTarget();

    // By the count: the time that it may take is an hour.
    const ask = { ...QUICK, forMs: 3_600_000 };
    const found = await measureBaseline(target.ports(), { ...plan, baseline: null }, ask);

    expect(found.name).toBe('blue');
    expect(found.rps).toBeGreaterThan(3000);
    expect(found.rps).toBeLessThan(5000);
    expect(found.baseline?.requests).toBeGreaterThanOrEqual(1000);
    expect(found.baseline?.le).toHaveLength(found.edgesMs.length + 1);
  });

  it('is read once where the rate was given', async () => {
    const target = new MemoryTarget();
    const found = await measureBaseline(target.ports(), plan, { forMs: 0, everyMs: 50 });
    expect(found.rps).toBeNull();
    expect(target.looks).toBe(1);
  });

  it('is nothing where nobody asks anything of it', async () => {
    const target = new MemoryTarget();
    target.requestsPerSecond = 0;
    const found = await measureBaseline(target.ports(), plan, { forMs: 100, everyMs: 50 });
    expect(found.rps).toBe(0);
  });

  it('counts by the time of the data, not of the reading: a source by the minute gains a minute or nothing', async () => {
    const target = new MemoryTarget();
    const { endpoints, metrics } = target.ports();
    const counters = (requests: number) => ({ requests, errors: 0, le: [], active: null });
    const at = (sec: number, dataSec: number) => ({
      ...{ atMs: sec * 1000, ageMs: (sec - dataSec) * 1000, edgesMs: [] },
      deployments: { blue: { live: counters(dataSec * 5) } },
    });
    const readings = [at(200, 0), at(202, 60), at(202, 60)];
    const source = { ...metrics, read: () => Promise.resolve(readings.shift() ?? at(202, 60)) };

    const found = await measureBaseline({ endpoints, metrics: source }, plan, { forMs: 1000, everyMs: 1 });

    expect(found.rps).toBe(5);
  });

  it.each`
    because                                                         | movesAfterSec | dataSec | rps     | sec
    ${'the next figures come later than that'}                      | ${41}         | ${60}   | ${5}    | ${42}
    ${'all went on in time: it ends then'}                          | ${3}          | ${60}   | ${5}    | ${10}
    ${'none come when they should: it ends after their usual time'} | ${Infinity}   | ${0}    | ${null} | ${62}
  `(
    'is counted for ten seconds, or until a source that gathers by the minute has newer figures: $because',
    async ({ movesAfterSec, dataSec, rps, sec }: Record<string, number>) => {
      const { endpoints, metrics } = new MemoryTarget().ports();
      let nowSec = 200;
      const read = () => {
        const toSec = nowSec - 200 < movesAfterSec! ? 0 : dataSec!;
        const live = { requests: toSec * 5, errors: 0, le: [], active: null };
        const snapshot = {
          ...{ atMs: nowSec * 1000, ageMs: (nowSec - toSec) * 1000, edgesMs: [] },
          ...{ cadence: { everyMs: 60_000, behindMs: 180_000 }, deployments: { blue: { live } } },
        };
        nowSec += 2;
        return Promise.resolve(snapshot);
      };

      // Two seconds by the source's clock between its readings, and next to none by ours.
      const ask = { forMs: 10_000, everyMs: 1 };
      const found = await measureBaseline({ endpoints, metrics: { ...metrics, read } }, plan, ask);

      expect([found.rps, found.countedMs]).toEqual([rps, sec! * 1000]);
    },
  );

  it('waits for each answer by itself, however long it counts', async () => {
    const { endpoints, metrics } = new MemoryTarget().ports();
    const signals: unknown[] = [];
    const call = () => ({ signal: new AbortController().signal });
    const read: typeof metrics.read = (endpoint, deployments, options) => {
      signals.push(options?.signal);
      return metrics.read(endpoint, deployments, options);
    };

    await measureBaseline({ endpoints, metrics: { ...metrics, read } }, plan, { ...QUICK, call });

    expect(signals.length).toBeGreaterThan(1);
    expect(new Set(signals).size).toBe(signals.length);
  });

  it('is not known where the source is away', async () => {
    const target = new MemoryTarget();
    target.metricsAway = true;
    await expect(measureBaseline(target.ports(), plan, QUICK)).rejects.toMatchObject({ name: 'PortError' });
  });
});
