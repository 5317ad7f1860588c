import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  advance,
  evaluate,
  initialState,
  type GateState,
  type Look,
  type LookResult,
  type MachineConfig,
} from '../../../core/gates/index.js';
import { OUTAGE_BETS } from '../../../core/gates/breach-bets.js';
import { reference } from './reference.js';

const EDGES = [100, 200, 400];

const metric = fc.record({
  source: fc.constantFrom('errors' as const, 'latency' as const),
  r: fc.constantFrom(0, 0, 0.5, 1, 1.2, 50),
  delta: fc.constantFrom(0.001, 0.005, 0.05, 0.5),
  blipSec: fc.constantFrom(5, 10, 30),
  plannedBlocks: fc.constantFrom(1, 2, 8, 180),
  duringWarmup: fc.boolean(),
  passRole: fc.boolean(),
  shared: fc.constantFrom('hold' as const, 'strict' as const),
  breachEdge: fc.record({ blue: fc.nat(2), green: fc.nat(2) }),
  passEdge: fc.record({ blue: fc.nat(2), green: fc.nat(2) }),
  more: fc.constantFrom(
    {},
    { starts: { first: 0.7, step: 0.05, steps: 3 } },
    { starts: { first: 0.4, step: 0.6, steps: 1 }, breachBets: OUTAGE_BETS },
    { starts: { first: 0.7, step: 0.05, steps: 3 }, thirdBlockDecides: true },
    { starts: { first: 0.6, step: 0.05, steps: 2, beyond: 0.2 } },
  ),
});

const configs: fc.Arbitrary<MachineConfig> = fc.record({
  alpha: fc.constantFrom(0.01, 0.05),
  alphaPass: fc.constantFrom(0.05, 0.01),
  warmupSec: fc.constantFrom(0, 30),
  minDurationSec: fc.constantFrom(0, 60),
  deadlineSec: fc.constantFrom(120, 1800),
  edgesMs: fc.constant(EDGES),
  dispersion: fc.constantFrom(
    { mode: 'auto' as const },
    { mode: 'auto' as const, phi0: 2.5, nu0: 16 },
    { mode: 'auto' as const, by: 'larger' as const },
    { mode: 'fixed' as const, phi: 1.5 },
  ),
  metrics: fc
    .array(metric, { minLength: 1, maxLength: 3 })
    .map((all) => all.map(({ more, ...m }, i) => ({ ...m, ...more, name: `m${i}`, weight: 1 / all.length }))),
});

const armOf = (most: number) =>
  fc
    .tuple(
      fc.nat(most),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }),
    )
    .map(([n, bad, within]) => ({
      n,
      errors: Math.floor(n * bad ** 6),
      le: [...within.map((w) => Math.floor(n * (1 - (1 - w) ** 3))).sort((a, b) => a - b), n],
    }));

const status = fc.oneof(
  { weight: 12, arbitrary: fc.constant('ok' as const) },
  { weight: 1, arbitrary: fc.constantFrom('missing' as const, 'reset' as const) },
);

const streams: fc.Arbitrary<Look[]> = fc.array(
  fc.record({
    dtSec: fc.constantFrom(5, 5, 5, 10, 45),
    newStep: fc.integer({ min: 0, max: 19 }).map((i) => i === 0),
    blue: armOf(2000),
    green: armOf(300),
    status: fc.record({ blue: status, green: status }),
  }),
  { minLength: 1, maxLength: 40 },
);

function expectSame(got: readonly LookResult[], expected: readonly LookResult[], digits = 1e-9): void {
  const near = (a: number | null, b: number | null, what: string) => {
    if (a === null || b === null) expect(a, what).toBe(b);
    else
      expect(Math.abs(a - b) / Math.max(1, Math.abs(b)), `${what}: ${a} against ${b}`).toBeLessThanOrEqual(
        digits,
      );
  };
  expected.forEach((want, i) => {
    const have = got[i] as LookResult;
    expect([have.decision, have.reason, have.elapsedSec]).toEqual([
      want.decision,
      want.reason,
      want.elapsedSec,
    ]);
    near(have.lnTotal, want.lnTotal, `look ${i} lnTotal`);
    for (const [name, m] of Object.entries(want.metrics)) {
      const own = have.metrics[name];
      for (const key of ['lnBreach', 'lnPass', 'phiNext', 'phiPassNext'] as const) {
        near(own?.[key] ?? null, m[key], `look ${i} ${name}.${key}`);
      }
      if (m.upper !== null) near(own?.upper ?? null, m.upper, `look ${i} ${name}.upper`);
      if (m.lower !== null) near(own?.lower ?? null, m.lower, `look ${i} ${name}.lower`);
      expect(own?.shared).toBe(m.shared);
    }
  });
}

describe('against a plain transcription of the text', () => {
  it('gives the same numbers to 1e-9, and the same decisions and reasons', () => {
    fc.assert(
      fc.property(configs, streams, (config, looks) => {
        expectSame(evaluate({ config, looks }), reference(config, looks));
      }),
      { numRuns: 150, seed: 1 },
    );
  });

  it('gives the same bounds to 1e-9', () => {
    fc.assert(
      fc.property(configs, streams, (config, looks) => {
        const few = looks.slice(0, 6);
        expectSame(evaluate({ config, looks: few }), reference(config, few, true));
      }),
      { numRuns: 25, seed: 2 },
    );
  });

  it('goes on after any look as if it had never been written down and read again', () => {
    fc.assert(
      fc.property(configs, streams, (config, looks) => {
        let state: GateState = initialState(config);
        let stored: GateState = initialState(config);
        for (const look of looks) {
          const live = advance(config, state, look, { bounds: false });
          const resumed = advance(config, JSON.parse(JSON.stringify(stored)) as GateState, look, {
            bounds: false,
          });
          expect(resumed).toEqual(live);
          state = live.state;
          stored = resumed.state;
        }
      }),
      { numRuns: 30, seed: 3 },
    );
  });
});
