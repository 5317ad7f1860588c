import { describe, expect, it } from 'vitest';

import { afterTurn, givesWay } from '../../workflows/turns.js';

/** How often something that never gets done is asked for, and how long that takes. */
function turnsOf(withinMs: number, againInMs: number, askedMs: number) {
  let [asked, passedMs, leftMs] = [0, 0, withinMs];
  for (;;) {
    asked += 1;
    const { givesWayAfterMs } = givesWay(leftMs);
    if (givesWayAfterMs === undefined) return { asked, lastMs: leftMs, passedMs: passedMs + leftMs };
    const after = afterTurn(leftMs, { askedMs, againInMs });
    passedMs += askedMs + after.lookMs;
    leftMs = after.leftMs;
  }
}

describe('what is asked for in turns with looks at green', () => {
  it.each([
    [1_800_000, 0, 15_000, 60, 30_000],
    [1_800_000, 0, 10_000, 72, 25_000],
    // A target that asks for 15 s and more is asked but once in each turn.
    [1_800_000, 15_000, 0, 119, 30_000],
    [1_800_000, 60_000, 0, 31, 30_000],
    [1_800_000, 3_600_000, 15_000, 3, 15_000],
    [600_000, 0, 15_000, 20, 30_000],
    [10_000, 0, 15_000, 1, 10_000],
  ])(
    'takes the %i ms that there are, its last turn to its end, where the target wants to be left for %i ms and is asked for %i',
    (withinMs, againInMs, askedMs, asked, lastMs) => {
      expect(turnsOf(withinMs, againInMs, askedMs)).toEqual({ asked, lastMs, passedMs: withinMs });
    },
  );
});
