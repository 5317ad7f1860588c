import { describe, expect, it } from 'vitest';
import {
  advance,
  beginStep,
  carryOver,
  convertForBake,
  initialState,
  type GateSetup,
  type GateState,
  type Look,
} from '../../../core/gates/index.js';
import { upperRate } from '../../../core/gates/bounds.js';
import { binomial } from './binomial.js';
import { arm, config, errorLooks, errorsMetric, GUARD, look } from './streams.js';

const SETUP: GateSetup = {
  v: 1,
  alone: false,
  notes: [],
  pending: [],
  config: config([
    GUARD,
    errorsMetric({ r: 1.2, weight: 0.42 }),
    errorsMetric({ name: 'slo', r: 0, delta: 0.01, weight: 0.42 }),
  ]),
};

function ramped(looks: readonly Look[], setup = SETUP): GateState {
  let state = initialState(setup.config);
  for (const each of looks) state = advance(setup.config, state, each, { bounds: false }).state;
  return state;
}

const alone = (errors: number, n: number): Look => ({
  dtSec: 5,
  blue: arm(0),
  green: arm(n, errors),
  status: { blue: 'missing', green: 'ok' },
});

describe('after cutover', () => {
  const state = ramped(new Array<Look>(100).fill(look([9, 900], [1, 100])));
  const converted = convertForBake(SETUP, state);

  it('a relative gate becomes a limit on green: r times the baseline’s upper bound over the rollout, plus the margin', () => {
    const bound = upperRate(900, 90_000, 0.05);
    const metric = converted.setup.config.metrics[1];

    expect(bound).toBeGreaterThan(0.01);
    expect(bound).toBeLessThan(0.012);
    expect(metric).toMatchObject({ name: 'errors', r: 0, weight: 0.42, shared: 'strict' });
    expect(metric?.delta).toBeCloseTo(1.2 * bound + 0.005, 14);
    expect(converted.notes).toEqual([
      {
        gate: 'errors',
        text: expect.stringMatching(
          /^without the baseline beside it, green may have at most 1\.8\d% errors: .* share in this rollout, 1\.\d+%$/,
        ) as string,
      },
    ]);
    expect(converted.setup).toMatchObject({ alone: true, notes: converted.notes });
  });

  it('the evidence for a breach goes on, the pass side starts anew, and absolute gates keep their limit', () => {
    expect(converted.state.metrics['errors']?.breach.lnR).toEqual(state.metrics['errors']?.breach.lnR);
    expect(converted.state.metrics['errors']?.pass).toEqual({ kind: 'one-sample', x: 0, n: 0 });
    const slo = state.metrics['slo'];
    expect(slo?.breach).toMatchObject({ open: false, shared: false });
    expect(converted.state.metrics['slo']).toEqual({ ...slo, breach: { ...slo?.breach, blue: null } });
    expect(converted.setup.config.metrics[2]).toEqual({
      ...SETUP.config.metrics[2],
      shared: 'strict',
      thirdBlockDecides: true,
    });
  });

  describe('what both suffered before it', () => {
    const shared = new Array<Look>(121).fill(look([900, 9000], [100, 1000]));
    const held = ramped(shared);

    it('no longer shields green from an absolute limit: it is caught in its third block', () => {
      const { setup, state: before } = convertForBake(SETUP, held);
      let now = beginStep(setup.config, before);
      const decided = Array.from({ length: 5 }, () => {
        const step = advance(setup.config, now, alone(1000, 10_000), { bounds: false });
        now = step.state;
        return [step.result.decision, step.result.reason];
      });

      expect(held.metrics['slo']?.breach).toMatchObject({ open: true, shared: true });
      expect(decided.slice(0, 4)).toEqual(new Array(4).fill(['continue', null]));
      expect(decided[4]).toEqual(['breach', 'slo']);
    });

    it('is not charged to green, also of a block that was open then', () => {
      const breach = (from: GateState) => from.metrics['slo']?.breach;
      const before = breach(held);
      const after = breach(convertForBake(SETUP, held).state);

      expect(before?.inBlock.some((evidence) => evidence > 100)).toBe(true);
      expect(after).toMatchObject({ open: false, shared: false });
      expect(after?.lnR?.every((wealth, i) => wealth <= (before?.lnR?.[i] ?? NaN))).toBe(true);
    });
  });

  it('a baseline whose failures are learned to vary is given the benefit of it, and its open count-block is dropped', () => {
    const learning: GateSetup = { ...SETUP, config: { ...SETUP.config, dispersion: { mode: 'auto' } } };
    // The start of a rollout: phi is 1, and 35% are added for how little has been seen.
    const before = ramped([look([1, 900], [1, 100]), look([1, 900], [2, 100])], learning);
    const phiPass = 1 + 0.5 * Math.sqrt(2 / 4);

    const after = convertForBake(learning, before);

    expect(before.metrics['errors']?.dispersion).toMatchObject({ closed: 0 });
    expect(before.metrics['errors']?.dispersion.v).toBeGreaterThan(0);
    expect(after.setup.config.metrics[1]?.delta).toBeCloseTo(
      1.2 * upperRate(2 / phiPass, 1800 / phiPass, 0.05) + 0.005,
      12,
    );
    expect(after.state.metrics['errors']?.dispersion).toMatchObject({ d: 0, v: 0, closed: 0 });
  });

  it('converting twice changes nothing more', () => {
    expect(convertForBake(converted.setup, converted.state)).toEqual({
      setup: converted.setup,
      state: converted.state,
      notes: [],
    });
  });

  it('green alone is rolled back beyond the limit, and passes below it', () => {
    const decide = (each: Look) => {
      let now = beginStep(converted.setup.config, converted.state);
      for (let i = 0; i < 60; i++) {
        const step = advance(converted.setup.config, now, each, { bounds: false });
        now = step.state;
        if (step.result.decision !== 'continue') return step.result.decision;
      }
      return 'continue';
    };

    expect(decide(alone(50, 1000))).toBe('breach');
    expect(decide(alone(2, 1000))).toBe('pass');
  });

  describe('an outage of green', () => {
    const gates = (count: number): GateSetup => ({
      ...SETUP,
      config: config([
        GUARD,
        ...Array.from({ length: count }, (_, i) => errorsMetric({ name: `g${i}`, weight: 0.84 / count })),
      ]),
    });
    /** Seconds from its beginning to the breach, looks of 5 s and blocks of two; null = none. */
    const breachAfter = (
      setup: GateSetup,
      wellLooks: number,
      illLooks: number,
      n: number,
      firstLook = 1,
    ): number | null => {
      const before = ramped(new Array<Look>(60).fill(look([9, 900], [1, 100])), setup);
      const after = convertForBake(setup, before);
      let now = beginStep(after.setup.config, after.state);
      for (let i = 0; i < wellLooks + illLooks + 60; i++) {
        const ill = i >= wellLooks && i < wellLooks + illLooks;
        const bad = !ill ? 0 : i === wellLooks ? Math.round(n * firstLook) : n;
        const step = advance(after.setup.config, now, alone(bad, n), { bounds: false });
        now = step.state;
        if (step.result.decision === 'breach') return (i + firstLook - wellLooks) * 5;
      }
      return null;
    };

    it.each([12, 13, 120, 121, 300, 301])(
      'is found in its third block, however late it begins (look %i)',
      (well) => {
        for (const count of [1, 2, 3]) {
          expect(breachAfter(gates(count), well, 60, 5000)).toBeLessThanOrEqual(25);
          // At 50 requests a second, a look that falls into a block of good ones may not fill its cap.
          expect(breachAfter(gates(count), well, 60, 250)).toBeLessThanOrEqual(30);
        }
      },
    );

    it.each([12, 13, 120, 121])(
      'is found in its third block although it is taken for noise, wherever in a look it begins (look %i)',
      (well) => {
        const three = gates(3);
        const noisy: GateSetup = { ...three, config: { ...three.config, dispersion: { mode: 'auto' } } };
        for (const firstLook of [0.2, 0.4, 0.6, 0.8, 1])
          for (const n of [50, 250])
            expect(breachAfter(noisy, well, 60, n, firstLook)).toBeLessThanOrEqual(27);
      },
    );

    it.each([12, 13, 120, 121, 300, 301])(
      'does not roll back if it is over within a blip (look %i)',
      (well) => {
        for (const count of [1, 3, 8, 16]) {
          for (const n of [250, 5000]) expect(breachAfter(gates(count), well, 2, n)).toBeNull();
        }
      },
    );
  });

  const relative = errorsMetric({ r: 0.5, delta: 0.1, plannedBlocks: 3 });
  const absolute = errorsMetric({ r: 0, delta: 0.2, plannedBlocks: 3 });

  it.each([
    ['a gate that compares, cutover between two blocks', { ...relative, blipSec: 5 }, 2],
    ['a gate that compares, cutover within a block', { ...relative, blipSec: 10 }, 1],
    ['an absolute gate, cutover between two blocks', { ...absolute, blipSec: 5 }, 2],
    ['an absolute gate, cutover within a block', { ...absolute, blipSec: 10 }, 1],
  ])(
    'green at its margin, and then at its limit, is expected to come to at most 1, over every outcome of four looks: %s',
    (_, gate, beside) => {
      const sums = [0, 0, 0, 0];
      const walk = (setup: GateSetup, state: GateState, depth: number, mass: number): void => {
        const { r, delta } = setup.config.metrics[0] ?? gate;
        const blue = setup.alone ? [1] : binomial(2, 0.2);
        for (const [xB, pB] of blue.entries()) {
          for (const [xG, pG] of binomial(2, r * 0.2 + delta).entries()) {
            const each = setup.alone ? alone(xG, 2) : look([xB, 2], [xG, 2]);
            const next = advance(setup.config, state, each, { bounds: false });
            const p = mass * pB * pG;
            sums[depth] = (sums[depth] ?? 0) + p * Math.exp(next.result.lnTotal ?? -Infinity);
            const after = depth + 1 === beside ? convertForBake(setup, next.state) : { setup, ...next };
            if (depth < 3) walk(after.setup, after.state, depth + 1, p);
          }
        }
      };
      const setup: GateSetup = { ...SETUP, config: config([gate], { alphaPass: 0.5 }) };

      walk(setup, initialState(setup.config), 0, 1);

      for (const sum of sums) {
        expect(sum).toBeLessThanOrEqual(1 + 1e-9);
        expect(sum).toBeGreaterThan(0.4);
      }
    },
  );

  it('a baseline that was never seen leaves the gate without a say, and says so', () => {
    const blind = convertForBake(SETUP, initialState(SETUP.config));

    expect(blind.setup.config.metrics[1]).toMatchObject({ r: 0, delta: 1, passRole: false });
    expect(blind.notes[0]?.text).toMatch(/nothing to judge by.*0 requests/);
  });

  it('a latency gate keeps green’s own edges', () => {
    const setup: GateSetup = {
      ...SETUP,
      config: config(
        [
          errorsMetric({
            source: 'latency',
            delta: 0,
            breachEdge: { blue: 0, green: 2 },
            passEdge: { blue: 0, green: 1 },
          }),
        ],
        { edgesMs: [100, 200, 300] },
      ),
    };
    const seen: Look = {
      dtSec: 5,
      blue: arm(1000, 0, [950, 990, 999, 1000]),
      green: arm(100, 0, [90, 95, 99, 100]),
      status: { blue: 'ok', green: 'ok' },
    };

    const { setup: after } = convertForBake(setup, ramped([seen], setup));

    const metric = after.config.metrics[0];
    expect(metric).toMatchObject({ breachEdge: { blue: 2, green: 2 }, passEdge: { blue: 1, green: 1 } });
    expect(metric?.delta).toBeCloseTo(upperRate(50, 1000, 0.05), 14);
    expect(metric).not.toHaveProperty('asks');
  });
});

