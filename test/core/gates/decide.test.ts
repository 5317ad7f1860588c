import { describe, expect, it } from 'vitest';
import {
  advance,
  beginStep,
  decide,
  evaluate,
  initialState,
  type Look,
  type Measured,
  type MetricResult,
} from '../../../core/gates/index.js';
import { atBlockStart } from '../../../core/gates/shared.js';
import { config, errorsMetric, GUARD, look } from './streams.js';

const BAD = look([0, 4500], [500, 500]);
const GOOD = look([0, 4500], [0, 500]);
const EMPTY = look([0, 0], [0, 0]);

function measured(over: Partial<Measured> & { lnPass?: number; lnBreach?: number }): Measured {
  const metric: MetricResult = {
    lnBreach: over.lnBreach ?? 0,
    lnPass: over.lnPass ?? 0,
    lower: null,
    upper: null,
    phiNext: 1,
    phiPassNext: 1,
    shared: false,
  };
  return { elapsedSec: over.elapsedSec ?? 100, lnTotal: over.lnTotal ?? 0, metrics: { errors: metric } };
}

describe('the decision of a look', () => {
  const setup = config([errorsMetric()], { minDurationSec: 60, deadlineSec: 600 });
  const enough = Math.log(100);
  const sure = Math.log(20);

  it.each`
    numbers                                                 | decision          | because
    ${{ lnTotal: enough, lnPass: 99, elapsedSec: 999 }}     | ${'breach'}       | ${'a breach comes before everything'}
    ${{ lnTotal: enough - 1e-9, elapsedSec: 1 }}            | ${'continue'}     | ${'it is not quite enough'}
    ${{ lnPass: sure }}                                     | ${'pass'}         | ${'the evidence is exactly enough'}
    ${{ lnPass: sure - 1e-9 }}                              | ${'continue'}     | ${'it is not quite proven'}
    ${{ lnPass: 99, elapsedSec: 59 }}                       | ${'continue'}     | ${'the step lasts longer than that'}
    ${{ lnPass: 99, elapsedSec: 60 }}                       | ${'pass'}         | ${'the step has lasted long enough'}
    ${{ lnPass: 99, lnTotal: enough / 2 }}                  | ${'continue'}     | ${'suspicion delays a pass'}
    ${{ lnPass: 99, lnTotal: enough / 2 - 1e-9 }}           | ${'pass'}         | ${'that is no suspicion yet'}
    ${{ lnPass: 99, elapsedSec: 600 }}                      | ${'pass'}         | ${'proven at the deadline is proven'}
    ${{ elapsedSec: 600 }}                                  | ${'inconclusive'} | ${'the time is over'}
    ${{ lnPass: 99, lnTotal: enough / 2, elapsedSec: 600 }} | ${'inconclusive'} | ${'suspicion at the deadline is no pass'}
  `('is $decision when $because', ({ numbers, decision }) => {
    expect(decide(setup, measured(numbers)).decision).toBe(decision);
  });

  it('never passes on what a hold forbids, and lets the deadline answer', () => {
    expect(decide(setup, measured({ lnPass: 99 }), { hold: true }).decision).toBe('continue');
    expect(decide(setup, measured({ lnPass: 99, elapsedSec: 600 }), { hold: true }).decision).toBe(
      'inconclusive',
    );
    expect(decide(setup, measured({ lnTotal: 99 }), { hold: true }).decision).toBe('breach');
  });

  it('decides nothing but a breach in guard mode', () => {
    expect(decide(setup, measured({ lnPass: 99, elapsedSec: 9999 }), { mode: 'guard' }).decision).toBe(
      'continue',
    );
    expect(decide(setup, measured({ lnTotal: 99 }), { mode: 'guard' }).decision).toBe('breach');
  });

  it('passes without any required gate once the step has lasted long enough', () => {
    const guards = config([errorsMetric({ passRole: false })], { minDurationSec: 60 });
    expect(decide(guards, measured({ elapsedSec: 59 })).decision).toBe('continue');
    expect(decide(guards, measured({ elapsedSec: 60 })).decision).toBe('pass');
  });

  it('does not wait for a gate that the step does not listen to', () => {
    const paused = config([errorsMetric({ paused: true })], { minDurationSec: 60 });
    expect(decide(paused, measured({ lnPass: 0 })).decision).toBe('pass');
  });

  it('names the metric with the largest weighted evidence', () => {
    const two = config([errorsMetric({ name: 'a', weight: 0.2 }), errorsMetric({ name: 'b', weight: 0.8 })]);
    const of = (a: number, b: number) => ({
      elapsedSec: 1,
      lnTotal: 9,
      metrics: {
        a: { ...(measured({}).metrics['errors'] as MetricResult), lnBreach: a },
        b: { ...(measured({}).metrics['errors'] as MetricResult), lnBreach: b },
      },
    });

    expect(decide(two, of(9, 8)).reason).toBe('b');
    expect(decide(two, of(10, 8)).reason).toBe('a');
  });
});

