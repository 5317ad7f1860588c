import { describe, expect, it } from 'vitest';

import { answered, missedIn, owedIn, rescaled, settledFor, unrestored } from '../../core/instances-owed.js';
import type { RestoreInstances, Undo } from '../../core/undo.js';

const traffic: Undo = { kind: 'restore-traffic', traffic: { live: { blue: 100 }, mirror: {} } };
const misses = (instances: number, more: Partial<RestoreInstances> = {}): RestoreInstances => ({
  kind: 'restore-instances',
  deployment: 'blue',
  instances,
  first: false,
  ...more,
});
const scaledDown = (from: number, to: number) => ({ deployment: 'blue', from, to });

describe('what the baseline is owed', () => {
  it.each<[string, readonly Undo[], ReturnType<typeof scaledDown> | undefined, readonly Undo[]]>([
    ['is nothing where nobody has scaled it', [traffic], undefined, [traffic]],
    ['is what it had', [traffic], scaledDown(4, 2), [traffic, misses(4)]],
    [
      'comes before its traffic where none is left',
      [traffic],
      scaledDown(4, 0),
      [traffic, misses(4, { first: true })],
    ],
    ['is nothing any more where it has them again by name', [traffic, misses(4)], undefined, [traffic]],
    [
      'stays where none was seen to answer',
      [misses(4, { first: true })],
      undefined,
      [misses(4, { first: true })],
    ],
    [
      'stays where a restore failed',
      [misses(4, { unrestored: true })],
      undefined,
      [misses(4, { unrestored: true })],
    ],
    [
      'is still to be seen where some are wanted again',
      [misses(4, { first: true })],
      scaledDown(4, 2),
      [misses(4, { first: true })],
    ],
    ['is the last number that the rollout knew it to have', [misses(4)], scaledDown(3, 1), [misses(3)]],
    [
      'remembers a restore that failed',
      [misses(4, { unrestored: true })],
      scaledDown(4, 0),
      [misses(4, { unrestored: true, first: true })],
    ],
  ])('%s', (_, undos, found, expected) => {
    expect(rescaled(undos, found)).toEqual(expected);
  });

  it('is told only where a look cannot tell that it has them', () => {
    expect(owedIn([misses(4)])).toBeUndefined();
    expect(missedIn([misses(4)])).toEqual(misses(4));
    expect(owedIn([misses(4, { first: true })])).toEqual(misses(4, { first: true }));
    expect(owedIn(unrestored([misses(4)]))).toEqual(misses(4, { unrestored: true }));
  });

  it('is nothing once they were seen to answer', () => {
    expect(answered([traffic, misses(4, { first: true, unrestored: true })])).toEqual([traffic]);
  });

  it('is what was adopted, where none was seen to answer', () => {
    expect(settledFor([traffic, misses(4)], 2)).toEqual([traffic]);
    expect(settledFor([traffic, misses(4, { first: true })], 2)).toEqual([
      traffic,
      misses(2, { first: true }),
    ]);
  });
});
