import { describe, expect, it } from 'vitest';
import {
  checkConfig,
  mapGates,
  plannedBlocks,
  stepConfig,
  type GateSetup,
  type MappingInput,
} from '../../../core/gates/index.js';
import { OUTAGE_BETS } from '../../../core/gates/breach-bets.js';
import type { Gate } from '../../../core/plan.js';

const BASE = {
  name: 'gate',
  role: 'required',
  weight: null,
  blipMs: 10_000,
  dispersion: { mode: 'auto' },
  shared: 'hold',
} as const;

const WATCHING = { intervalMs: 5000, warmUpMs: 30_000, alpha: 0.01, alphaPass: 0.05 };

/** Share of requests slower than `ms` of a lognormal latency, median 100 ms, sigma 0.5. */
function slower(ms: number): number {
  const z = Math.log(ms / 100) / 0.5;
  // Abramowitz and Stegun 26.2.17: good to 7 digits.
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const poly =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * poly;
  return z >= 0 ? tail : 1 - tail;
}

function histogram(edgesMs: readonly number[], n = 100_000) {
  return {
    requests: n,
    errors: Math.round(n / 1000),
    le: [...edgesMs.map((edge) => Math.round(n * (1 - slower(edge)))), n],
  };
}

const FINE = Array.from({ length: 98 }, (_, i) => 25 * 1.1 ** (i / 2));

function map(
  gate: Gate | readonly Gate[],
  edgesMs: readonly number[] = FINE,
  over: Partial<MappingInput> = {},
) {
  return mapGates({
    gates: Array.isArray(gate) ? (gate as readonly Gate[]) : [gate as Gate],
    watching: WATCHING,
    plannedMs: 1_800_000,
    edgesMs,
    baseline: histogram(edgesMs),
    ...over,
  });
}

function setup(...args: Parameters<typeof map>): GateSetup {
  const mapped = map(...args);
  if (!mapped.ok) throw new Error(mapped.problems.map((p) => p.message).join('\n'));
  return mapped.setup;
}

const metric = (...args: Parameters<typeof map>) =>
  setup(...args).config.metrics.find((m) => m.name === 'gate');
const problem = (...args: Parameters<typeof map>) => {
  const mapped = map(...args);
  return mapped.ok ? null : mapped.problems[0];
};

