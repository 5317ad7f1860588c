import { EventEmitter } from 'node:events';
import { expect, it, vi } from 'vitest';
import { stopOf } from '../../cli/stop.js';

it.each(['SIGINT', 'SIGTERM'])(
  'takes %s as the wish to stop, and lets a second one end the program',
  async (signal) => {
    const process = new EventEmitter();

    const stop = stopOf(process, () => undefined)();
    const { aborted: before } = stop;
    // As ink and locks do, which end the program where nobody else hears it.
    let beside = 0;
    process.once(signal, () => {
      beside = process.listenerCount(signal);
    });
    process.emit(signal);
    await Promise.resolve();

    expect(beside, 'still heard').toBe(1);
    expect([before, stop.aborted]).toEqual([false, true]);
    expect(process.eventNames(), 'what nobody hears ends the program').toEqual([]);
  },
);

it('is known to who begins to wait when it has come already', () => {
  const process = new EventEmitter();
  const waits = vi.fn();
  const stop = stopOf(process, waits);

  stop();
  process.emit('SIGINT');

  expect(stop().aborted).toBe(true);
  expect(waits).toHaveBeenCalledTimes(1);
});

it('hears nothing for a command that never waits', () => {
  const process = new EventEmitter();

  stopOf(process, () => undefined);

  expect(process.eventNames()).toEqual([]);
});
