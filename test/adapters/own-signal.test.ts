import { getEventListeners } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { withOwnSignal } from '../../adapters/own-signal.js';

describe('a signal of one piece of work', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is aborted with the signal that it follows, for the same reason', async () => {
    const outer = new AbortController();
    const reason = await withOwnSignal({ signal: outer.signal }, (own) => {
      outer.abort('enough');
      return Promise.resolve(own.reason as unknown);
    });

    expect(reason).toBe('enough');
    const late = await withOwnSignal({ signal: outer.signal }, (own) => Promise.resolve(own.aborted));
    expect(late).toBe(true);
  });

  it('leaves nothing with the signal that it follows', async () => {
    const outer = new AbortController();
    await withOwnSignal({ signal: outer.signal }, () => Promise.resolve());
    await withOwnSignal({ signal: outer.signal }, () => Promise.reject(new Error('failed'))).catch(
      () => undefined,
    );

    expect(getEventListeners(outer.signal, 'abort')).toEqual([]);
  });

  it('is aborted when its time is up, also where there is none to follow', async () => {
    vi.useFakeTimers();
    const reason = await withOwnSignal({ signal: undefined, withinMs: 1_000 }, (own) => {
      vi.advanceTimersByTime(999);
      expect(own.aborted).toBe(false);
      vi.advanceTimersByTime(1);
      return Promise.resolve(own.reason as unknown);
    });

    expect(reason).toMatchObject({ name: 'TimeoutError' });
    await withOwnSignal({ signal: undefined, withinMs: 1_000 }, () => Promise.resolve());
    expect(vi.getTimerCount()).toBe(0);
  });
});
