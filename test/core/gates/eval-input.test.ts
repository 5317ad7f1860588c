import { describe, expect, it } from 'vitest';
import { evaluate, parseEvalInput } from '../../../core/gates/index.js';
import { config, errorsMetric, look } from './streams.js';

const GOOD = { config: config([errorsMetric()]), looks: [look([0, 10], [0, 1])] };

const problems = (value: unknown) => {
  const parsed = parseEvalInput(JSON.parse(JSON.stringify(value)));
  return parsed.ok ? [] : parsed.problems;
};

describe('the input of gates eval', () => {
  it('is taken as it is when it can be judged', () => {
    const parsed = parseEvalInput(JSON.parse(JSON.stringify(GOOD)));

    expect(parsed).toEqual({ ok: true, input: GOOD });
    expect(parsed.ok && evaluate(parsed.input)).toHaveLength(1);
  });

  it.each([
    [7, 'expected an object {config, looks}, got 7'],
    [[], 'expected an object {config, looks}, got a list'],
    [{ looks: [] }, 'config must be an object, got nothing'],
    [{ ...GOOD, looks: {} }, 'looks must be a list, got {}'],
    [{ ...GOOD, config: { ...GOOD.config, alpha: '1%' } }, 'config.alpha must be a number, got "1%"'],
    [
      { ...GOOD, config: { ...GOOD.config, dispersion: {} } },
      'config.dispersion must be {"mode": "auto"} or {"mode": "fixed", "phi": ...}, got {}',
    ],
    [
      { ...GOOD, config: { ...GOOD.config, metrics: [{ ...errorsMetric(), source: 'cpu' }] } },
      'config.metrics[0].source must be "errors" or "latency", got "cpu"',
    ],
    [
      { ...GOOD, config: { ...GOOD.config, metrics: [{ ...errorsMetric(), passEdge: 3 }] } },
      'config.metrics[0].passEdge must be {"blue": index, "green": index}, got 3',
    ],
    [{ ...GOOD, config: { ...GOOD.config, alpha: 2 } }, 'alpha must be above 0 and at most 0.5, got 2'],
    [
      { ...GOOD, looks: [{ ...look([0, 1], [0, 1]), green: { n: 1, errors: 0 } }] },
      'looks[0].green.le must be a list of numbers, got nothing',
    ],
    [
      { ...GOOD, looks: [{ ...look([0, 1], [0, 1]), status: { blue: 'ok' } }] },
      'looks[0].status.green must be "ok", "missing" or "reset", got nothing',
    ],
  ])('is refused with what was found: %j', (value, problem) => {
    expect(problems(value)).toEqual([problem]);
  });

  it('lists all problems at once', () => {
    expect(problems({ config: { metrics: [{}] }, looks: [{}] }).length).toBeGreaterThan(10);
  });
});
