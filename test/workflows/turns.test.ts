import { describe, expect, it } from 'vitest';

import { afterTurns, givesWay, lookMs } from '../../workflows/turns.js';

/** How often something that never gets done is asked for, and how long that takes. */
function turnsOf(withinMs: number, againInMs: number) {
  let [asked, passedMs, leftMs] = [0, 0, withinMs];
  for (;;) {
    asked += 1;
    const { givesWayAfterMs } = givesWay(leftMs);
    if (givesWayAfterMs === undefined) return { asked, lastMs: leftMs, passedMs: passedMs + leftMs };
    const forMs = lookMs(leftMs, { againInMs });
    passedMs += givesWayAfterMs + forMs;
    leftMs = afterTurns(leftMs, forMs);
  }
}

describe('what is asked for in turns with looks at green', () => {
  it.each([
    [1_800_000, 0, 60, 30_000],
    [1_800_000, 60_000, 25, 15_000],
    [1_800_000, 3_600_000, 2, 15_000],
    [600_000, 0, 20, 30_000],
    [10_000, 0, 1, 10_000],
  ])(
    'takes the %i ms that there are, its last turn to its end, where the target wants to be left for %i ms',
    (withinMs, againInMs, asked, lastMs) => {
      expect(turnsOf(withinMs, againInMs)).toEqual({ asked, lastMs, passedMs: withinMs });
    },
  );
});
