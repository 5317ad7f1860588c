import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createAzureMonitorMetrics } from '../../../adapters/azure-monitor/metrics.js';
import type { Metrics } from '../../../adapters/ports.js';
import { plausible } from '../../../core/gates/index.js';
import type { MetricsSnapshot } from '../../../core/metrics.js';
import { TOKEN } from '../azureml/fake-arm.js';
import { Ends, RUNS, SECRET, SEED, spoiling, TIMEOUT_MS } from '../spoilt-answers.js';
import { FakeMonitor, MIDNIGHT, MINUTE } from './fake-monitor.js';

const Live = z
  .strictObject({ requests: z.int(), errors: z.int(), le: z.tuple([]), active: z.null() })
  .refine(({ requests, errors, le }) => plausible({ n: requests, errors, le }));
const Snapshot = z.strictObject({
  atMs: z.int(),
  ageMs: z.int().min(0),
  cadence: z.strictObject({ everyMs: z.literal(MINUTE), behindMs: z.literal(3 * MINUTE) }),
  sinceMs: z.literal(MIDNIGHT),
  edgesMs: z.tuple([]),
  deployments: z.strictObject({
    blue: z.strictObject({ live: Live }),
    green: z.strictObject({ live: Live }),
  }),
});

let monitor: FakeMonitor;
beforeAll(async () => {
  monitor = await FakeMonitor.start();
  const minutes = (first: number) => Object.fromEntries(Array.from({ length: 20 }, (_, i) => [i, first + i]));
  monitor.traffic = { 'blue 200': minutes(90), 'blue 424': minutes(1.5), 'green 200': minutes(10) };
});
afterAll(() => monitor.stop());

const read = (metrics: Metrics): Promise<MetricsSnapshot> => metrics.read('diabetes', ['blue', 'green']);
const ends = new Ends([SECRET, TOKEN]);

describe('whatever Azure Monitor answers', () => {
  it(
    'the totals can be true and never fall, and what was refused is asked for again',
    async () => {
      // What happens to the answer of each minute; undefined: nothing.
      const minutes = fc.array(fc.option(spoiling, { nil: undefined, freq: 3 }), {
        minLength: 1,
        maxLength: 5,
      });
      await fc.assert(
        fc.asyncProperty(minutes, async (changes) => {
          const metrics = createAzureMonitorMetrics(monitor.settings());
          monitor.nowMs = MIDNIGHT + 5 * MINUTE;
          let least = [0, 0, 0, 0];
          let believed = false;
          for (const change of [...changes, undefined]) {
            monitor.nowMs += MINUTE;
            monitor.spoil = change;
            const end = await ends.of(() => read(metrics));
            if ('error' in end) {
              expect(change, 'an answer as it should be was refused').toBeDefined();
              continue;
            }
            believed ||= change !== undefined;
            const totals = totalsIn(end.value);
            expect(totals.filter((total, i) => total < (least[i] ?? 0))).toEqual([]);
            least = totals;
          }

          const spared = createAzureMonitorMetrics(monitor.settings());
          if (!believed) expect(await read(metrics)).toEqual(await read(spared));
        }),
        { numRuns: Math.ceil(RUNS / 4), seed: SEED },
      );
    },
    TIMEOUT_MS,
  );

  afterAll(() => ends.print('Azure Monitor answers'));
});

/** Requests and errors of each deployment, which can be true. */
function totalsIn(snapshot: MetricsSnapshot): number[] {
  const { blue, green } = Snapshot.parse(snapshot).deployments;
  return [blue, green].flatMap(({ live }) => [live.requests, live.errors]);
}