describe('evaluate', () => {
  it('keeps the first decision of a step, whatever comes after it', () => {
    const setup = config([errorsMetric()], { minDurationSec: 10 });
    const looks = [...new Array<Look>(3).fill(GOOD), ...new Array<Look>(10).fill(BAD)];

    const out = evaluate({ config: setup, looks });

    expect(out.map(({ decision }) => decision)).toEqual(['continue', ...new Array<string>(12).fill('pass')]);
    expect(out.at(-1)?.lnTotal).toBeGreaterThan(Math.log(100));
  });

  it('decides anew with the look that begins the next step, and does not forget what it had against green', () => {
    const setup = config([errorsMetric()], { minDurationSec: 10 });
    const looks = [
      ...new Array<Look>(3).fill(GOOD),
      ...new Array<Look>(10).fill(BAD),
      { ...EMPTY, newStep: true },
    ];

    const out = evaluate({ config: setup, looks });

    expect(out.at(-1)).toMatchObject({ decision: 'breach', reason: 'errors', elapsedSec: 5 });
  });

  it('is inconclusive for good once the deadline has passed', () => {
    const out = evaluate({
      config: config([errorsMetric()], { deadlineSec: 10 }),
      looks: [EMPTY, EMPTY, GOOD, GOOD, GOOD, GOOD],
    });

    expect(out.map(({ decision }) => decision)).toEqual([
      'continue',
      ...new Array<string>(5).fill('inconclusive'),
    ]);
  });

  it('lists everything that is wrong with a configuration', () => {
    const wrong = config(
      [errorsMetric({ weight: 0.7, delta: -1 }), errorsMetric({ source: 'latency', weight: 0.7 })],
      { alpha: 0, edgesMs: [100, 50] },
    );

    expect(() => evaluate({ config: wrong, looks: [] })).toThrow(
      /alpha must be above 0.*got 0\n.*edgesMs must ascend.*\n.*errors is there twice.*\n.*add up to 1\.4.*\n.*delta must be a share.*got -1\n.*needs breachEdge/s,
    );
  });
});

describe('warm-up', () => {
  it('shows looks that began in it to the crash guard alone, anew in each step', () => {
    const setup = config([GUARD, errorsMetric({ weight: 0.84 })], { warmupSec: 10 });
    const seen = (looks: readonly Look[]) => {
      let state = initialState(setup);
      for (const each of looks) state = advance(setup, state, each, { bounds: false }).state;
      return [state.metrics['crash-guard']?.step.nG, state.metrics['errors']?.step.nG];
    };

    expect(seen([GOOD])).toEqual([500, 0]);
    expect(seen([GOOD, { ...GOOD, dtSec: 60 }])).toEqual([1000, 0]);
    expect(seen([GOOD, GOOD, GOOD])).toEqual([1500, 500]);
    expect(seen([GOOD, GOOD, GOOD, { ...GOOD, newStep: true }])).toEqual([500, 0]);
  });

  it('does not stand still in guard mode, unlike the step clock', () => {
    const setup = config([errorsMetric()], { warmupSec: 10 });
    let state = initialState(setup);
    for (const each of [GOOD, GOOD, GOOD])
      state = advance(setup, state, each, { mode: 'guard', bounds: false }).state;

    expect(state).toMatchObject({ elapsedSec: 0, sinceStartSec: 15 });
    expect(state.metrics['errors']?.step.nG).toBe(500);
  });
});

describe('a new step', () => {
  it('starts the pass side and the clocks anew, closes blocks, and keeps breach evidence and dispersion', () => {
    const setup = config([errorsMetric()], { dispersion: { mode: 'auto' } });
    let state = initialState(setup);
    for (const each of [GOOD, BAD, GOOD]) state = advance(setup, state, each).state;

    const next = beginStep(setup, state);

    const [before, after] = [state.metrics['errors'], next.metrics['errors']];
    expect(next).toMatchObject({ elapsedSec: 0, sinceStartSec: 0 });
    expect(after?.pass).toEqual(initialState(setup).metrics['errors']?.pass);
    expect(after?.step).toEqual({ xB: 0, nB: 0, xG: 0, nG: 0 });
    expect(after?.dispersion).toEqual(before?.dispersion);
    expect(before?.breach.open).toBe(true);
    expect(after?.breach).toMatchObject({ open: false, blockSec: 0, blocks: 2 });
    expect(
      after?.breach.lnR?.every(
        (v, i) => v <= (before?.breach.lnR?.[i] ?? 0) + (before?.breach.inBlock[i] ?? 0) + 1e-12,
      ),
    ).toBe(true);
  });
});

