import { describe, expect, it } from 'vitest';
import {
  advance,
  explain,
  gateEvidence,
  initialState,
  signalInWords,
  type Look,
  type LookResult,
  type MachineConfig,
  type Signal,
} from '../../../core/gates/index.js';
import { oneIn, seconds } from '../../../core/gates/words.js';
import { arm, config, errorsMetric, GUARD, look } from './streams.js';

const SETUP = config([GUARD, errorsMetric({ weight: 0.84 })], {
  minDurationSec: 60,
  deadlineSec: 600,
  warmupSec: 10,
});

function tell(
  looks: readonly Look[],
  setup: MachineConfig = SETUP,
  signals: readonly Signal[] = [],
  mode: 'judge' | 'guard' = 'judge',
) {
  let state = initialState(setup);
  let result: LookResult | null = null;
  for (const each of looks) {
    const step = advance(setup, state, each, { mode });
    state = step.state;
    result = step.result;
    if (result.decision !== 'continue') break;
  }
  return {
    result,
    text: explain({ config: setup, state, result, signals, mode, blue: 'blue', green: 'green' }),
    evidence: result === null ? [] : gateEvidence(setup, state, result, 'blue'),
  };
}

const times = (n: number, each: Look): Look[] => new Array<Look>(n).fill(each);
const FINE = look([1, 900], [0, 100]);

describe('a verdict in one sentence', () => {
  it('of a breach: what both arms did, and how rarely a healthy green does that', () => {
    expect(tell(times(20, look([1, 900], [9, 100]))).text).toMatch(
      /^green answered 45 of 500 with an error, blue 5 of 4,500; a healthy green \(at most 0.5 pp more than blue\) does worse than this less than once in [1-9]0*(,000)* \(gate errors\)$/,
    );
  });

  it('of a crash', () => {
    expect(tell(times(20, look([1, 900], [100, 100]))).text).toMatch(
      /^green answered 500 of 500 with an error, blue 5 of 4,500; a green that answers at least half of its requests does worse than this less than once in .* \(gate crash-guard\)$/,
    );
  });

  it('of a pass: what is proven, how sure that is, and what is allowed', () => {
    expect(tell(times(60, FINE)).text).toMatch(
      /^errors proven: green answered 0 of [\d,]+ with an error, blue [\d,]+ of [\d,]+ \(the difference is at most 0\.\d+ pp, 95% sure; 0\.5 pp is allowed\)$/,
    );
  });

  it('of no decision yet: the gate that is furthest from proven, and between which bounds the truth lies', () => {
    expect(tell(times(6, FINE)).text).toMatch(
      /^gate errors is open: green answered 0 of 400 with an error, blue 4 of 3,600; the difference lies between -?[\d.]+ pp and [\d.]+ pp, 0\.5 pp is allowed$/,
    );
  });

  it('of no decision at the deadline', () => {
    expect(tell(times(120, look([0, 9], [0, 1]))).text).toMatch(
      /^no decision after 10 min: gate errors is open: green answered 0 of 118 with an error/,
    );
  });

  it('of an absolute limit', () => {
    const slo = config([errorsMetric({ r: 0, delta: 0.01 })]);
    expect(tell(times(1, look([0, 0], [1, 200])), slo).text).toMatch(
      /^gate errors is open: green answered 1 of 200 with an error; the true share lies between 0\.0012% and [\d.]+%, 1% is allowed$/,
    );
  });

  it('of a latency gate: each arm at its own edge', () => {
    const setup = config(
      [
        errorsMetric({
          name: 'p95',
          source: 'latency',
          delta: 0,
          breachEdge: { blue: 0, green: 1 },
          passEdge: { blue: 0, green: 1 },
          asks: 'p95 at most 10% slower than the baseline',
        }),
      ],
      { edgesMs: [250, 275] },
    );
    const slow: Look = {
      dtSec: 5,
      blue: arm(900, 0, [855, 870, 900]),
      green: arm(100, 0, [70, 75, 100]),
      status: { blue: 'ok', green: 'ok' },
    };

    expect(tell(times(30, slow), setup).text).toMatch(
      /^green answered \d+ of [\d,]+ slower than 275 ms, blue \d+ of [\d,]+ slower than 250 ms; a healthy green \(p95 at most 10% slower than the baseline\) does worse than this less than once in/,
    );
  });

  it('before there is anything to say', () => {
    expect(tell([]).text).toBe('no look yet: the metrics have to be read twice before they count');
    expect(tell([FINE]).text).toBe(
      'warming up: green is judged after 10 s, until then only by the crash guard',
    );
    expect(tell(times(40, look([0, 0], [0, 0]))).text).toBe(
      'gate errors has seen no request of green yet: nothing proves nothing',
    );
    const quick = config([errorsMetric({ delta: 0.5 })], { minDurationSec: 600 });
    expect(tell(times(40, FINE), quick).text).toBe(
      'all gates are content after 200 s; the step lasts at least 10 min'.replace('200 s', seconds(200)),
    );
  });

  it('of warm-up: that green is not judged yet, also where a look is a little late', () => {
    const late = { ...FINE, dtSec: 5.1 };
    expect(tell([late, late]).text).toBe(
      'warming up: green is judged from the next look on, so far only by the crash guard',
    );
    expect(tell([late, late]).evidence.map(({ standing }) => standing)).toEqual(['open', 'warming-up']);
    expect(tell([late, late, late]).text).toMatch(
      /^gate errors is open: green answered 0 of 100 with an error/,
    );
  });

  it('of a guard: nothing is waited for, and what speaks most against green is told', () => {
    expect(tell(times(6, FINE), SETUP, [], 'guard').text).toBe(
      'guarding: nothing speaks against green so far; green answered 0 of 400 with an error, blue 4 of 3,600 (gate errors)',
    );
    expect(tell(times(6, look([0, 0], [0, 0])), SETUP, [], 'guard').text).toBe(
      'guarding green, which has had no request yet',
    );
    expect(tell([FINE], SETUP, [], 'guard').text).toMatch(/^warming up/);
    expect(tell([...times(3, FINE), ...times(3, look([1, 900], [5, 100]))], SETUP, [], 'guard').text).toMatch(
      /suspicious \(gate errors\), not yet enough to roll back$/,
    );
  });

  it('of gates that are content while something else holds a pass back', () => {
    const quick = config([errorsMetric({ delta: 0.5 })], { minDurationSec: 600 });
    const signal = { kind: 'starved', expected: 60, got: 5, windowSec: 60, waiting: null } as const;
    expect(tell(times(10, FINE), quick, [signal]).text).toBe(
      'green completed 5 requests in 60 s where its share is 60: requests may be hanging, or not reach it; ' +
        'all gates are content, and none passes while that lasts',
    );
  });

  it('of a step without a required gate', () => {
    const guards = config([GUARD], { minDurationSec: 60 });
    expect(tell(times(12, FINE), guards).text).toBe(
      'nothing speaks against green after 60 s, and no gate of this step has to be proven',
    );
  });

  it('of a gate that lacks a baseline: why it cannot be judged, not that nothing was seen', () => {
    const setup = config([errorsMetric({ name: 'p95', source: 'latency', delta: 0 })]);
    const { state, result } = advance(setup, initialState(setup), FINE);
    const pending = [
      { gate: 'p95', kind: 'too-little-baseline', message: 'Gate p95: the baseline has 3 requests' },
    ] as const;
    const text = explain({
      config: setup,
      state,
      result,
      signals: [],
      pending,
      blue: 'blue',
      green: 'green',
    });
    expect(text).toBe('Gate p95: the baseline has 3 requests');
  });

  it('of suspicion', () => {
    const { text, result } = tell([...times(3, FINE), ...times(3, look([1, 900], [5, 100]))]);
    expect(result?.decision).toBe('continue');
    expect(text).toMatch(/suspicious \(gate errors\), not yet enough to roll back$/);
  });

  it('begins with what the counters do not say', () => {
    const { text } = tell(times(6, FINE), SETUP, [{ kind: 'missing', arm: 'blue', forSec: 45 }]);
    expect(text).toMatch(/^no usable metrics of blue for 45 s; gate errors is open/);
  });

  it.each([
    [
      { kind: 'starved', expected: 100, got: 12, windowSec: 60, waiting: 7 },
      'green completed 12 requests in 60 s where its share is 100, 7 are waiting for an answer: requests may be hanging, or not reach it',
    ],
    [
      { kind: 'dead-mirror', expected: 60, windowSec: 60 },
      'the mirror delivers nothing: green should have had 60 copies in 60 s, and not one arrived',
    ],
    [{ kind: 'stale', ageSec: 61 }, 'the newest metrics are 61 s old'],
    [{ kind: 'stale', ageSec: Infinity }, 'the metric source does not answer'],
    [
      { kind: 'restarting', count: 3, windowSec: 120 },
      "green's counters started anew 3 times in 2 min: it keeps restarting",
    ],
  ] as const)('has words for every signal: %o', (signal, text) => {
    expect(signalInWords(signal, 'blue', 'green')).toBe(text);
  });

  it('rounds chances so that they never sound better than they are', () => {
    expect(oneIn(Math.log(12_345))).toBe('10,000');
    expect(oneIn(Math.log(9_999))).toBe('9,000');
    expect(oneIn(Math.log(100))).toBe('100');
    expect(oneIn(500)).toBe('1,000,000,000');
  });
});