describe('what a gate asks, as counts of bad requests', () => {
  it('errors at most 0.5 pp worse than blue', () => {
    const gate: Gate = { ...BASE, metric: 'error-rate', limit: { kind: 'worse-by', share: 0.005, ratio: 1 } };
    expect(metric(gate)).toMatchObject({
      source: 'errors',
      r: 1,
      delta: 0.005,
      blipSec: 10,
      plannedBlocks: 180,
      passRole: true,
    });
  });

  it('errors at most 20% worse, plus 0.1 pp', () => {
    const gate: Gate = {
      ...BASE,
      metric: 'error-rate',
      limit: { kind: 'worse-by', share: 0.001, ratio: 1.2 },
    };
    expect(metric(gate)).toMatchObject({ source: 'errors', r: 1.2, delta: 0.001 });
  });

  it('error rate at most 1%', () => {
    const gate: Gate = {
      ...BASE,
      shared: 'strict',
      metric: 'error-rate',
      limit: { kind: 'at-most', share: 0.01 },
    };
    expect(metric(gate)).toMatchObject({ source: 'errors', r: 0, delta: 0.01, shared: 'strict' });
  });

  it('p95 at most 250 ms: breach at the edge above, pass at the edge below', () => {
    const gate: Gate = { ...BASE, metric: 'latency', quantile: 0.95, limit: { kind: 'at-most', ms: 250 } };
    const between = metric(gate, [100, 240, 260, 500]);
    expect(between).toMatchObject({
      r: 0,
      breachEdge: { blue: 2, green: 2 },
      passEdge: { blue: 1, green: 1 },
    });
    expect(between?.delta).toBeCloseTo(0.05, 12);
    expect(between?.asks).toBe('p95 at most 250 ms');
    expect(metric(gate, [100, 250, 500])).toMatchObject({ breachEdge: { green: 1 }, passEdge: { green: 1 } });
    expect(setup(gate, [100, 240, 260, 500]).notes[0]?.text).toMatch(
      /no bucket edge at 250 ms.*slower than 260 ms.*slower than 240 ms/,
    );
    expect(setup(gate, [100, 250, 500]).notes).toEqual([]);
  });

  it('p95 at most 10% slower than blue: blue at its quantile edge, green 10% above, on a ladder of 5% steps', () => {
    const gate: Gate = {
      ...BASE,
      metric: 'latency',
      quantile: 0.95,
      limit: { kind: 'slower-by', ratio: 1.1 },
    };
    const m = metric(gate);
    const uB = m?.breachEdge?.blue ?? -1;

    expect(m?.asks).toBe('p95 at most 10% slower than the baseline');
    expect(slower(FINE[uB] ?? 0)).toBeLessThanOrEqual(0.05);
    expect(slower(FINE[uB - 1] ?? 0)).toBeGreaterThan(0.05);
    expect(m).toMatchObject({
      r: 1,
      delta: 0,
      breachEdge: { blue: uB, green: uB + 2 },
      passEdge: { blue: uB, green: uB + 2 },
    });
  });

  it('a ratio that is no step of the ladder: breach one edge up, pass one edge down', () => {
    const gate: Gate = {
      ...BASE,
      metric: 'latency',
      quantile: 0.95,
      limit: { kind: 'slower-by', ratio: 1.12 },
    };
    const m = metric(gate);
    const uB = m?.breachEdge?.blue ?? -1;
    expect(m).toMatchObject({ breachEdge: { green: uB + 3 }, passEdge: { green: uB + 2 } });
  });

  it('buckets that cannot decide: the share above blue’s edge instead, by the slope there, said with numbers', () => {
    const gate: Gate = {
      ...BASE,
      metric: 'latency',
      quantile: 0.95,
      limit: { kind: 'slower-by', ratio: 1.1 },
    };
    const stock = [0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500];

    const found = setup(gate, stock);

    const m = found.config.metrics.find(({ name }) => name === 'gate');
    expect(m).toMatchObject({ delta: 0, breachEdge: { blue: 7, green: 7 }, passEdge: { blue: 7, green: 7 } });
    expect(m?.r).toBeCloseTo(1.51, 2);
    expect(found.notes[0]?.text).toBe(
      "the source's buckets cannot tell 250 ms from 275 ms (the next edge is 500 ms); instead, the share of green's " +
        "requests slower than 250 ms may be 1.51 times the baseline's (3.34% before the rollout), which is about what " +
        '1.1 times the latency does there. The statement about shares is exact, its translation to milliseconds is ' +
        'not; finer buckets would make it so',
    );
  });

  it('share slower than 400 ms at most 1.5 times blue’s', () => {
    const gate: Gate = {
      ...BASE,
      metric: 'slow-share',
      aboveMs: 400,
      limit: { kind: 'worse-by', share: 0, ratio: 1.5 },
    };
    expect(metric(gate, [100, 400, 500])).toMatchObject({
      r: 1.5,
      delta: 0,
      breachEdge: { blue: 1, green: 1 },
      passEdge: { blue: 1, green: 1 },
    });
    expect(setup(gate, [100, 300, 500]).notes[0]?.text).toMatch(/requests slower than 500 ms are compared/);
  });

  it('share slower than 400 ms at most 2%', () => {
    const gate: Gate = {
      ...BASE,
      metric: 'slow-share',
      aboveMs: 400,
      limit: { kind: 'at-most', share: 0.02 },
    };
    expect(metric(gate, [100, 400, 500])).toMatchObject({
      r: 0,
      delta: 0.02,
      breachEdge: { green: 1 },
      passEdge: { green: 1 },
    });
  });
});

