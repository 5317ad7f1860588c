import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { TargetPorts } from '../../adapters/ports.js';
import { createOwnMetrics } from '../../adapters/prometheus/own-metrics.js';
import type { Gate, Plan } from '../../core/plan.js';
import { MemoryTarget } from '../support/memory-target.js';
import { onPath } from '../support/on-path.js';
import { CREATE, CUTOVER, errorsGate, planOf, rampStep } from '../support/plans.js';
import { ScrapedProcess, startPrometheus, type RealPrometheus } from '../support/prometheus.js';
import { useBench } from '../support/rollout-bench.js';

const bench = useBench();

const answers = (version: string, verdict: string) =>
  `answers_total{version="${version}",verdict="${verdict}"}`;
const quality = {
  name: 'quality',
  role: 'required',
  weight: null,
  blipMs: 300,
  dispersion: { mode: 'auto' },
  shared: 'hold',
  metric: 'events',
  query: {
    bad: 'answers_total{version="$deployment",verdict="bad"}',
    total: 'answers_total{version="$deployment"}',
  },
  limit: { kind: 'worse-by', share: 0.05, ratio: 1 },
} as const satisfies Gate;

function planFor(endpoint: string, gates: readonly Gate[] = [errorsGate, quality]): Plan {
  const ramp = rampStep(50, { gates: gates.map(({ name }) => name) });
  return planOf(endpoint, [CREATE, ramp, CUTOVER], { gates });
}

it('is not begun where the worker knows no Prometheus, and the plan asks one', async () => {
  const target = new MemoryTarget();
  const rollout = await bench.start(planFor('no-prometheus'), target);

  const { type, message } = await rollout.failure();

  expect(type).toBe('Rejected');
  expect(message).toContain('Gate quality asks Prometheus, and this worker knows none');
  expect(target.writes).toEqual([]);
});

describe.skipIf(onPath('prometheus') === undefined)('with a real Prometheus (on the PATH)', () => {
  let model: ScrapedProcess;
  let prometheus: RealPrometheus;
  /** Share of green's answers that are bad. */
  let badAnswers = 0;

  beforeAll(async () => {
    model = await ScrapedProcess.start({
      onScrape: (it) => {
        for (const [version, share] of [
          ['blue', 0.01],
          ['green', badAnswers],
        ] as const) {
          it.add(answers(version, 'bad'), Math.round(200 * share));
          it.add(answers(version, 'good'), Math.round(200 * (1 - share)));
        }
      },
    });
    prometheus = await startPrometheus([model.address]);
    await vi.waitFor(async () => expect(await own()?.check({ quality: quality.query })).toEqual([]), {
      timeout: 30_000,
      interval: 200,
    });
  });
  afterAll(async () => {
    await prometheus?.stop();
    await model?.stop();
  });

  const own = () =>
    createOwnMetrics({
      GREENLIGHT_PROMETHEUS_URL: prometheus.url,
      GREENLIGHT_PROMETHEUS_SETTLE_MS: '300',
    });

  function target(): { ports: () => TargetPorts } {
    const memory = new MemoryTarget();
    const metrics = own();
    return { ports: () => ({ ...memory.ports(), ...(metrics && { own: metrics }) }) };
  }

  it('goes back on bad answers that its requests do not show', async () => {
    badAnswers = 0.4;
    const rollout = await bench.start(planFor('bad-answers'), target());

    const { type, message } = await rollout.failure();

    expect(type).toBe('RolledBack');
    expect(message).toMatch(/green had [\d,]+ of [\d,]+ bad, blue [\d,]+ of [\d,]+; .*\(gate quality\)/);
  });

  it('goes on where its answers are as good', async () => {
    badAnswers = 0.01;
    const rollout = await bench.start(planFor('good-answers'), target());

    await expect(rollout.promoted()).resolves.toMatchObject({ outcome: 'promoted' });
  });

  it('is not begun with a metric that Prometheus does not know', async () => {
    const misspelt: Gate = {
      ...quality,
      query: { bad: 'anwsers_total{version="$deployment"}', total: 'answers_total{version="$deployment"}' },
    };
    const rollout = await bench.start(planFor('misspelt', [errorsGate, misspelt]), target());

    const { type, message } = await rollout.failure();

    expect(type).toBe('Rejected');
    expect(message).toMatch(/Gate quality: Prometheus at \S+ has no series of anwsers_total \(bad\)/);
  });
});
