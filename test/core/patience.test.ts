import { describe, expect, it } from 'vitest';

import { nextPatience, patienceOf, unheardAfterMs, type Patience, type RanOut } from '../../core/patience.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** For how long it is asked for, in minutes, each time after one that ended so. */
function asked(first: Patience, ...ends: readonly RanOut[]): readonly number[] {
  const times = [first.ms / MINUTE];
  let patience: Patience | null = first;
  for (const how of ends) {
    patience = nextPatience(patience, how);
    if (patience === null) break;
    times.push(patience.ms / MINUTE);
  }
  return times;
}

describe('what is asked for within an hour', () => {
  it.each<{ because: string; ends: readonly RanOut[]; minutes: readonly number[] }>([
    { because: 'is over after an hour of no', ends: ['refused', 'refused'], minutes: [60] },
    { because: 'is asked for once more where an answer was missed', ends: ['cut-off'], minutes: [60, 5] },
    {
      because: 'is not asked for for ever where it hangs',
      ends: ['cut-off', 'cut-off', 'cut-off'],
      minutes: [60, 5],
    },
    {
      because: 'has all of its time yet where nobody was there, however often',
      ends: ['unheard', 'unheard', 'unheard', 'refused', 'refused'],
      minutes: [60, 60, 60, 60],
    },
    {
      because: 'loses no last time to an outage of workers',
      ends: ['cut-off', 'unheard', 'unheard', 'cut-off', 'unheard'],
      minutes: [60, 5, 5, 5],
    },
  ])('$because', ({ ends, minutes }) => {
    expect(asked(patienceOf(HOUR, false), ...ends)).toEqual(minutes);
  });

  it.each<RanOut>(['refused', 'cut-off', 'unheard'])(
    'is told after two minutes that are not lost, however they ended: %s',
    (how) => {
      expect(asked(patienceOf(HOUR, true), how, 'refused')).toEqual([2, 58]);
    },
  );
});

it('what is asked for for less than five minutes is told half-way, and asked for no longer the last time', () => {
  expect(asked(patienceOf(MINUTE, true), 'cut-off', 'cut-off', 'cut-off')).toEqual([0.5, 0.5, 1]);
});

it.each([
  [HOUR, 5 * MINUTE],
  [2 * MINUTE, MINUTE],
])('what is asked for within %i ms is known to be asked of nobody after %i ms', (withinMs, unheardMs) => {
  expect(unheardAfterMs(withinMs)).toBe(unheardMs);
});