describe('the evidence of a gate', () => {
  it('stands for how far it is on the way to either decision', () => {
    const early = tell(times(8, FINE)).evidence[1];
    const late = tell(times(14, FINE)).evidence[1];

    expect(early).toMatchObject({ gate: 'errors', role: 'required', standing: 'open', towardBreach: 0 });
    expect(early?.green).toEqual({ bad: 0, requests: 600 });
    expect(early?.blue).toEqual({ bad: 6, requests: 5400 });
    expect(early?.towardPass).toBeGreaterThan(0);
    expect(late?.towardPass).toBeGreaterThan(early?.towardPass ?? 1);
    expect(tell(times(60, FINE)).evidence[1]).toMatchObject({ standing: 'proven', towardPass: 1 });
  });

  it.each`
    standing        | looks
    ${'warming-up'} | ${[FINE]}
    ${'breach'}     | ${times(20, look([1, 900], [20, 100]))}
    ${'suspicious'} | ${[...times(3, FINE), ...times(3, look([1, 900], [5, 100]))]}
  `('says $standing', ({ standing, looks }) => {
    expect(tell(looks as Look[]).evidence[1]?.standing).toBe(standing);
  });

  it('says idle of a gate that the step does not listen to, and survives JSON', () => {
    const setup = config([GUARD, errorsMetric({ weight: 0.84, paused: true })]);
    const { evidence } = tell(times(3, FINE), setup);
    expect(evidence[1]?.standing).toBe('idle');
    expect(JSON.parse(JSON.stringify(evidence))).toEqual(evidence);
  });
});
