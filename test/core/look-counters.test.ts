import { describe, expect, it } from 'vitest';

import { enterStep, look } from '../../core/look.js';
import type { Counters } from '../../core/metrics.js';
import type { WatchInput, WatchMemory } from '../../core/watch.js';
import { counters, input, snapshot } from './looks.js';

describe('what the counters alone do not say', () => {
  /** Looks a second apart for 70 s; green's counters are what is given for that second. */
  function watchGreen(given: WatchInput, green: (s: number) => Counters, seconds = 70) {
    let memory = enterStep(given, 0);
    let looked = look(given, memory, snapshot(0, counters(0), green(0), given.kind), 0);
    for (let s = 1; s <= seconds && looked.verdict === 'window-over'; s++) {
      memory = looked.memory;
      looked = look(given, memory, snapshot(s * 1000, counters(900 * s), green(s), given.kind), s * 1000);
    }
    return looked;
  }
  const long = { dwell: { atLeastMs: 65_000, atMostMs: 300_000 } };

  it('a green whose requests hang does not pass, and it is said so with numbers', () => {
    const hangs = (s: number): Counters => ({ ...counters(40 * s), active: 60 * s });

    const { verdict, sentence } = watchGreen(input(long), hangs);

    expect(verdict).toBe('window-over');
    expect(sentence).toBe(
      'green completed 2,400 requests in 60 s where its share is 6,000, 4,200 are waiting for an answer: requests ' +
        'may be hanging, or not reach it; all gates are content, and none passes while that lasts',
    );
  });

  it('is undecided over it when the time is over, never good', () => {
    const { verdict, sentence } = watchGreen(input({ dwell: { atLeastMs: 65_000, atMostMs: 68_000 } }), (s) =>
      counters(40 * s),
    );

    expect(verdict).toBe('undecided');
    expect(sentence).toMatch(/^green completed 2,400 requests in 60 s .*; no decision after 68 s: /);
  });

  it('a mirror that delivers nothing is called that', () => {
    const mirror = input({
      ...long,
      kind: 'mirror',
      expected: { live: { blue: 100 }, mirror: { green: 10 } },
    });

    const { verdict, sentence } = watchGreen(mirror, () => counters(0));

    expect(verdict).toBe('window-over');
    expect(sentence).toBe(
      'the mirror delivers nothing: green should have had 5,400 copies in 60 s, and not one arrived; ' +
        'gate errors has seen no request of green yet: nothing proves nothing',
    );
  });

  it('a mirror whose copies hang is not a dead one', () => {
    const mirror = input({
      ...long,
      kind: 'mirror',
      expected: { live: { blue: 100 }, mirror: { green: 10 } },
    });

    const { sentence } = watchGreen(mirror, (s) => ({ ...counters(0), active: 90 * s }));

    expect(sentence).toMatch(
      /^green completed 0 requests in 60 s where its share is 5,400, 6,300 are waiting for an answer/,
    );
  });

  it('a green whose counters keep starting anew is rolled back for that', () => {
    const { verdict, sentence } = watchGreen(input(long), (s) => counters(100 * (s % 10)));

    expect(verdict).toBe('breach');
    expect(sentence).toBe("green's counters started anew 3 times in 20 s: it keeps restarting");
  });

  it('also where it does so once a step', () => {
    let memory: WatchMemory | null = null;
    const verdicts: string[] = [];
    for (let s = 0; s <= 35 && verdicts.at(-1) !== 'breach'; s++) {
      const given = input({ ...long, stepIndex: Math.floor((s + 5) / 10), memory });
      const entered = enterStep(given, s * 1000);
      const looked = look(
        given,
        entered,
        snapshot(s * 1000, counters(1000 * s), counters(100 * (s % 10))),
        s * 1000,
      );
      ({ memory } = looked);
      verdicts.push(looked.verdict);
    }

    expect(verdicts.at(-1)).toBe('breach');
  });
});
