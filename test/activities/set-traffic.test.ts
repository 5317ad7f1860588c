import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PortError, type WriteOptions } from '../../adapters/ports.js';
import type { SetTrafficInput } from '../../core/activities.js';
import { FailureType } from '../../core/failures.js';
import type { Traffic } from '../../core/traffic.js';
import { blue, GREEN, half, ready, run } from './set-traffic.js';

vi.mock('node:timers/promises', () => import('../support/quick-sleep.js'));

describe('a write of traffic', () => {
  it.each<[string, Pick<SetTrafficInput, 'from' | 'takeOver' | 'goesBack'>, WriteOptions]>([
    ['a step', { from: half }, { takeOver: false, goesBack: false }],
    [
      'the first step after a change was adopted',
      { from: half, takeOver: true },
      { takeOver: true, goesBack: false },
    ],
    ['a restore', { from: half, goesBack: true }, { takeOver: true, goesBack: true }],
    ['a rollback', { from: null }, { takeOver: true, goesBack: true }],
  ])('says whether it takes over and goes back: %s', async (_, input, expected) => {
    const options: WriteOptions[] = [];
    let traffic: Traffic = half;
    const read = () => ({ traffic, deployments: [ready('blue', 1), ready('green', 1)] });

    await run(input, read, (to, given) => {
      traffic = to;
      options.push(given);
    });

    expect(options).toMatchObject([expected]);
  });

  it('says over which shares it may be made: those of before and its own, and over any in a rollback', async () => {
    const may: (boolean | undefined)[] = [];
    const written = (_: Traffic, { mayShow }: WriteOptions) =>
      may.push(...[half, blue, GREEN].map((shown) => mayShow?.(shown)));
    const read = () => ({
      traffic: may.length % 2 === 0 ? half : blue,
      deployments: [ready('blue', 1), ready('green', 1)],
    });

    await run({ from: half }, read, written);
    await run({ from: blue, to: half, goesBack: true }, read, written);
    await run({ from: null }, read, written);

    expect(may).toEqual([true, true, false, true, true, false, true, true, true]);
  });
});

describe('a worker that stood still while others went on', () => {
  let lateMs = 0;
  const pass = (ms: number): void => void (lateMs += ms);
  beforeEach(() => {
    const now = Date.now.bind(Date);
    lateMs = 0;
    vi.spyOn(Date, 'now').mockImplementation(() => now() + lateMs);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  const stoodStill = {
    type: FailureType.PortTransient,
    message: expect.stringContaining('This worker stood still for 15 s') as string,
  };
  const deployments = [ready('blue', 1), ready('green', 1)];

  it('writes nothing by what it saw before', async () => {
    const writes: Traffic[] = [];
    const read = () => {
      pass(15_000);
      return { traffic: blue, deployments };
    };

    expect(await run({ from: blue, to: half }, read, (to) => writes.push(to))).toMatchObject(stoodStill);
    expect(writes).toEqual([]);
  });

  it('does not send a write that it had begun, also when its clocks have run again before', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const sent: Traffic[] = [];

    const failure = await run(
      { from: blue, to: half },
      () => ({ traffic: blue, deployments }),
      (to, { confirm }) => {
        pass(15_000);
        vi.advanceTimersByTime(2_000);
        confirm?.();
        sent.push(to);
      },
    );

    expect(failure).toMatchObject(stoodStill);
    expect(sent).toEqual([]);
  });

  it('is not one that a slow target keeps waiting', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    let traffic: Traffic = blue;

    const done = await run(
      { from: blue, to: half },
      () => ({ traffic, deployments }),
      (to, { confirm }) => {
        for (let s = 0; s < 20; s += 2) {
          pass(2_000);
          vi.advanceTimersByTime(2_000);
        }
        confirm?.();
        traffic = to;
      },
    );

    expect(done).toEqual({ found: blue });
  });
});

