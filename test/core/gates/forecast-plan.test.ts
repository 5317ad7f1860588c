import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forecastPlan, type StepForecast, type TrafficNow } from '../../../core/gates/index.js';
import type { Gate, Step } from '../../../core/plan.js';
import { packageRoot } from '../../../embedded/package-root.js';
import { Folder } from '../../spec/folder.js';
import { BASELINES } from '../../support/baselines.js';
import { planOf, rampStep, mirrorStep } from '../../support/plans.js';

const MINUTE = 60_000;
const EDGES = Array.from({ length: 40 }, (_, i) => Math.round(50 * 1.1 ** (i / 2) * 100) / 100);
const BASELINE = {
  requests: 100_000,
  errors: 100,
  // A twentieth is slower than about 128 ms, and half of it is gone every 20% further.
  le: [...EDGES.map((ms) => Math.round(100_000 * (1 - Math.min(1, 0.05 * (128 / ms) ** 4)))), 100_000],
};

const base = { role: 'required', weight: null, blipMs: 10_000, shared: 'hold' } as const;
const GATES: readonly Gate[] = [
  {
    ...base,
    name: 'errors',
    dispersion: { mode: 'auto' },
    metric: 'error-rate',
    limit: { kind: 'worse-by', share: 0.005, ratio: 1 },
  },
  {
    ...base,
    name: 'latency',
    dispersion: { mode: 'auto' },
    blipMs: 30_000,
    metric: 'latency',
    quantile: 0.95,
    limit: { kind: 'slower-by', ratio: 1.1 },
  },
];
const WARM_UP_SEC = 30;
const WATCHING = { intervalMs: 5000, warmUpMs: 1000 * WARM_UP_SEC, alpha: 0.01, alphaPass: 0.05 };
const half = { dwell: { atLeastMs: MINUTE, atMostMs: 30 * MINUTE }, gates: ['errors', 'latency'] };

const STEPS: readonly Step[] = [
  { kind: 'create', readyWithinMs: MINUTE },
  mirrorStep(10, half),
  rampStep(25, half),
  { kind: 'cutover' },
  { kind: 'bake', forMs: 30 * MINUTE, gates: ['errors', 'latency'], undecided: 'hold' },
];

function forecast(over: Partial<TrafficNow> = {}, steps = STEPS, gates = GATES) {
  const plan = { ...planOf('diabetes', steps), gates, watching: WATCHING };
  return forecastPlan(plan, { rps: 100, baseline: BASELINE, edgesMs: EDGES, ...over });
}

const gateOf = (step: StepForecast | undefined, name: string) =>
  step?.gates.find(({ gate }) => gate === name);

