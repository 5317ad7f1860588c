import { describe, expect, it } from 'vitest';

import { whyNotAdopt } from '../../core/adopt.js';
import type { Step } from '../../core/plan.js';
import type { DriftHold } from '../../core/run.js';
import { splitTraffic, type Traffic } from '../../core/traffic.js';
import {
  bakeStep,
  CREATE,
  CUTOVER,
  DELETE_BASELINE,
  mirrorStep,
  planOf,
  rampStep,
} from '../support/plans.js';

const ramp = (percent: number): Traffic => splitTraffic('blue', 'green', percent);
const APPROVE: Step = { kind: 'approve', withinMs: 60_000, gates: ['errors'] };
const STEPS = [CREATE, mirrorStep(10), rampStep(10), APPROVE, CUTOVER, bakeStep(1_000), DELETE_BASELINE];
const at = (step: Step): number => STEPS.indexOf(step);

function why(stepIndex: number, expected: Traffic, observed: Traffic | null, more: Partial<DriftHold> = {}) {
  const hold: DriftHold = { kind: 'drift', sinceMs: 0, because: '', earlier: null, scaled: [], expected, observed, ...more }; // prettier-ignore
  return whyNotAdopt(planOf('adopt', STEPS), { baseline: 'blue', stepIndex }, hold);
}

describe('what someone else made of the endpoint', () => {
  it.each<[string, string | null]>([
    ['another split while green is compared', why(2, ramp(10), ramp(20))],
    ['fewer instances', why(2, ramp(10), ramp(10), { scaled: [{ deployment: 'blue', from: 4, to: 2 }] })],
    ['thirds', why(2, ramp(10), { live: { blue: 33.3333, green: 66.6666 }, mirror: {} })],
    ['green out of service before its cutover', why(at(APPROVE), ramp(10), ramp(0))],
    ['all traffic on green once nothing is left to compare', why(at(APPROVE), ramp(10), ramp(100))],
  ])('can be gone on from: %s', (_, refusal) => {
    expect(refusal).toBeNull();
  });

  it.each<[string, string | null, RegExp]>([
    ['a deployment that is gone', why(2, ramp(10), null), /is gone/],
    [
      'one without instances',
      why(2, ramp(10), ramp(10), { scaled: [{ deployment: 'green', from: 2, to: 0 }] }),
      /^green has no instance left/,
    ],
    ['a third deployment', why(2, ramp(10), { live: { blue: 50, red: 50 }, mirror: {} }), /not part of this/],
    [
      'a mirror at a third',
      why(2, ramp(10), { live: { blue: 100 }, mirror: { red: 10 } }),
      /not part of this/,
    ],
    ['traffic that is off', why(2, ramp(10), { live: {}, mirror: {} }), /not part of this/],
    ['all traffic on green before it was compared', why(1, ramp(0), ramp(100)), /has yet to be compared/],
    ['all traffic back on blue in the bake', why(5, ramp(100), ramp(0)), /no step is left/],
    ['a part of it back, before blue is deleted', why(6, ramp(100), ramp(50)), /no step is left/],
  ])('cannot: %s', (_, refusal, expected) => {
    expect(refusal).toMatch(expected);
  });
});
