import { describe, expect, it } from 'vitest';
import { forecastText } from '../../cli/forecast-text.js';
import { forecastPlan } from '../../core/gates/index.js';
import { planOf, rampStep } from '../support/plans.js';
import { greenlight, temporaryFolder } from './cli.js';
import { writeSpec } from './cli-bench.js';

const RAMP = ['create', 'ramp: 10%\n    for: 1m .. 30m', 'cutover', 'bake: 10m', 'delete-baseline'];

async function plan(steps: readonly string[], ...more: readonly string[]) {
  const folder = await temporaryFolder();
  const spec = await writeSpec(folder, 'planned', steps);
  return greenlight(['plan', spec, '--state', folder, ...more]);
}

const forecastOf = (stdout: string) => stdout.slice(stdout.indexOf('Forecast')).trimEnd().split('\n');

describe('greenlight plan', () => {
  it('says what the gates can do at a given traffic, where nothing is known of the baseline', async () => {
    const { code, stdout, stderr } = await plan(RAMP, '--rps', '100');

    expect(code).toBe(0);
    expect(stdout).toMatch(/^Rollout of diabetes: the serving deployment → green\n/);
    expect(forecastOf(stdout)).toEqual([
      'Forecast at 100/s (given; the baseline has 0.1% errors, assumed)',
      '  wrong rollback: a chance of at most 1%, over all steps, looks and gates together',
      '',
      '  2. ramp 10 %: green has 10/s, the baseline 90/s; a version like the baseline passes in about 60 s',
      '    gate         proven      +1 pp errors  +5 pp errors  2x latency  caught 9 times of 10 in 30 min',
      '    crash-guard  not needed  never         never         –           +52.2 pp errors',
      '    errors       60 s        never         46 s          –           +2.58 pp errors',
      '',
      '  4. bake 10m: green alone with 100/s',
      '    gate         proven      +1 pp errors  +5 pp errors  2x latency  caught 9 times of 10 in 10 min',
      '    crash-guard  not needed  never         never         –           +51.2 pp errors',
      '    errors       not needed  never         6 s           –           +2.34 pp errors',
    ]);
    expect(stderr).toMatch(/^The baseline's own numbers are not known: There is no endpoint host: /);
  });

  it('prints the plan alone where the traffic can neither be measured nor was given, and says why', async () => {
    const { code, stdout, stderr } = await plan(RAMP);

    expect(code).toBe(0);
    expect(stdout).not.toContain('Forecast');
    expect(stderr).toMatch(/No forecast of the gates: There is no endpoint host: .*\nGive --rps N, /);
  });

  it('exits 3 where a gate cannot decide at the traffic, and says how long it would take', async () => {
    const { code, stdout, stderr } = await plan(RAMP, '--rps', '0.1');

    expect(code).toBe(3);
    expect(stdout).toContain('Forecast at 0.1/s');
    expect(stderr).toMatch(
      /At this traffic these gates cannot decide:\n- Step 2 \(ramp 10 %\), .*gate errors: with 0\.01\/s on green a version like the baseline is not proven within 30 min; nine times of ten it takes up to [\d.]+ h\./s,
    );
  });

  it('gives plan and forecast as JSON', async () => {
    const { stdout } = await plan(RAMP, '--rps', '100', '--output', 'json');
    const told = JSON.parse(stdout) as { endpoint: string; forecast: { rps: number; steps: unknown[] } };
    expect(told).toMatchObject({ endpoint: 'diabetes', forecast: { rps: 100, problems: [] } });
    expect(told.forecast.steps).toHaveLength(2);
  });

  it.each(['0', '-3', 'many'])('refuses %s requests a second', async (rps) => {
    const { code, stderr } = await plan(RAMP, '--rps', rps);
    expect(code).toBe(2);
    expect(stderr).toContain('expected a number above 0');
  });
});

it('a forecast names each gate without one once, whatever the step', () => {
  const step = rampStep(10, { gates: ['errors', 'slow'] });
  const forecast = forecastPlan(planOf('diabetes', [step, step]), {
    rps: 100,
    baseline: null,
    edgesMs: [50, 100, 200],
  });

  const lines = forecastText(forecast, 'given').split('\n');

  expect(lines.filter((line) => line.includes('slow'))).toEqual([
    "  slow: no forecast, the baseline's latency is not known: it has fewer than 500 timed requests so far",
  ]);
});
