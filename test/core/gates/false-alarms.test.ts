import { describe, expect, it } from 'vitest';
import { advance, initialState, type Look, type MachineConfig } from '../../../core/gates/index.js';
import { config, errorLooks, errorsMetric, GUARD } from './streams.js';

const LOOKS = 120;

function outcome(setup: MachineConfig, looks: readonly Look[]): 'breach' | 'pass' | 'none' {
  let state = initialState(setup);
  for (const each of looks) {
    const step = advance(setup, state, each, { bounds: false });
    state = step.state;
    if (step.result.decision === 'breach' || step.result.decision === 'pass') return step.result.decision;
  }
  return 'none';
}

/** Shares of rollouts that ended so, every look judged. */
function share(
  setup: MachineConfig,
  runs: number,
  rate: { blue: number; green: number },
  rps: number,
  seed: number,
) {
  const ends = { breach: 0, pass: 0, none: 0 };
  for (let i = 0; i < runs; i++) {
    const looks = errorLooks(seed + i * 7919, LOOKS, rate, { blue: rps * 4.5, green: rps * 0.5 });
    ends[outcome(setup, looks)] += 1;
  }
  return { breach: ends.breach / runs, pass: ends.pass / runs };
}

const setup = (over: Partial<MachineConfig> = {}) =>
  config([GUARD, errorsMetric({ weight: 0.84 })], {
    dispersion: { mode: 'auto' },
    minDurationSec: 60,
    ...over,
  });
const single = (over: Partial<MachineConfig> = {}) => config([errorsMetric({ blipSec: 5 })], over);

describe('looked at 120 times', () => {
  it.each([10, 100])('a healthy green is rolled back (almost) never, at %i rps', (rps) => {
    expect(share(setup(), 300, { blue: 0.01, green: 0.01 }, rps, 11).breach).toBeLessThanOrEqual(0.01);
  });

  // At its margin, with nothing that would make the test tamer: one metric, no tempering, 5% at stake. A gate that
  // forgot the margin, or that looked at a plain test again and again, fails by far.
  it('a green exactly at its margin is rolled back with a chance of at most alpha', () => {
    const { breach } = share(single({ alpha: 0.05 }), 400, { blue: 0.01, green: 0.015 }, 100, 12);
    expect(breach).toBeLessThanOrEqual(0.05);
  });

  it('a green exactly at its margin passes with a chance of at most alphaPass', () => {
    const { pass } = share(single(), 400, { blue: 0.01, green: 0.015 }, 100, 13);
    expect(pass).toBeLessThanOrEqual(0.05 + 3 * Math.sqrt((0.05 * 0.95) / 400));
  });

  it('a green at an absolute limit neither', () => {
    const slo = config([errorsMetric({ r: 0, delta: 0.01, blipSec: 5, shared: 'strict' })], { alpha: 0.05 });
    const { breach, pass } = share(slo, 400, { blue: 0.01, green: 0.01 }, 100, 14);
    expect(breach).toBeLessThanOrEqual(0.05);
    expect(pass).toBeLessThanOrEqual(0.05 + 3 * Math.sqrt((0.05 * 0.95) / 400));
  });

  it('a regression is not let through, and is found', () => {
    const { breach, pass } = share(setup(), 100, { blue: 0.001, green: 0.051 }, 100, 15);
    expect(pass).toBe(0);
    expect(breach).toBe(1);
  });

  it('a healthy green with enough traffic is proven', () => {
    expect(share(setup(), 60, { blue: 0.001, green: 0.001 }, 100, 16).pass).toBeGreaterThan(0.95);
  });
});

describe('the cost of a look', () => {
  it('is below 20 µs a metric without bounds (asserted at five times that: test machines are slow)', () => {
    const config = setup();
    const looks = errorLooks(17, 4000, { blue: 0.01, green: 0.01 }, { blue: 450, green: 50 });
    outcome(config, looks.slice(0, 500));
    let state = initialState(config);

    // Of this process alone: the machine may be busy with others.
    const before = process.cpuUsage();
    for (const each of looks) state = advance(config, state, each, { bounds: false }).state;
    const { user } = process.cpuUsage(before);
    const microseconds = user / looks.length / config.metrics.length;

    expect(microseconds).toBeLessThan(100);
  });
});
