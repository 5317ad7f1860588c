import { expect, it } from 'vitest';
import { BackOff } from '../../../host/serving/back-off.js';

it('starts the first replacement at once, and waits ever longer up to 10 s', () => {
  const backOff = new BackOff();
  let now = 1_000_000;
  const waits = Array.from({ length: 10 }, () => {
    const wait = backOff.ended(now);
    now += wait + 500;
    return wait;
  });

  expect(waits).toEqual([0, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000, 10_000]);
});

it('lets nothing start before the wait is over', () => {
  const backOff = new BackOff();
  expect(backOff.mayStart(0)).toBe(true);
  backOff.ended(1_000);
  backOff.ended(1_000);

  expect([1_000, 1_199, 1_200].map((now) => backOff.mayStart(now))).toEqual([false, false, true]);
});

it('begins anew after half a minute in which nothing ended, counted from when it might start again', () => {
  const backOff = new BackOff();
  for (let n = 0; n < 8; n++) backOff.ended(1_000); // the last with a wait of 10 s

  expect(backOff.ended(41_000)).toBe(10_000);
  expect(backOff.ended(81_001)).toBe(0);
});