describe('dispersion carried to the next rollout', () => {
  const CONFIG = config([errorsMetric()], { dispersion: { mode: 'auto' } });
  const phi = (looks: readonly Look[]) =>
    carryOver(CONFIG, ramped(looks, { ...SETUP, config: CONFIG }))['errors'];

  it('is about 1 for independent requests, and about the cluster size for clusters', () => {
    const single = errorLooks(3, 400, { blue: 0.01, green: 0.01 }, { blue: 900, green: 100 });
    const clusters = errorLooks(4, 400, { blue: 0.01, green: 0.01 }, { blue: 180, green: 20 }).map(
      (each): Look => ({
        ...each,
        blue: arm(each.blue.n * 5, each.blue.errors * 5),
        green: arm(each.green.n * 5, each.green.errors * 5),
      }),
    );

    expect(phi(single)).toBeGreaterThanOrEqual(1);
    expect(phi(single)).toBeLessThan(1.3);
    expect(phi(clusters)).toBeGreaterThan(3.5);
    expect(phi(clusters)).toBeLessThan(6.5);
  });

  it('of a gate that compares with the baseline is what it was beside it, whatever green alone does in a long bake', () => {
    const metrics = [errorsMetric(), errorsMetric({ name: 'slo', r: 0, delta: 0.2 })];
    const setup: GateSetup = { ...SETUP, config: { ...CONFIG, metrics } };
    const before = ramped(errorLooks(3, 400, { blue: 0.01, green: 0.01 }, { blue: 900, green: 100 }), setup);

    const converted = convertForBake(setup, before);
    let state = beginStep(converted.setup.config, converted.state);
    // A rate that jumps, of both if the baseline were there.
    for (let i = 0; i < 400; i++)
      state = advance(converted.setup.config, state, alone(i % 20 < 10 ? 2 : 40, 1000), {
        bounds: false,
      }).state;

    const { errors, slo } = carryOver(converted.setup.config, state);
    expect(errors).toBeLessThan(1.3);
    expect(errors).toBe(carryOver(setup.config, before)['errors']);
    expect(slo).toBeGreaterThan(2);
  });

  it('is the factor itself, without what is added while little was seen', () => {
    expect(carryOver(CONFIG, initialState(CONFIG))).toEqual({ errors: 1 });
  });

  it('is not learned where it is fixed', () => {
    const fixed = config([errorsMetric({ dispersion: { mode: 'fixed', phi: 3 } })]);
    expect(carryOver(fixed, initialState(fixed))).toEqual({});
  });
});
