import { ActivityCancellationDetails } from '@temporalio/common';
import { describe, expect, it, vi } from 'vitest';

import { unlessBusy, type Told } from '../../activities/unless-busy.js';
import { PortError } from '../../adapters/ports.js';
import { FailureType } from '../../core/failures.js';
import { activityEnvironment } from '../support/activity-environment.js';

vi.mock('node:timers/promises', () => import('../support/quick-sleep.js'));

const WITHIN_MS = 15_000;

const throttled = (retryAfterMs?: number) =>
  new PortError('another operation is running', {
    kind: 'throttled',
    code: 'Conflict',
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
const away = new PortError('away', { kind: 'transient', code: 'Unavailable' });

async function run(ask: (told: Told) => Promise<unknown>): Promise<unknown> {
  return activityEnvironment()
    .run(() => unlessBusy(WITHIN_MS, ask))
    .catch((err: unknown) => err);
}

describe('what is asked of a target', () => {
  it.each([
    ['no time', undefined, 5, 0, 11_000],
    ['5 s', 5_000, 3, 5_000, 10_000],
    ['60 s', 60_000, 1, 60_000, 0],
  ])(
    'gives way after 15 s where it refuses all that is sent, and names %s',
    async (_, retryAfterMs, asked, againInMs, askedMs) => {
      let times = 0;

      const failure = await run(({ confirm }) => {
        times += 1;
        confirm();
        return Promise.reject(throttled(retryAfterMs));
      });

      expect(failure).toMatchObject({
        type: FailureType.NotYet,
        nonRetryable: true,
        message: 'another operation is running',
        details: [{ againInMs, askedMs: expect.closeTo(askedMs, -3) as number }],
      });
      expect(times).toBe(asked);
    },
  );

  it('gives way where it is away before anything is sent', async () => {
    expect(await run(() => Promise.reject(away))).toMatchObject({ type: FailureType.NotYet });
  });

  it('gives way where its worker stops, since the next attempt cannot know that nothing is under way', async () => {
    const activity = activityEnvironment();
    const stops = (): Promise<unknown> => {
      activity.cancel('WORKER_SHUTDOWN', new ActivityCancellationDetails({ workerShutdown: true }));
      return Promise.reject(throttled());
    };

    const failure = await activity.run(() => unlessBusy(WITHIN_MS, stops)).catch((err: unknown) => err);

    expect(failure).toMatchObject({ type: FailureType.NotYet });
  });

  it('is answered where it is taken in time', async () => {
    let times = 0;

    const answer = await run(() => (++times < 3 ? Promise.reject(throttled()) : Promise.resolve('taken')));

    expect(answer).toBe('taken');
  });

  it('is not asked again here where it may have been taken', async () => {
    const lost = await run(({ confirm }) => {
      confirm();
      return Promise.reject(away);
    });
    const busy = throttled();
    const followed = await run(({ confirm, taken }) => {
      confirm();
      taken();
      return Promise.reject(busy);
    });

    expect([lost, followed]).toEqual([away, busy]);
  });
});
