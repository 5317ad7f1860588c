import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { forecastText } from '../../cli/forecast-text.js';
import { forecastPlan } from '../../core/gates/index.js';
import type { Gate } from '../../core/plan.js';
import { packageRoot } from '../../embedded/package-root.js';
import { bakeStep, errorsGate, planOf, rampStep } from '../support/plans.js';

const OWN = { role: 'required', weight: null, blipMs: 10_000, shared: 'hold' } as const;
const quality: Gate = {
  ...OWN,
  name: 'quality',
  dispersion: { mode: 'auto' },
  metric: 'events',
  query: { bad: 'bad_total{v="$deployment"}', total: 'all_total{v="$deployment"}' },
  limit: { kind: 'worse-by', share: 0.02, ratio: 1 },
};

describe('the table of a forecast', () => {
  it('names what a metric of one’s own counts: events, and neither errors nor latency', () => {
    const plan = planOf('diabetes', [rampStep(10, { gates: ['errors', 'quality'] })], {
      gates: [errorsGate, quality],
    });
    const forecast = forecastPlan(plan, {
      ...{ rps: 1000, baseline: null, edgesMs: [] },
      own: { quality: { edges: [], baseline: { requests: 10_000, errors: 100, le: [] }, perRequest: 0.5 } },
    });

    const lines = forecastText(forecast, 'given')
      .split('\n')
      .map((line) => line.trim());

    const heads = lines.filter((line) => line.startsWith('gate '));
    expect(heads).toHaveLength(2);
    expect(heads[0]).toContain('+1 pp errors  +5 pp errors  2x latency');
    expect(heads[1]).toContain('+1 pp bad events  +5 pp bad events  2x values');
    const under = (head: string | undefined) => lines[lines.indexOf(head ?? '') + 1];
    expect(under(heads[1])).toMatch(/^quality +[\d.]+ s +never +[\d.]+ s /);
    expect(under(heads[0])).not.toContain('quality');
  });
});

describe('the example of docs/gates.md', () => {
  it('is what the command says today', () => {
    const page = readFileSync(join(packageRoot(), 'docs', 'gates.md'), 'utf8');
    const [, example] = /```text\n(Forecast at [^`]*)```/.exec(page) ?? [];
    const base = { weight: null, blipMs: 10_000, dispersion: { mode: 'auto' }, shared: 'hold' } as const;
    const plan = planOf(
      'diabetes',
      [
        rampStep(10, { dwell: { atLeastMs: 120_000, atMostMs: 1_800_000 }, gates: ['errors', 'slo'] }),
        bakeStep(1_800_000),
      ],
      {
        watching: { intervalMs: 5_000, warmUpMs: 30_000, alpha: 0.01, alphaPass: 0.05 },
        gates: [
          {
            ...base,
            ...{ name: 'errors', role: 'required', metric: 'error-rate' },
            limit: { kind: 'worse-by', share: 0.005, ratio: 1 },
          },
          {
            ...base,
            ...{ name: 'slo', role: 'required', metric: 'error-rate' },
            limit: { kind: 'at-most', share: 0.01 },
          },
        ],
      },
    );

    const { steps, ...forecast } = forecastPlan(plan, { rps: 100, baseline: null, edgesMs: [] });

    expect(example?.trimEnd()).toBe(forecastText({ ...forecast, steps: steps.slice(0, 1) }, 'given'));
  });
});