describe('the forecast of a plan', () => {
  it('has every step that watches, with the traffic that its shares make', () => {
    const { steps, problems, wrongRollback } = forecast();

    expect(problems).toEqual([]);
    expect(wrongRollback).toBe(0.01);
    expect(steps.map(({ step, label, blueRps, greenRps }) => [step, label, blueRps, greenRps])).toEqual([
      [2, 'mirror 10 %', 100, 10],
      [3, 'ramp 25 %', 75, 25],
      [5, 'bake 30m', 0, 100],
    ]);
    for (const { gates } of steps) {
      expect(gates.map(({ gate }) => gate)).toEqual(['crash-guard', 'errors', 'latency']);
    }
  });

  it('says when a version like the baseline passes: when the slowest required gate does', () => {
    const { steps } = forecast();
    for (const step of steps.slice(0, 2)) {
      const slowest = Math.max(
        gateOf(step, 'errors')?.passSec ?? NaN,
        gateOf(step, 'latency')?.passSec ?? NaN,
      );
      expect(step.provenSec).toBe(slowest);
    }
    expect(steps[1]?.provenSec).toBeLessThan(steps[0]?.provenSec ?? 0);
  });

  it('after cutover needs no proof, and guards by the limit that the baseline leaves', () => {
    const bake = forecast().steps[2];

    expect(bake?.provenSec).toBeNull();
    expect(bake?.gates.map(({ role }) => role)).toEqual(['guard', 'guard', 'guard']);
    const caught = gateOf(bake, 'errors')?.catches.find(({ what }) => what === '+1 pp errors');
    const before = gateOf(forecast().steps[1], 'errors')?.catches.find(({ what }) => what === '+1 pp errors');
    expect(caught?.sec).toBeLessThan(before?.sec ?? 0);
    // The baseline's 0.1% and the margin of 0.5 pp: what is caught lies beyond both.
    expect(Number(/\+([\d.]+) pp/.exec(gateOf(bake, 'errors')?.smallest ?? '')?.[1])).toBeGreaterThan(0.5);
    expect(gateOf(bake, 'latency')?.smallest).toMatch(/^\+\d+(\.\d+)?% latency$/);
  });

  describe('of a regression that begins with a later step', () => {
    const sec = (step: StepForecast | undefined, gate: string, what: string) =>
      gateOf(step, gate)?.catches.find((caught) => caught.what === what)?.sec ?? NaN;
    const size = (step: StepForecast | undefined, gate: string) =>
      Number(/\+([\d.]+) pp/.exec(gateOf(step, gate)?.smallest ?? '')?.[1]);

    it('has it caught later than one of the first step, since less of the stake is on it', () => {
      const [first, second, bake] = forecast({ rps: 10 }, [
        rampStep(50, half),
        rampStep(50, half),
        { kind: 'bake', forMs: 30 * MINUTE, gates: ['errors', 'latency'], undecided: 'hold' },
      ]).steps;

      // In natural logs, 8.1 has to be won and not 5.9.
      const [sooner, later] = [first, second].map(
        (step) => sec(step, 'errors', '+5 pp errors') - WARM_UP_SEC,
      );
      expect(later).toBeGreaterThan(1.2 * (sooner ?? NaN));
      expect(size(second, 'errors')).toBeGreaterThan(1.05 * size(first, 'errors'));
      const crash = [first, second, bake].map((step) => sec(step, 'crash-guard', 'every request fails'));
      expect(crash).toEqual([25, 35, 25]);
    });

    it('says of +5 pp in the third of three steps, at 10 requests a second, what docs/gates.md measured: 110 s', () => {
      const ten = { ...half, dwell: { atLeastMs: MINUTE, atMostMs: 10 * MINUTE } };
      const p99 = { ...GATES[1], name: 'p99', role: 'guard', quantile: 0.99 } as Gate;
      const steps = [10, 25, 50].map((percent) => rampStep(percent, ten));

      const last = forecast({ rps: 10 }, steps, [...GATES, p99]).steps[2];

      expect(Math.abs(sec(last, 'errors', '+5 pp errors') / 110 - 1)).toBeLessThan(0.15);
    });

    it('knows that a gate’s first step is the first one that listens to it', () => {
      const listening = (...gates: string[]) =>
        forecast(
          {},
          gates.map((gate) => rampStep(10, { ...half, gates: [gate] })),
        ).steps;

      expect(gateOf(listening('latency', 'errors')[1], 'errors')).toEqual(
        gateOf(listening('errors', 'latency')[0], 'errors'),
      );
    });
  });

  it('takes the errors of the baseline, and a thousandth where too little of it was seen', () => {
    expect(forecast().errorRate).toEqual({ share: 0.001, assumed: false });
    expect(forecast({ baseline: { ...BASELINE, errors: 2000 } }).errorRate).toEqual({
      share: 0.02,
      assumed: false,
    });
    expect(forecast({ baseline: { requests: 499, errors: 20, le: [] } }).errorRate).toEqual({
      share: 0.001,
      assumed: true,
    });
    expect(forecast({ baseline: null }).errorRate.assumed).toBe(true);
  });

  it('says of which gates nothing can be said, and why', () => {
    const [mirror] = forecast({ baseline: null }).steps;

    expect(mirror?.gates.map(({ gate }) => gate)).toEqual(['crash-guard', 'errors']);
    expect(mirror?.unknown).toEqual([
      {
        gate: 'latency',
        text: "the baseline's latency is not known: it has fewer than 500 timed requests so far",
      },
    ]);
    expect(mirror?.provenSec).toBeNull();
  });

  it('passes on what keeps gates from being judged at all', () => {
    const { steps, problems } = forecast({ baseline: BASELINE, edgesMs: [] });
    expect(steps).toEqual([]);
    expect(problems).toEqual([
      'Gate latency: the metric source has no latency histogram, and this gate needs one; use a source that has, or an ' +
        'error gate',
    ]);
  });
});

