import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { replayGates, type DecisionRecord, type RecordedWindow } from '../../core/decision-record.js';
import { recordLook, replayLook, type Look, type RecordedLook } from '../../core/gates/index.js';
import type { Gate } from '../../core/plan.js';
import { errorsGate, planOf, rampStep, slowGate } from '../support/plans.js';

const EDGES = [10, 100, 1000];

function look(dtSec: number, blue: number, green: number, errors: number, slow = 0): Look {
  return {
    dtSec,
    blue: { n: blue, errors: 0, le: [0, blue, blue, blue] },
    green: { n: green, errors, le: [0, green - slow, green, green] },
    status: { blue: 'ok', green: 'ok' },
  };
}

const totals = (looks: readonly Look[]) =>
  looks.reduce(
    (sum, l) => ({
      sec: sum.sec + l.dtSec,
      n: sum.n + l.blue.n + l.green.n,
      errors: sum.errors + l.green.errors,
      slow: sum.slow + (l.green.le[3] ?? 0) - (l.green.le[1] ?? 0),
    }),
    { sec: 0, n: 0, errors: 0, slow: 0 },
  );

describe('the record of looks', () => {
  it('loses no request, no error and no bucket, and grows with time by the blip', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 50 }), { minLength: 1, maxLength: 60 }), (errors) => {
        const looks = errors.map((e) => look(1, 100, 50, e, e));
        const record = looks.reduce<readonly RecordedLook[]>((r, l) => recordLook(r, l, 10), []);

        expect(totals(record.map((r) => replayLook(r, EDGES.length)))).toEqual(totals(looks));
        expect(record).toHaveLength(Math.ceil(looks.length / 10));
      }),
    );
  });

  it('never joins an arm without data with one that has some', () => {
    const missing: Look = { ...look(1, 100, 50, 0), status: { blue: 'missing', green: 'ok' } };

    expect(recordLook(recordLook([], look(1, 100, 50, 0), 10), missing, 10)).toHaveLength(2);
  });

  it('never joins what was before a step with what is of it, and keeps when its data begins', () => {
    const looks = [-2, -1, 0, 1].map((sinceSec): Look => ({ ...look(1, 100, 50, 0), sinceSec }));
    const record = looks.reduce<readonly RecordedLook[]>((r, l) => recordLook(r, l, 10), []);

    expect(record.map((each) => replayLook(each, EDGES.length))).toMatchObject([
      { dtSec: 2, sinceSec: -2, green: { n: 100 } },
      { dtSec: 2, sinceSec: 0, green: { n: 100 } },
    ]);
  });
});

function recordOf(looks: readonly Look[], window: Partial<RecordedWindow> = {}): DecisionRecord {
  return {
    v: 1,
    plan: planOf('diabetes', [rampStep(50)]),
    baseline: 'blue',
    windows: [
      {
        stepIndex: 0,
        label: 'ramp 50 %',
        startedAtMs: 0,
        endedAtMs: 60_000,
        traffic: { live: { blue: 50, green: 50 }, mirror: {} },
        mode: 'judge',
        alone: false,
        active: ['errors', 'slow'],
        dwell: { atLeastMs: 2000, atMostMs: 60_000 },
        verdict: 'pass',
        sentence: 'as recorded',
        evidence: [],
        edgesMs: EDGES,
        looks: looks.reduce<readonly RecordedLook[]>((r, l) => recordLook(r, l, 1), []),
        ...window,
      },
    ],
  };
}

describe('replayGates', () => {
  const two = Array.from({ length: 30 }, (_, i) => look(1, 1000, 1000, i % 2 === 0 ? 10 : 0));
  const watching = { intervalMs: 1000, warmUpMs: 0, alpha: 0.01, alphaPass: 0.05 };

  it('decides as the rollout did by the gates that the rollout had', () => {
    const replay = replayGates(recordOf(two), [errorsGate, slowGate], watching);

    expect(replay).toMatchObject({
      ok: true,
      steps: [{ recorded: { decision: 'pass' }, replayed: { decision: 'pass' } }],
    });
  });

  it('proves no step by what a source that is behind tells of the time before it', () => {
    const early = two.map((each, i): Look => ({ ...each, sinceSec: i - two.length }));

    const replayed = replayGates(recordOf(early), [errorsGate, slowGate], watching);

    expect(replayed.ok && replayed.steps[0]?.replayed).toBeNull();
  });

  it('expects the noise that the rollout expected, which its endpoint had shown before', () => {
    const record = recordOf(two);
    const noisy = { ...record, plan: { ...record.plan, carriedDispersion: { errors: 20 } } };
    const passedAfter = (of: DecisionRecord) => {
      const replay = replayGates(of, [errorsGate, slowGate], watching);
      return replay.ok ? (replay.steps[0]?.replayed?.afterSec ?? Infinity) : NaN;
    };

    expect(passedAfter(noisy)).toBeGreaterThan(passedAfter(record));
  });

  it('shows where a stricter gate would have rolled back', () => {
    const strict = { ...errorsGate, limit: { kind: 'worse-by', share: 0.0005, ratio: 1 } } as Gate;
    const replay = replayGates(recordOf(two), [strict, slowGate], watching);

    expect(replay).toMatchObject({ ok: true, steps: [{ replayed: { decision: 'breach' } }] });
    expect(replay.ok && replay.steps[0]?.replayed?.sentence).toContain('with an error');
  });

  it('says which gate cannot be judged by what was recorded', () => {
    const beyond = { ...slowGate, limit: { kind: 'at-most', ms: 5_000 } } as Gate;

    expect(replayGates(recordOf(two), [beyond], watching)).toMatchObject({
      ok: false,
      problems: [{ gate: 'slow', kind: 'beyond-last-edge' }],
    });
  });
});