describe('the crash guard', () => {
  const errors: Gate = { ...BASE, metric: 'error-rate', limit: { kind: 'at-most', share: 0.01 } };
  const slow: Gate = {
    ...BASE,
    blipMs: 30_000,
    metric: 'latency',
    quantile: 0.95,
    limit: { kind: 'at-most', ms: 250 },
  };
  const guard = (...gates: readonly Gate[]) =>
    setup(gates).config.metrics.find((m) => m.name === 'crash-guard');

  it('is always there: half of the requests fail, from the first second, never needed for a pass', () => {
    const { breachBets, ...rest } = guard(errors) ?? {};
    expect(breachBets).toBe(OUTAGE_BETS);
    expect(rest).toEqual({
      name: 'crash-guard',
      source: 'errors',
      r: 0,
      delta: 0.5,
      weight: 0.16,
      blipSec: 10,
      plannedBlocks: 180,
      duringWarmup: true,
      passRole: false,
    });
    expect(guard()).toMatchObject({ weight: 1 });
  });

  it('is as patient with blips as the least patient error gate', () => {
    expect(guard({ ...errors, blipMs: 60_000 })).toMatchObject({ blipSec: 60, plannedBlocks: 30 });
    expect(guard(slow)).toMatchObject({ blipSec: 10 });
  });

  it('keeps its name to itself', () => {
    expect(problem({ ...errors, name: 'crash-guard' })).toMatchObject({ kind: 'name-taken' });
  });
});

describe('the shares of alpha', () => {
  const gate = (name: string, weight: number | null): Gate => ({
    ...BASE,
    name,
    weight,
    metric: 'error-rate',
    limit: { kind: 'at-most', share: 0.01 },
  });
  const weights = (...given: (number | null)[]) =>
    setup(given.map((weight, i) => gate(`g${i}`, weight))).config.metrics.map(({ weight }) => weight);

  it.each`
    given                 | of
    ${[null, null]}       | ${[0.16, 0.42, 0.42]}
    ${[0.44, null, null]} | ${[0.16, 0.44, 0.2, 0.2]}
    ${[3, 1]}             | ${[0.16, 0.63, 0.21]}
  `('given $given are $of', ({ given, of }) => {
    const got = weights(...(given as (number | null)[]));
    (of as number[]).forEach((weight, i) => expect(got[i]).toBeCloseTo(weight, 12));
    expect(got.reduce((sum, w) => sum + w, 0)).toBeCloseTo(1, 12);
  });

  it('cannot be given away whole while a gate has none', () => {
    expect(problem([gate('a', 0.9), gate('b', null)])).toMatchObject({ kind: 'weights' });
    expect(problem([gate('a', 0)])).toMatchObject({
      kind: 'weights',
      message: expect.stringContaining('got 0') as string,
    });
  });
});

describe('what cannot be judged', () => {
  type LatencyLimit = Extract<Gate, { metric: 'latency' }>['limit'];
  const p95 = (limit: LatencyLimit): Gate => ({ ...BASE, metric: 'latency', quantile: 0.95, limit }) as Gate;

  it('is a latency gate without a histogram', () => {
    expect(problem(p95({ kind: 'at-most', ms: 250 }), [], { baseline: null })).toMatchObject({
      kind: 'no-histogram',
      gate: 'gate',
    });
  });

  it('is a limit beyond the last edge, with what to do', () => {
    expect(problem(p95({ kind: 'at-most', ms: 30_000 }), [100, 10_000])?.message).toBe(
      "Gate gate: the limit of 30 s lies beyond the source's last bucket edge, 10 s, so slower requests look all the " +
        'same; add edges up to twice the limit, or lower it',
    );
  });

  it('is a required limit below the first edge, but not a guard’s', () => {
    const gate = p95({ kind: 'at-most', ms: 50 });
    expect(problem(gate, [100, 200])).toMatchObject({ kind: 'below-first-edge' });
    expect(metric({ ...gate, role: 'guard' }, [100, 200])).toMatchObject({
      breachEdge: { green: 0 },
      passRole: false,
    });
  });

  it('is a baseline whose quantile lies beyond the last edge', () => {
    expect(problem(p95({ kind: 'slower-by', ratio: 1.1 }), [100, 150])).toMatchObject({
      kind: 'beyond-last-edge',
    });
  });

  it('is "at most 0" as a requirement: nothing proves it', () => {
    expect(problem({ ...BASE, metric: 'error-rate', limit: { kind: 'at-most', share: 0 } })).toMatchObject({
      kind: 'cannot-pass',
    });
  });
});