describe('what cannot work at the traffic', () => {
  const bakeBy = (gate: string, forMs: number): Step => ({
    kind: 'bake',
    forMs,
    gates: [gate],
    undecided: 'hold',
  });
  const quick = { gates: ['errors'], dwell: { atLeastMs: 0, atMostMs: 5 * MINUTE } };

  it('is a gate that is not proven in time: with the time that it would need', () => {
    const { problems } = forecast({ rps: 1 }, [rampStep(10, quick)]);

    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(
      /^Step 1 \(ramp 10 %\), gate errors: with 0\.1\/s on green a version like the baseline is not proven within 5 min; nine times of ten it takes up to [\d.]+ h\. Let the step last that long, give green a larger share, or allow a larger margin$/,
    );
  });

  it('is gone when the step lasts as long as it said', () => {
    const needed = forecast({ rps: 1 }, [rampStep(10, quick)]).steps[0]?.gates.find(
      ({ gate }) => gate === 'errors',
    )?.needsSec;
    const dwell = { atLeastMs: 0, atMostMs: 1000 * (needed ?? 0) };

    expect(forecast({ rps: 1 }, [rampStep(10, { ...quick, dwell })]).problems).toEqual([]);
  });

  it('is a margin that can never be proven', () => {
    const strict: Gate = {
      ...(GATES[0] as Gate & { metric: 'error-rate' }),
      limit: { kind: 'worse-by', share: 0, ratio: 1 },
    };
    expect(forecast({}, [rampStep(10, quick)], [strict]).problems).toEqual([
      'Step 1 (ramp 10 %), gate errors: a version like the baseline can never be proven, however long the step lasts. ' +
        'Allow a larger margin, or make the gate a guard',
    ]);
  });

  it('is a guard that could not roll back in time, were every request bad', () => {
    const guard: Gate = { ...(GATES[0] as Gate), role: 'guard' };
    const { problems } = forecast({ rps: 0.01 }, [rampStep(10, quick)], [guard]);
    expect(problems).toHaveLength(2);
    expect(problems[1]).toMatch(
      /^Step 1 \(ramp 10 %\), gate errors: with 0\.001\/s on green it could not roll back within 5 min, were every request bad\. Let the step last [\d.]+ (min|h), or give green a larger share$/,
    );
  });

  it('is a bake too short for a rollback, where green cannot get a larger share', () => {
    const { problems } = forecast({ rps: 40 }, [bakeBy('errors', 5000)]);

    expect(problems.at(-1)).toBe(
      'Step 1 (bake 5s), gate errors: with 40/s on green it could not roll back within 5 s, were every request bad. ' +
        'Let the step last 55 s',
    );
  });

  const slow: Gate = {
    ...{ ...base, name: 'slow', dispersion: { mode: 'auto' }, blipMs: 30_000 },
    ...{ metric: 'latency', quantile: 0.95, limit: { kind: 'at-most', ms: 250 } },
  };

  it.each(Object.entries(BASELINES))(
    'is no limit beyond what a %s baseline takes, in a bake: requests can take longer than that',
    (_, now) => {
      const { problems, steps } = forecast({ ...now, rps: 40 }, [bakeBy('slow', 30 * MINUTE)], [slow]);

      expect(problems).toEqual([]);
      expect(gateOf(steps[0], 'slow')?.smallest).toMatch(/^[\d.]+x latency$/);
    },
  );

  it('is no limit that a thousand times the latency of the baseline is within', () => {
    const far: Gate = { ...slow, limit: { kind: 'at-most', ms: 20_000 } };
    const { problems, steps } = forecast(
      { ...BASELINES.quick, rps: 40 },
      [bakeBy('slow', 30 * MINUTE)],
      [far],
    );

    expect(problems).toEqual([]);
    expect(gateOf(steps[0], 'slow')?.smallest).toMatch(/^[\d,]{5,}x latency$/);
  });

  it('is no share that is small, where none of few requests went beyond its limit', () => {
    const rare: Gate = {
      ...{ ...base, name: 'rare', dispersion: { mode: 'auto' } },
      ...{ metric: 'slow-share', aboveMs: 250, limit: { kind: 'at-most', share: 0.001 } },
    };
    const baseline = { requests: 500, errors: 0, le: [...EDGES.map(() => 500), 500] };
    const long = { gates: ['rare'], dwell: { atLeastMs: 0, atMostMs: 60 * MINUTE } };

    expect(forecast({ baseline }, [rampStep(25, long)], [rare]).problems).toEqual([]);
  });
});

