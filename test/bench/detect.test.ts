import { describe, expect, it } from 'vitest';
import { FAULTS } from '../../bench/detect/faults.js';
import { peerSeconds, PEERS, stretches } from '../../bench/detect/peers.js';
import type { Trial } from '../../bench/detect/trial.js';
import type { Answer } from '../../demo/load.js';

const SECOND = 1000;

/** Green is well for a minute and ill for 20 s: ten requests a second, a tenth of them green's. */
function trial(green: Partial<Answer>): Trial {
  const answers = Array.from({ length: 800 }, (_, i): Answer => {
    const atMs = i * 100;
    const isGreen = i % 10 === 0;
    return {
      atMs,
      latencyMs: 100,
      status: 200,
      deployment: isGreen ? 'green' : 'blue',
      version: 'bench',
      ...(isGreen && atMs >= 60 * SECOND ? green : {}),
    };
  });
  const times = { watchedFromMs: 0, illFromMs: 60 * SECOND, firstBadMs: 60 * SECOND };
  const [fault] = FAULTS;
  if (fault === undefined) throw new Error('there are faults');
  return { fault, share: 10, ...times, verdictMs: 80 * SECOND, backMs: 81 * SECOND, sentence: '', answers };
}

const byName = (of: Trial) => Object.fromEntries(peerSeconds(of).map((sec, i) => [PEERS[i]?.rule.name, sec]));

describe('what peers would have needed', () => {
  it('counts from the fault, over an ill stretch that is repeated until they decide', () => {
    expect(byName(trial({ status: 500, version: null }))).toEqual({
      'Argo, 5 min × 4': 4 * 300 - 60,
      'Argo, 1 min × 4': 240,
      'Flagger, 1 min × 10': 660,
      'Flagger, 10 s × 3': 40,
      'CloudWatch alarm': 60,
    });
  });

  it('is never for a fault under their limits', () => {
    expect(Object.values(byName(trial({ latencyMs: 450 })))).toEqual(PEERS.map(() => null));
  });

  it('an alarm over both fleets does not see what a tenth of the requests does', () => {
    const slow = byName(trial({ latencyMs: 900 }));
    expect(slow['CloudWatch alarm']).toBeNull();
    expect(slow['Flagger, 10 s × 3']).toBe(40);
  });
});

describe('stretches', () => {
  it.each([
    ['before the fault', [0, 5], [[0, 5]]],
    [
      'over its beginning',
      [8, 12],
      [
        [8, 10],
        [10, 12],
      ],
    ],
    ['past the recorded end', [16, 18], [[11, 13]]],
    [
      'over a repetition',
      [13, 17],
      [
        [13, 15],
        [10, 12],
      ],
    ],
    [
      'over several repetitions',
      [10, 21],
      [
        [10, 15],
        [10, 15],
        [10, 11],
      ],
    ],
  ] as const)('%s', (_, [from, to], wanted) => {
    expect(stretches(from, to, 10, 5)).toEqual(wanted);
  });
});