describe('a baseline with too few requests', () => {
  const slow: Gate = { ...BASE, metric: 'latency', quantile: 0.95, limit: { kind: 'slower-by', ratio: 1.1 } };
  const errors: Gate = {
    ...BASE,
    name: 'errors',
    metric: 'error-rate',
    limit: { kind: 'at-most', share: 0.01 },
  };

  it('leaves its gate pending, in words with numbers, and the others judged', () => {
    const found = setup([errors, slow], FINE, { baseline: histogram(FINE, 99) });

    expect(found.pending).toEqual([
      {
        gate: 'gate',
        kind: 'too-little-baseline',
        message:
          'Gate gate: the baseline has 99 timed requests so far, and its p95 is taken from at least 100; wait for more ' +
          'traffic, or use an absolute limit in milliseconds',
      },
    ]);
    expect(found.config.metrics.map(({ name }) => name)).toEqual(['crash-guard', 'errors', 'gate']);
    expect(setup(slow, FINE, { baseline: histogram(FINE, 100) }).pending).toEqual([]);
    expect(setup(slow, FINE, { baseline: null }).pending).toHaveLength(1);
  });

  it('is completed later, without touching what is frozen', () => {
    const first = setup([errors, slow], FINE, { baseline: null });

    const second = setup([errors, slow], FINE, { baseline: histogram(FINE), previous: first });

    expect(second.pending).toEqual([]);
    expect(second.config.metrics[1]).toBe(first.config.metrics[1]);
    expect(second.config.metrics[2]).toMatchObject({
      r: 1,
      delta: 0,
      breachEdge: expect.anything() as object,
    });
    expect(second.notes).toHaveLength(1);
    const third = setup([errors, slow], FINE, { baseline: histogram(FINE, 777_777), previous: second });
    expect(third.config).toEqual(second.config);
    expect(third.notes).toEqual(second.notes);
    expect(checkConfig(third.config)).toEqual([]);
  });
});

describe('the step and the endpoint around it', () => {
  const gates: Gate[] = [
    { ...BASE, name: 'a', metric: 'error-rate', limit: { kind: 'at-most', share: 0.01 } },
    {
      ...BASE,
      name: 'b',
      metric: 'error-rate',
      limit: { kind: 'at-most', share: 0.02 },
      dispersion: { mode: 'fixed', phi: 2 },
    },
  ];

  it('pauses gates that a step does not name, and never the crash guard', () => {
    const step = stepConfig(setup(gates).config, { atLeastMs: 60_000, atMostMs: 600_000, active: ['b'] });

    expect(step).toMatchObject({ minDurationSec: 60, deadlineSec: 600 });
    expect(step.metrics.map(({ paused }) => paused === true)).toEqual([false, true, false]);
    const next = stepConfig(step, { atLeastMs: 0, atMostMs: 1, active: ['a'] });
    expect(next.metrics.map(({ paused }) => paused === true)).toEqual([false, false, true]);
  });

  it('carries over the dispersion of the last rollout, unless it is fixed; beside a limit, it is the larger of both arms’', () => {
    const { metrics } = setup(gates, FINE, { carried: { a: 3.2, b: 9 } }).config;

    expect(metrics[1]?.dispersion).toEqual({ mode: 'auto', phi0: 3.2, nu0: 16, by: 'larger' });
    expect(metrics[2]?.dispersion).toEqual({ mode: 'fixed', phi: 2 });
    const relative: Gate = {
      ...BASE,
      metric: 'error-rate',
      limit: { kind: 'worse-by', share: 0.005, ratio: 1 },
    };
    expect(setup([relative]).config.metrics[1]?.dispersion).toEqual({ mode: 'auto' });
  });

  it.each`
    plannedMs    | blipMs    | intervalMs | blocks
    ${1_800_000} | ${10_000} | ${5000}    | ${180}
    ${1_800_001} | ${10_000} | ${5000}    | ${181}
    ${1_800_000} | ${5000}   | ${30_000}  | ${60}
    ${0}         | ${10_000} | ${5000}    | ${1}
  `('plans $blocks blocks for $plannedMs ms of watching', ({ plannedMs, blipMs, intervalMs, blocks }) => {
    expect(plannedBlocks(plannedMs as number, blipMs as number, intervalMs as number)).toBe(blocks);
  });
});
