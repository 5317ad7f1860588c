import { CancelledFailure } from '@temporalio/common';
import { cancellationSignal } from '@temporalio/activity';
import { getEventListeners } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { setTraffic } from '../../activities/set-traffic.js';
import { smoke } from '../../activities/smoke.js';
import { beatingSleep, beats, poll } from '../../activities/poll.js';
import { PortError } from '../../adapters/ports.js';
import { machineSecrets } from '../../adapters/secrets.js';
import { activityEnvironment } from '../support/activity-environment.js';

describe('a pause in an activity', () => {
  it('leaves no listener with the activity once it is over', async () => {
    const left = await activityEnvironment().run(async () => {
      for (let i = 0; i < 5; i++) await beatingSleep(1);
      return getEventListeners(cancellationSignal(), 'abort').length;
    });

    expect(left).toBe(0);
  });

  it('ends with the cancellation itself', async () => {
    const activity = activityEnvironment();
    const sleeping = activity.run(() => beatingSleep(60_000));
    activity.cancel('NOT_FOUND');

    await expect(sleeping).rejects.toBeInstanceOf(CancelledFailure);
  });

  it('ends a poll too, whatever the call under way throws', async () => {
    const activity = activityEnvironment();
    const polling = activity.run(() =>
      poll(() => {
        activity.cancel('NOT_FOUND');
        return Promise.reject(new Error('cut off'));
      }, 60_000),
    );

    await expect(polling).rejects.toBeInstanceOf(CancelledFailure);
  });
});

it('a poll asks a busy target again when that wants it, and not before', async () => {
  const askedAtMs: number[] = [];
  const busy = new PortError('busy', { kind: 'throttled', code: 'TooManyRequests', retryAfterMs: 1_000 });
  const ask = () => (askedAtMs.push(Date.now()) === 1 ? Promise.reject(busy) : Promise.resolve(true));

  await activityEnvironment().run(() => poll(ask, 60_000));

  const [first = 0, second = 0] = askedAtMs;
  expect(second - first).toBeGreaterThanOrEqual(1_000);
});

describe('a call that takes long', () => {
  afterEach(() => void vi.useRealTimers());

  it.each<[string, () => Promise<unknown>]>([
    ['one of a poll', () => poll(() => slowly(true), 60_000)],
    [
      'a smoke request',
      () =>
        smoke(
          { endpoints: { invoke: () => slowly({ status: 200, body: '', durationMs: 9_000 }) } } as never,
          machineSecrets({}),
          {
            ...{ target: { kind: 'host', workspace: 'local' }, endpoint: 'diabetes', deployment: 'green' },
            ...{ body: '{}', count: 1 },
          },
        ),
    ],
    [
      'a reading before a write',
      () => {
        const traffic = { live: { blue: 100 }, mirror: {} };
        const ports = { endpoints: { read: () => slowly({ traffic, deployments: [] }) } } as never;
        const target = { kind: 'host', workspace: 'local' } as const;
        return setTraffic(ports, { target, endpoint: 'diabetes', from: null, to: traffic });
      },
    ],
  ])('is heartbeated through: %s', async (_, work) => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'setInterval', 'clearInterval', 'clearTimeout'] });
    const activity = activityEnvironment();
    let heartbeats = 0;
    activity.on('heartbeat', () => (heartbeats += 1));

    await activity.run(async () => {
      const working = work();
      await vi.advanceTimersByTimeAsync(20_000); // in here: timers that are faked know no context of their own
      await working;
    });

    expect(heartbeats).toBeGreaterThanOrEqual(4);
  });
});

/** After nine seconds. */
function slowly<T>(value: T): Promise<T> {
  return new Promise((resolve) => setTimeout(() => resolve(value), 9_000));
}

describe('a heartbeat that carries news', () => {
  afterEach(() => void vi.useRealTimers());

  it('is encoded about as often as one is sent, and what was left out comes with the next', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const activity = activityEnvironment();
    const sent: unknown[] = [];
    activity.on('heartbeat', (details: unknown) => sent.push(details));
    await activity.run(() => {
      const beat = beats();
      const looks = [1, 2, 3, 4, 5, 6].map((look) => ({ look }));
      for (const look of looks) {
        vi.advanceTimersByTime(1_000);
        beat(look);
      }
      vi.advanceTimersByTime(1_000);
      beat(looks.at(-1));
      beat(looks.at(-1));
      return Promise.resolve();
    });

    expect(sent).toEqual([1, 4, 6, 6].map((look) => ({ look })));
  });
});
