import { getEventListeners } from 'node:events';
import { ServiceError } from '@temporalio/client';
import { expect, it, vi } from 'vitest';
import type { Session } from '../../client/temporal.js';
import { throughOutages } from '../../client/through-outages.js';

it('keeps no call of a day for as long as it waits, and tells no outage', async (test) => {
  vi.useFakeTimers();
  test.onTestFinished(() => void vi.useRealTimers());
  const { signal: over } = new AbortController();
  const signals = new Set<AbortSignal>();
  const client = {
    withAbortSignal(signal: AbortSignal, work: () => unknown) {
      signals.add(signal);
      return work();
    },
  };
  const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;
  /** As the client's: a call that waits for twenty seconds, and the next one. */
  let calls = 0;
  async function result(): Promise<string> {
    const signal = [...signals].at(-1)!;
    while (calls++ < 24 * 180) {
      await new Promise<void>((resolve, reject) => {
        signal.addEventListener('abort', () => reject(Object.assign(new Error('cancelled'), { code: 1 })));
        setTimeout(resolve, 20_000);
      });
    }
    return 'promoted';
  }
  const away = vi.fn();

  const waiting = throughOutages({ client } as unknown as Session, result, { over, away, afterwards: '' });
  const most: number[] = [];
  for (let hour = 1; hour <= 25; hour++) {
    await vi.advanceTimersByTimeAsync(3_600_000);
    most.push(listeners(over));
  }

  expect(await waiting).toBe('promoted');
  expect(Math.max(...most, ...[...signals].map(listeners))).toBeLessThan(200);
  expect(away).not.toHaveBeenCalled();
});

const CLIENT = { withAbortSignal: (_signal: AbortSignal, work: () => unknown) => work() };
const SESSION = { client: CLIENT, place: { address: 'temporal:7233' } } as unknown as Session;

/** As Temporal's client throws it once it has tried ten times. */
const said = (code: number) =>
  new ServiceError('Failed to get the history', { cause: Object.assign(new Error('no'), { code }) });

it.each([
  ['is away', 14],
  ['is over its limit of requests', 8],
  ['fails without saying of what', 2],
])('asks on where Temporal %s, and tells it once', async (_, code) => {
  const { signal: over } = new AbortController();
  const ask = vi.fn<() => Promise<string>>().mockResolvedValue('promoted');
  for (let nth = 0; nth < 2; nth++) ask.mockRejectedValueOnce(said(code));
  const away = vi.fn();

  expect(await throughOutages(SESSION, ask, { over, away, afterwards: '' })).toBe('promoted');
  expect(away).toHaveBeenCalledTimes(1);
});

it('takes any other no for an answer', async () => {
  const { signal: over } = new AbortController();
  const no = said(7);

  const asking = throughOutages(SESSION, () => Promise.reject(no), { over, away: vi.fn(), afterwards: '' });

  await expect(asking).rejects.toBe(no);
});
