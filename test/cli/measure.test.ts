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

  it('is not known where the source is away', async () => {
    const target = new MemoryTarget();
    target.metricsAway = true;
    await expect(measureBaseline(target.ports(), plan, QUICK)).rejects.toMatchObject({ name: 'PortError' });
  });
});
