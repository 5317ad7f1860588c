import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { registerUndo, unwindOrder, type Undo } from '../../core/undo.js';

const restore = (blue: number): Undo => ({
  kind: 'restore-traffic',
  traffic: { live: { blue, green: 100 - blue }, mirror: {} },
});
const remove = (deployment: string): Undo => ({ kind: 'delete-deployment', deployment });

describe('undo', () => {
  it('returns to what was there before the first change, not before the last', () => {
    const undos = [restore(100), restore(90), restore(75)].reduce<readonly Undo[]>(registerUndo, []);

    expect(undos).toEqual([restore(100)]);
  });

  it('puts traffic back before it deletes anything, whatever was registered first', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([restore(100), remove('green'), remove('red')]), (undos) => {
        const order = unwindOrder(undos).map((u) => u.kind);
        expect([...order].sort().reverse()).toEqual(order);
        expect(order).toHaveLength(undos.length);
      }),
    );
  });

  it('registered twice is done once', () => {
    const undos = [remove('green'), remove('green'), restore(100), remove('green')];

    expect(undos.reduce<readonly Undo[]>(registerUndo, [])).toEqual([remove('green'), restore(100)]);
  });

  it('takes a minimum back from each number that it may be held at', () => {
    const heldAt = (from: number): Undo => ({
      kind: 'restore-minimum',
      deployment: 'blue',
      minimum: { from, to: 1 },
    });
    const undos = [heldAt(3), heldAt(9), heldAt(3)];

    expect(undos.reduce<readonly Undo[]>(registerUndo, [])).toEqual([heldAt(3), heldAt(9)]);
  });

  it('puts traffic first, unless where it goes has no instance left', () => {
    const traffic: Undo = { kind: 'restore-traffic', traffic: { live: { blue: 100 }, mirror: {} } };
    const instances = (first: boolean): Undo => ({
      kind: 'restore-instances',
      deployment: 'blue',
      instances: 4,
      first,
    });

    expect(unwindOrder([traffic, instances(false)])).toEqual([traffic, instances(false)]);
    expect(unwindOrder([traffic, instances(true)])).toEqual([instances(true), traffic]);
  });
});
