import { beforeEach, describe, expect, it, vi } from 'vitest';
import { scaleDeployment } from '../../activities/scale-deployment.js';
import { PortError } from '../../adapters/ports.js';
import type { ScaleDeploymentInput } from '../../core/activities.js';
import { FailureType } from '../../core/failures.js';
import { activityEnvironment } from '../support/activity-environment.js';
import { attemptsOf } from '../support/attempts.js';
import { standStill } from '../support/quick-sleep.js';

vi.mock('node:timers/promises', () => import('../support/quick-sleep.js'));

it('waits in its own time for instances, also where the target asks for a longer one, and tells how many came', async () => {
  const busy = new PortError('busy', { kind: 'throttled', code: 'TooManyRequests', retryAfterMs: 900_000 });
  const state = { name: 'blue', state: 'ready', instances: { wanted: 4, ready: 3 }, restarts: 0, tags: {} };
  let asked = 0;
  const readDeployment = () => (++asked === 2 ? Promise.reject(busy) : Promise.resolve(state));
  const input = {
    target: { kind: 'host', workspace: 'local' } as const,
    ...{ endpoint: 'diabetes', deployment: 'blue', instances: 4, readyWithinMs: 60_000 },
  };

  const failure = await activityEnvironment()
    .run(() => scaleDeployment({ endpoints: { readDeployment } } as never, input))
    .catch((error: unknown) => error);

  expect(failure).toMatchObject({ nonRetryable: true, details: [{ ready: 3 }] });
  expect(asked).toBeGreaterThan(20);
});

it.each([
  [
    2,
    'ends, and says how many',
    { nonRetryable: true, details: [{ ready: 2 }], message: expect.stringMatching(/1m \(busy\)$/) as string },
  ],
  [0, 'is asked for again soon', { nonRetryable: false, nextRetryDelay: 10_000 }],
])(
  'where %i instances answer when its time is over, and the target is too busy to make more, it %s',
  async (ready, _, ends) => {
    const busy = new PortError('busy', { kind: 'throttled', code: 'TooManyRequests', retryAfterMs: 900_000 });
    const state = { name: 'blue', state: 'ready', instances: { wanted: 2, ready }, restarts: 0, tags: {} };
    const endpoints = {
      readDeployment: () => Promise.resolve(state),
      isAutoscaled: () => Promise.resolve(false),
      scale: () => Promise.reject(busy),
    };
    const input = {
      target: { kind: 'host', workspace: 'local' } as const,
      ...{ endpoint: 'diabetes', deployment: 'blue', instances: 4, readyWithinMs: 60_000 },
    };

    const failure = await activityEnvironment()
      .run(() => scaleDeployment({ endpoints } as never, input))
      .catch((error: unknown) => error);

    expect(failure).toMatchObject(ends);
  },
);

it('waits for the instances that it gives back, and for none that an autoscaler wants besides', async () => {
  const state = { name: 'blue', state: 'ready', instances: { wanted: 10, ready: 9 }, restarts: 0, tags: {} };
  const input = {
    target: { kind: 'host', workspace: 'local' } as const,
    ...{ endpoint: 'diabetes', deployment: 'blue', instances: 4, readyWithinMs: 60_000 },
  };
  const readDeployment = () => Promise.resolve(state);

  const scaled = activityEnvironment().run(() =>
    scaleDeployment({ endpoints: { readDeployment } } as never, input),
  );

  await expect(scaled).resolves.toEqual({ missing: 0, there: true });
});