describe('missing data', () => {
  const setup = config([
    errorsMetric({ weight: 0.5 }),
    errorsMetric({ name: 'slo', r: 0, delta: 0.01, weight: 0.5 }),
  ]);
  const after = (each: Look) => advance(setup, initialState(setup), each).state.metrics;

  it.each`
    status                              | relative | absolute
    ${{ blue: 'ok', green: 'ok' }}      | ${500}   | ${500}
    ${{ blue: 'missing', green: 'ok' }} | ${0}     | ${500}
    ${{ blue: 'reset', green: 'ok' }}   | ${0}     | ${500}
    ${{ blue: 'ok', green: 'missing' }} | ${0}     | ${0}
    ${{ blue: 'ok', green: 'reset' }}   | ${0}     | ${0}
  `('is skipped by who needs it: $status', ({ status, relative, absolute }) => {
    const metrics = after({ ...GOOD, status });

    expect([metrics['errors']?.step.nG, metrics['slo']?.step.nG]).toEqual([relative, absolute]);
  });

  it.each([
    ['more errors than requests', { n: 5, errors: 6, le: [] }],
    ['a negative count', { n: -1, errors: 0, le: [] }],
    ['not a number', { n: NaN, errors: 0, le: [] }],
    ['more than can be counted', { n: 1e18, errors: 0, le: [] }],
    ['buckets that shrink', { n: 5, errors: 0, le: [3, 2, 5] }],
  ])('includes what cannot be true: %s', (_, green) => {
    expect(after({ ...GOOD, green })['slo']?.step.nG).toBe(0);
  });

  it('lets the clock run on', () => {
    const { state, result } = advance(setup, initialState(setup), {
      ...GOOD,
      status: { blue: 'missing', green: 'missing' },
    });

    expect([state.elapsedSec, result.decision, result.lnTotal]).toEqual([5, 'continue', 0]);
  });

  it('does not use up the time of a block', () => {
    const { metrics } = advance(setup, initialState(setup), {
      ...GOOD,
      status: { blue: 'missing', green: 'ok' },
    }).state;
    expect([metrics['errors']?.breach.blocks, metrics['slo']?.breach.blocks]).toEqual([0, 1]);
  });
});

describe('an incident that hits both arms', () => {
  const limit = (shared: 'hold' | 'strict') => config([errorsMetric({ r: 0, delta: 0.01, shared })]);

  it('tempers the baseline’s own evidence by how its own failures cluster', () => {
    const setup = limit('hold');
    let state = initialState({ ...setup, dispersion: { mode: 'auto' } });
    for (let i = 0; i < 20; i++) {
      state = advance(setup, state, look([i % 2 === 0 ? 0 : 40, 1000], [1, 100]), { bounds: false }).state;
    }
    const { closed, sum } = state.metrics['errors']?.blueDispersion ?? { closed: 0, sum: 0 };
    expect(closed).toBeGreaterThan(10);
    expect(sum / closed).toBeGreaterThan(4);
  });
  const incident = new Array<Look>(12).fill(look([450, 4500], [50, 500]));

  it('is not charged to green alone', () => {
    const out = evaluate({ config: limit('hold'), looks: incident });

    expect(out.every(({ metrics }) => metrics['errors']?.shared)).toBe(true);
    expect(out.at(-1)?.decision).toBe('continue');
  });

  it('is charged to green where the limit is strict', () => {
    expect(evaluate({ config: limit('strict'), looks: incident }).at(-1)?.decision).toBe('breach');
  });

  it('does not shield a green that breaks the limit alone', () => {
    const alone = new Array<Look>(12).fill(look([4, 4500], [50, 500]));

    const out = evaluate({ config: limit('hold'), looks: alone });

    expect(out.at(-1)).toMatchObject({ decision: 'breach', reason: 'errors' });
    expect(out.some(({ metrics }) => metrics['errors']?.shared)).toBe(false);
  });

  it('fades by a fifth with each block, and never counts for more than a rollback does', () => {
    const faded = atBlockStart([-3, 1, 50], 0.01);
    expect(faded[0]).toBe(0);
    expect(faded[1]).toBeCloseTo(0.8, 14);
    expect(faded[2]).toBeCloseTo(0.8 * Math.log(100), 14);
  });

  it('is forgotten some blocks after it is over', () => {
    const calm = new Array<Look>(60).fill(look([4, 4500], [0, 500]));
    const out = evaluate({ config: limit('hold'), looks: [...incident, ...calm] });
    expect(out.at(-1)?.metrics['errors']?.shared).toBe(false);
  });
});
