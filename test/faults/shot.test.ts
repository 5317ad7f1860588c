import { expect, it } from 'vitest';
import { type Moment, Shot } from './shot.js';

const EVENTS = ['a', 'b', 'a', 'a'].map((what, i) => ({ id: i + 1, what, atMs: i }));

/** The events that were seen when it fired. */
async function firedAt(moment: Moment, waitMs = 0): Promise<readonly number[]> {
  const fired: number[] = [];
  let seen = 0;
  const shot = new Shot(moment, () => fired.push(seen));
  for (const event of EVENTS) {
    seen = event.id;
    shot.see(event);
  }
  if (waitMs > 0) await expect.poll(() => fired.length, { timeout: waitMs }).toBeGreaterThan(0);
  await shot.end();
  return fired;
}

it.each<[string, Moment, readonly number[]]>([
  ['a length of the history', { at: 2 }, [2]],
  ['the second event of a kind', { at: { what: 'a', nth: 2 } }, [3]],
  ['a length that it never gets', { at: 5 }, []],
  ['an event that does not come', { at: { what: 'a', nth: 4 } }, []],
  ['a moment that comes after its end', { at: 2, afterMs: 60_000 }, []],
])('a shot at %s', async (_, moment, fired) => {
  expect(await firedAt(moment)).toEqual(fired);
});

it('a shot in the middle of something comes so long after its event', async () => {
  expect(await firedAt({ at: 2, afterMs: 1 }, 10_000)).toEqual([4]);
});