describe('gates that cannot decide, in the specs that come with Greenlight', () => {
  let folder: Folder;
  beforeAll(async () => {
    folder = await Folder.make();
  });
  afterAll(() => folder.remove());

  const DEPLOYMENT = {
    'green-deployment.yml': 'name: green\n',
    'orange-deployment.yml': 'name: orange\n',
    'sample-request.json': '{}',
  };
  const FILES = Object.fromEntries(
    Object.entries(DEPLOYMENT).flatMap(([name, text]) => [
      [name, text],
      [`diabetes/${name}`, text],
    ]),
  );

  // A tenth is little where requests differ much: not a gate that could never decide, but one for longer steps.
  const TAKES_LONGER = expect.stringMatching(
    /^Step 3 \(ramp 10 %\), gate latency: .* is not proven within 30 min; nine times of ten it takes up to 86 min/,
  ) as unknown;

  it.each`
    spec                             | rps    | quick | usual | wide
    ${'standard'}                    | ${100} | ${[]} | ${[]} | ${[]}
    ${'diabetes-v2'}                 | ${50}  | ${[]} | ${[]} | ${[]}
    ${'diabetes-v3'}                 | ${50}  | ${[]} | ${[]} | ${[]}
    ${'cookbook/adopt-existing'}     | ${40}  | ${[]} | ${[]} | ${[]}
    ${'cookbook/guard-gates'}        | ${40}  | ${[]} | ${[]} | ${[]}
    ${'cookbook/keep-for-debugging'} | ${40}  | ${[]} | ${[]} | ${[]}
    ${'cookbook/linear-thirds'}      | ${40}  | ${[]} | ${[]} | ${[]}
    ${'cookbook/long-bake'}          | ${40}  | ${[]} | ${[]} | ${[]}
    ${'cookbook/low-traffic'}        | ${0.5} | ${[]} | ${[]} | ${[]}
    ${'cookbook/manual-promotion'}   | ${40}  | ${[]} | ${[]} | ${[]}
    ${'cookbook/mirror-only'}        | ${40}  | ${[]} | ${[]} | ${[]}
    ${'cookbook/tightened-gates'}    | ${40}  | ${[]} | ${[]} | ${[]}
    ${'cookbook/two-step-canary'}    | ${40}  | ${[]} | ${[]} | ${[TAKES_LONGER]}
    ${'cookbook/unattended'}         | ${40}  | ${[]} | ${[]} | ${[]}
  `('$spec at $rps/s', async ({ spec, rps, quick, usual, wide }) => {
    const text = await readFile(join(packageRoot(), 'rollout-specs', `${spec as string}.yml`), 'utf8');
    const plan = await folder.plan(text, FILES);
    const problems = Object.fromEntries(
      Object.entries(BASELINES).map(([name, now]) => [
        name,
        forecastPlan(plan, { ...now, rps: rps as number }).problems,
      ]),
    );

    expect(problems).toEqual({ quick, usual, wide } as unknown);
  });
});