it('waits for the others but for so long where some answer, and for the first as long as there is time', async () => {
  const instances = { wanted: 1, ready: 0 };
  const state = { name: 'blue', state: 'updating', instances, restarts: 0, tags: {} };
  const asked: (readonly [atMs: number, ready: number])[] = [];
  const beganMs = Date.now();
  const endpoints = {
    isAutoscaled: () => Promise.resolve(false),
    scale: () => Promise.resolve(void (instances.wanted = 4)),
    readDeployment: () => {
      const atMs = Date.now() - beganMs;
      instances.ready = atMs > 30_000 ? 3 : 0;
      asked.push([atMs, instances.ready]);
      return Promise.resolve(structuredClone(state));
    },
  };
  const input = {
    target: { kind: 'host', workspace: 'local' } as const,
    ...{ endpoint: 'diabetes', deployment: 'blue', instances: 4, readyWithinMs: 60_000, someAfterMs: 10_000 },
  };

  const result = await activityEnvironment().run(() => scaleDeployment({ endpoints } as never, input));

  expect(result).toEqual({ missing: 1, there: false });
  expect(asked.filter(([, ready]) => ready > 0)).toHaveLength(1);
});

it('leaves an autoscaler the number that it wants, but for none at all', async () => {
  const state = { name: 'blue', state: 'ready', instances: { wanted: 2, ready: 2 }, restarts: 0, tags: {} };
  const scaled: number[] = [];
  const endpoints = {
    isAutoscaled: () => Promise.resolve(true),
    readDeployment: () => Promise.resolve(structuredClone(state)),
    scale: (_endpoint: string, _name: string, instances: number) => {
      if (state.instances.wanted > 0)
        return Promise.reject(new PortError('no', { kind: 'permanent', code: 'Autoscaled' }));
      scaled.push(instances);
      state.instances = { wanted: 3, ready: 3 };
      return Promise.resolve();
    },
  };
  const input = {
    target: { kind: 'kubernetes', namespace: 'models' } as const,
    ...{ endpoint: 'diabetes', deployment: 'blue', instances: 4, readyWithinMs: 60_000 },
  };
  const given = () => activityEnvironment().run(() => scaleDeployment({ endpoints } as never, input));

  expect(await given()).toEqual({ missing: 0, there: true });
  state.instances = { wanted: 0, ready: 0 };
  expect(await given()).toEqual({ missing: 0, there: false });
  expect(scaled).toEqual([4]);
});

it.each([
  ['is asked for again until somebody renews it', {}, { nonRetryable: false }],
  [
    'ends where green is to be looked at meanwhile',
    { givesWayAfterMs: 15_000 },
    { kind: 'permanent', code: 'Unauthorized' },
  ],
])('where the credential has run out, it %s', async (_, turn, expected) => {
  const out = new PortError('who are you?', { kind: 'permanent', code: 'Unauthorized' });
  const endpoints = { readDeployment: () => Promise.reject(out) };
  const input = {
    target: { kind: 'kubernetes', namespace: 'models' } as const,
    ...{ endpoint: 'diabetes', deployment: 'blue', instances: 4, readyWithinMs: 60_000, ...turn },
  };

  const ends = await attemptsOf(9, () => scaleDeployment({ endpoints } as never, input));

  expect(ends.at(-1)).toMatchObject(expected);
});

it.each([
  ['is not the last one where none answers', 0, {}, FailureType.PortTransient],
  ['is not the last one where some answer', 1, {}, FailureType.PortTransient],
  [
    'ends it where some answer and green is to be looked at, and says how many',
    1,
    { givesWayAfterMs: 15_000 },
    FailureType.PortPermanent,
  ],
])('the first no to whether an autoscaler counts them %s', async (_, ready, turn, first) => {
  const no = new PortError('not now', { kind: 'permanent', code: 'Forbidden' });
  const state = { name: 'blue', state: 'ready', instances: { wanted: 1, ready }, restarts: 0, tags: {} };
  const endpoints = {
    readDeployment: () => Promise.resolve(state),
    isAutoscaled: () => Promise.reject(no),
  };
  const input = {
    target: { kind: 'kubernetes', namespace: 'models' } as const,
    ...{ endpoint: 'diabetes', deployment: 'blue', instances: 4, readyWithinMs: 60_000, ...turn },
  };

  const ends = await attemptsOf(5, () => scaleDeployment({ endpoints } as never, input));

  expect(ends[0]).toMatchObject({ type: first });
  expect(ends[4]).toMatchObject({ type: FailureType.PortPermanent, details: [{ ready }] });
});