describe('a greater share', () => {
  const forward = { from: blue, to: half };

  it('waits until one instance answers', async () => {
    let traffic: Traffic = blue;
    let reads = 0;
    const readyAtWrite: boolean[] = [];
    const read = () => ({ traffic, deployments: [ready('blue', 1), ready('green', ++reads > 3 ? 1 : 0)] });

    await run(forward, read, (to) => {
      readyAtWrite.push(reads > 3);
      traffic = to;
    });

    expect(readyAtWrite).toEqual([true]);
  });

  it('is not given to who has nobody that answers, which ends the rollout', async () => {
    const writes: Traffic[] = [];

    const failure = await run(
      forward,
      () => ({ traffic: blue, deployments: [ready('blue', 1), ready('green', 0)] }),
      (to) => writes.push(to),
    );

    expect(failure).toMatchObject({ type: FailureType.DeploymentFailed, nonRetryable: true });
    expect((failure as Error).message).toContain('green of diabetes had no instance that answers for 15 s');
    expect(writes).toEqual([]);
  });

  it.each([
    ['gone', [], { observed: null, off: [] }],
    [
      'scaled to nothing',
      [ready('blue', 1), { ...ready('green', 0), instances: { wanted: 0, ready: 0 } }],
      { observed: half, off: ['green'] },
    ],
  ])(
    'is a person’s to say where somebody else has made that green, which serves, is %s',
    async (_, deployments, details) => {
      const more = { live: { blue: 25, green: 75 }, mirror: {} };
      const found = (attempt: number) =>
        run({ from: half, to: more }, () => ({ traffic: half, deployments }), undefined, { attempt });

      for (const attempt of [1, 2]) {
        expect(await found(attempt)).toMatchObject({
          type: FailureType.Drift,
          // An attempt before this one may have written.
          details: [{ expected: half, ...details, written: attempt > 1 }],
        });
      }
    },
  );

  it.each([
    ['is gone', [ready('blue', 1)]],
    [
      'was scaled to nothing',
      [ready('blue', 1), { ...ready('green', 0), instances: { wanted: 0, ready: 0 } }],
    ],
  ])('ends the rollout where green %s before it had any', async (what, deployments) => {
    const failure = await run(forward, () => ({ traffic: blue, deployments }));

    expect(failure).toMatchObject({ type: FailureType.DeploymentFailed });
    expect((failure as Error).message).toContain(`green of diabetes ${what}`);
  });

  it('is not written where who serves is being deleted: it answers for a moment yet', async () => {
    const writes: Traffic[] = [];
    const deployments = [{ ...ready('blue', 1), state: 'deleting' as const }, ready('green', 1)];

    const failure = await run(
      forward,
      () => ({ traffic: blue, deployments }),
      (to) => writes.push(to),
    );

    expect(failure).toMatchObject({ type: FailureType.Drift, details: [{ observed: null }] });
    expect(writes).toEqual([]);
  });

  it('is not written over the change of somebody who came while it waited', async () => {
    let reads = 0;
    const writes: Traffic[] = [];
    const read = () => ({
      traffic: ++reads > 2 ? { live: { red: 100 }, mirror: {} } : blue,
      deployments: [ready('blue', 1), ready('green', 0)],
    });

    const failure = await run(forward, read, (to) => writes.push(to));

    expect(failure).toMatchObject({ type: FailureType.Drift });
    expect(writes).toEqual([]);
  });

  it('is given back whoever answers', async () => {
    let traffic: Traffic = half;
    const found = await run(
      {},
      () => ({ traffic, deployments: [] }),
      (to) => (traffic = to),
    );

    expect(found).toEqual({ found: half });
    expect(traffic).toEqual(blue);
  });
});

describe('a write that is to give way, and may have been taken, does not', () => {
  const forward = { from: blue, to: half, givesWayAfterMs: 15_000 };
  const both = [ready('blue', 1), ready('green', 1)];
  const throttled = () =>
    new PortError('another operation is running', { kind: 'throttled', code: 'Conflict' });

  it('where its answer is lost', async () => {
    let traffic: Traffic = blue;
    const failure = await run(
      forward,
      () => ({ traffic, deployments: both }),
      (to) => {
        traffic = to;
        throw new PortError('no answer', { kind: 'transient', code: 'DeadlineExceeded' });
      },
    );

    expect(failure).toMatchObject({ kind: 'transient', code: 'DeadlineExceeded' });
  });

  it('after an attempt that may have been', async () => {
    const busy = (): never => {
      throw throttled();
    };

    expect(
      await run(forward, () => ({ traffic: blue, deployments: both }), busy, { attempt: 2 }),
    ).toMatchObject({
      kind: 'throttled',
    });
  });

  it('where a target that is busy has taken a part of it', async () => {
    const failure = await run(
      forward,
      () => ({ traffic: blue, deployments: both }),
      (_, { taken }) => {
        taken?.();
        throw throttled();
      },
    );

    expect(failure).toMatchObject({ kind: 'throttled' });
  });
});