describe('who is asked for again after all else', () => {
  // Its limits are of what is slept: a stall of the machine is none of that.
  beforeEach(standStill);

  const soon = { someAfterMs: 10_000 };
  const now = { ...soon, least: 0 };
  const no = new PortError('no room', { kind: 'permanent', code: 'OutOfQuota' });
  const away = new PortError('away', { kind: 'transient', code: 'Unavailable' });

  /** @returns what it ends with, and after how long. */
  async function scaled(
    ready: number | null,
    more: Pick<ScaleDeploymentInput, 'someAfterMs' | 'least'>,
    {
      scale = () => Promise.resolve(),
      isAway = () => false,
    }: { scale?: () => Promise<void>; isAway?: () => boolean } = {},
  ) {
    const state = { name: 'blue', state: 'updating', instances: { wanted: 1, ready }, restarts: 0, tags: {} };
    const endpoints = {
      readDeployment: () => (isAway() ? Promise.reject(away) : Promise.resolve(structuredClone(state))),
      isAutoscaled: () => Promise.resolve(false),
      scale,
    };
    const input = {
      target: { kind: 'host', workspace: 'local' } as const,
      ...{ endpoint: 'diabetes', deployment: 'blue', instances: 4, readyWithinMs: 60_000, ...more },
    };
    const beganMs = Date.now();
    const ended = await activityEnvironment()
      .run(() => scaleDeployment({ endpoints } as never, input))
      .catch((error: unknown) => error);
    return { ended, tookMs: Date.now() - beganMs };
  }

  it.each([
    [1, soon, 3],
    [1, now, 3],
    [0, now, 4],
    [null, now, 4],
    // Three of them are on their way out.
    [4, soon, 1],
  ])('is not given up for a no, where %o answer: %o', async (ready, more, missing) => {
    const { ended, tookMs } = await scaled(ready, more, { scale: () => Promise.reject(no) });

    expect(ended).toEqual({ missing, there: false });
    expect(tookMs).toBeLessThan(1_000);
  });

  it.each([
    [1, soon, 3],
    [0, now, 4],
    [null, now, 4],
  ])('holds up the rest but for so long, where %o answer: %o', async (ready, more, missing) => {
    const { ended, tookMs } = await scaled(ready, more);

    expect(ended).toEqual({ missing, there: false });
    expect(tookMs).toBeLessThan(13_000);
  });

  it('is not given up where the target is away in the end', async () => {
    let reads = 0;

    const { ended } = await scaled(1, soon, { isAway: () => ++reads > 2 });

    expect(ended).toEqual({ missing: 3, there: false });
  });

  it('is waited for where the traffic does, and none answers', async () => {
    const { ended } = await scaled(0, soon, { scale: () => Promise.reject(no) });

    expect(ended).toMatchObject({ type: FailureType.PortTransient, message: 'no room' });
  });
});

it('counts its noes from the first one since the target took what it was asked for', async () => {
  const no = new PortError('not now', { kind: 'permanent', code: 'Forbidden' });
  const state = {
    name: 'blue',
    state: 'updating',
    instances: { wanted: 0, ready: 0 },
    restarts: 0,
    tags: {},
  };
  let reads = 0;
  let attempt = 0;
  const endpoints = {
    readDeployment: () => (++reads > 20 ? Promise.reject(no) : Promise.resolve(structuredClone(state))),
    scale: () => (attempt < 9 ? Promise.reject(no) : Promise.resolve(void (state.instances.wanted = 4))),
  };
  const input = {
    target: { kind: 'kubernetes', namespace: 'models' } as const,
    ...{ endpoint: 'diabetes', deployment: 'blue', instances: 4, readyWithinMs: 60_000 },
  };

  const ends = await attemptsOf(
    10,
    (n) => {
      attempt = n;
      return scaleDeployment({ endpoints } as never, input);
    },
    { retryPolicy: { maximumInterval: 1_800 } },
  );

  expect(state.instances.wanted).toBe(4);
  expect(ends[9]).toMatchObject({ type: FailureType.PortTransient, message: 'not now' });
});
