import { describe, expect, it, vi } from 'vitest';
import { PortError, type WriteOptions } from '../../adapters/ports.js';
import type { DeploymentState } from '../../core/endpoint.js';
import { FailureType } from '../../core/failures.js';
import type { Traffic } from '../../core/traffic.js';
import { attemptsOf } from '../support/attempts.js';
import { blue, GREEN, half, once, ready, run } from './set-traffic.js';

vi.mock('node:timers/promises', () => import('../support/quick-sleep.js'));

describe('going back after a write that was cut off', () => {
  it('writes also where the endpoint shows what it is to show: the other may be done, and not shown yet', async () => {
    const writes: unknown[] = [];
    const read = () => ({ traffic: blue });

    await run({}, read, (to) => writes.push(to));
    expect(writes).toEqual([]);
    await run({ unsettled: true }, read, (to, { again }) => writes.push([to, again]));
    expect(writes).toEqual([[blue, true]]);
  });

  it('looks for a while whether the other lands after it, and is asked for again then', async () => {
    let reads = 0;
    const late = () => ({ traffic: ++reads === 3 ? half : blue });

    expect(await run({ unsettled: true }, late)).toMatchObject({
      type: FailureType.PortTransient,
      message: expect.stringContaining(
        'shows blue 50 %, green 50 % a moment later; writing it again',
      ) as string,
    });
  });

  it('goes by what is shown where the target takes no writes at all', async () => {
    const refuse = (): void => {
      throw new PortError('not allowed', { kind: 'permanent', code: 'Forbidden' });
    };

    expect(await run({ unsettled: true }, () => ({ traffic: blue }), refuse)).toEqual({ found: blue });
  });

  it('is no way back where it stands there, and nobody would answer for it any more', async () => {
    const gone = (): void => {
      throw new PortError('is being deleted', { kind: 'permanent', code: 'NoDeployment' });
    };

    expect(await run({ unsettled: true }, () => ({ traffic: blue }), gone)).toMatchObject({
      message: expect.stringContaining('is being deleted') as string,
    });
  });

  it.each([
    ['the first no', { kind: 'permanent', code: 'Forbidden' }, { type: FailureType.PortTransient }],
    [
      'minutes',
      { kind: 'throttled', code: 'TooManyRequests', retryAfterMs: 120_000 },
      { nextRetryDelay: 10_000 },
    ],
  ] as const)(
    'does not take %s for an answer where it reads, before its write and after it',
    async (_, no, failure) => {
      const refuse = () => {
        throw new PortError('not now', no);
      };
      let written = false;
      const readBack = () => (written ? refuse() : { traffic: half });

      expect(await run({}, refuse)).toMatchObject({ ...failure, nonRetryable: false });
      expect(await run({}, readBack, () => (written = true))).toMatchObject({
        ...failure,
        nonRetryable: false,
      });
      expect(await run({ from: half }, refuse)).toMatchObject(no);
    },
  );

  it.each([
    ['waits for a credential that has run out', 'Unauthorized', { nonRetryable: false }],
    ['waits for a credential that is refused', 'NoToken', { nonRetryable: false }],
    ['waits for a certificate that is trusted', 'NotTrusted', { nonRetryable: false }],
    ['ends at what it may not', 'Forbidden', { kind: 'permanent' }],
    ['ends at a lock', 'ScopeLocked', { kind: 'permanent' }],
  ])('%s, however often it was asked for', async (_, code, expected) => {
    const no = new PortError('not now', { kind: 'permanent', code });
    const refuse = () => {
      throw no;
    };
    const often = async (...given: Parameters<typeof once>) =>
      (await attemptsOf(9, () => once(...given))).at(-1);

    expect(await often({}, refuse)).toMatchObject(expected);
    expect(await often({}, () => ({ traffic: half }), refuse)).toMatchObject(expected);
    expect(await often({ from: half }, refuse)).toBe(no);
    expect(await often({ from: half, goesBack: true }, refuse)).toBe(no);
  });

  const sooner = { initialInterval: 500, backoffCoefficient: 1.5, maximumInterval: 3_000 };
  it.each([
    [1, undefined, { type: FailureType.PortTransient }],
    [4, undefined, { type: FailureType.PortTransient }],
    [5, undefined, { kind: 'permanent' }],
    [8, sooner, { type: FailureType.PortTransient }],
    [9, sooner, { kind: 'permanent' }],
  ] as const)(
    'takes a no for the last one once its attempts have waited for 15 s, and not for a time without a worker: attempt %i',
    async (attempt, retryPolicy, expected) => {
      const refuse = () => {
        throw new PortError('not now', { kind: 'permanent', code: 'Forbidden' });
      };
      const info = {
        scheduledTimestampMs: Date.now() - 20_000,
        ...(retryPolicy === undefined ? {} : { retryPolicy }),
      };

      const answers = await attemptsOf(attempt, () => once({}, refuse), info);

      expect(answers.at(-1)).toMatchObject(expected);
    },
  );

  it.each([
    ['an outage', new PortError('away', { kind: 'transient', code: 'Unavailable' })],
    ['a busy target', new PortError('busy', { kind: 'throttled', code: 'Busy', retryAfterMs: 60_000 })],
  ])('counts from the first no after %s: before, nobody had said so', async (_, other) => {
    const no = new PortError('not now', { kind: 'permanent', code: 'Forbidden' });
    const ends = await attemptsOf(
      18,
      (n) =>
        once(
          {},
          () => ({ traffic: half }),
          () => {
            throw n === 2 || n > 12 ? no : other;
          },
        ),
      { retryPolicy: sooner },
    );

    expect(ends[12]).toMatchObject({ type: FailureType.PortTransient, message: 'not now' });
    expect(ends.indexOf(no)).toBe(17);
  });

  it('counts from the first no after a write that was taken: what it was refused before was granted since', async () => {
    const no = new PortError('not now', { kind: 'permanent', code: 'Forbidden' });
    const ends = await attemptsOf(13, (n) =>
      once(
        {},
        () => ({ traffic: half }),
        () => {
          if (n === 1 || n > 8) throw no;
        },
      ),
    );

    expect(ends[7]).toMatchObject({ message: expect.stringContaining('but shows blue 50 %') as string });
    expect(ends[8]).toMatchObject({ type: FailureType.PortTransient, message: 'not now' });
    expect(ends[12]).toBe(no);
  });

  it('is asked again by a worker that has heard no such no, however often others asked', async () => {
    const refuse = () => {
      throw new PortError('not now', { kind: 'permanent', code: 'Forbidden' });
    };

    expect(await run({}, refuse, undefined, { attempt: 50 })).toMatchObject({
      type: FailureType.PortTransient,
    });
  });

  it('does not wait for minutes where a target asks for them, as a step does', async () => {
    const busy = (): void => {
      throw new PortError('busy', { kind: 'throttled', code: 'TooManyRequests', retryAfterMs: 120_000 });
    };
    const read = () => ({ traffic: half, deployments: [ready('blue', 1)] });

    expect(await run({}, read, busy)).toMatchObject({ nextRetryDelay: 10_000, nonRetryable: false });
    expect(await run({ from: half }, read, busy)).toMatchObject({ kind: 'throttled', retryAfterMs: 120_000 });
  });

  it.each([
    [10, { kind: 'transient' }],
    [11, { found: blue }],
  ])(
    'asks a target that is away ten times before it goes by what is shown: %i',
    async (attempt, expected) => {
      const away = (): void => {
        throw new PortError('away', { kind: 'transient', code: 'Unavailable' });
      };

      const answer = await run({ unsettled: true }, () => ({ traffic: blue }), away, { attempt });

      expect(answer).toMatchObject(expected);
    },
  );
});

describe('going back from what cannot be read', () => {
  const REFUSALS = [
    ['no right to', { kind: 'permanent', code: 'Forbidden' }, { kind: 'permanent' }],
    ['a credential that has run out', { kind: 'permanent', code: 'Unauthorized' }, { nonRetryable: false }],
    ['a target that fails', { kind: 'transient', code: 'Http500' }, { kind: 'transient' }],
    [
      'a target that throttles',
      { kind: 'throttled', code: 'TooManyRequests', retryAfterMs: 120_000 },
      { nextRetryDelay: 10_000 },
    ],
  ] as const;

  /** Reads are refused until the write, or for good. */
  function unread(no: (typeof REFUSALS)[number][1], { forGood = false } = {}) {
    const writes: Traffic[] = [];
    const read = () => {
      if (forGood || writes.length === 0) throw new PortError('not to be read', no);
      return { traffic: blue };
    };
    const written = (to: Traffic, { mayShow }: WriteOptions) => {
      expect(mayShow?.(half)).toBe(true);
      writes.push(to);
    };
    return { writes, read, written };
  }

  it.each(REFUSALS)(
    'writes first, and tells what its write went over: %s; what is read back is the proof',
    async (_, no) => {
      const { writes, read, written } = unread(no);

      expect(await run({}, read, written)).toEqual({ found: half });
      expect(writes).toEqual([blue]);
    },
  );

  it.each(REFUSALS)(
    'is not done where it cannot be read back either, and says what was taken: %s',
    async (_, no, failure) => {
      const { writes, read, written } = unread(no, { forGood: true });

      const ends = await attemptsOf(9, () => once({}, read, written));

      expect(ends.at(-1)).toMatchObject({
        ...failure,
        message: 'diabetes took the traffic blue 100 %, and could not be read back: not to be read',
      });
      expect(writes).toContainEqual(blue);
    },
  );

  it('says what its write was refused for, where that is refused as well', async () => {
    const { read } = unread({ kind: 'transient', code: 'Http500' });
    const refuse = (): never => {
      throw new PortError('not to be written', { kind: 'permanent', code: 'NoDeployment' });
    };

    expect(await run({ unsettled: true }, read, refuse, { attempt: 12 })).toMatchObject({
      message: 'not to be written',
    });
  });

  it.each([
    ['a step', { from: half }],
    ['a restore', { from: half, goesBack: true }],
  ])('is for a rollback alone: %s writes nothing over what it could not see', async (_, input) => {
    const { writes, read, written } = unread({ kind: 'transient', code: 'Http500' });

    expect(await run(input, read, written)).toMatchObject({ message: 'not to be read' });
    expect(writes).toEqual([]);
  });
});

describe('a way back to who was scaled down', () => {
  const instances = { blue: 4, green: 4 };
  const blueWith = (wanted: number, ready: number | null): DeploymentState => ({
    name: 'blue',
    state: 'ready',
    instances: { wanted, ready },
    restarts: 0,
    tags: {},
  });

  it.each([
    ['a rollback', { from: null }, 0],
    ['a rollback, on a target that does not tell who answers', { from: null }, null],
    ['a restore', { from: GREEN, to: half, goesBack: true }, 0],
  ])('to nothing is not written, and says so: %s', async (_, input, answering) => {
    const writes: Traffic[] = [];
    const deployments = [blueWith(0, answering), ready('green', 4)];

    const failure = await run(
      { ...input, instances },
      () => ({ traffic: GREEN, deployments }),
      (written) => writes.push(written),
    );

    expect(failure).toMatchObject({
      type: FailureType.Drift,
      nonRetryable: true,
      message: expect.stringMatching(/^blue of diabetes was scaled to nothing.* was not written$/) as string,
      details: [{ observed: GREEN, off: ['blue'], written: false }],
    });
    expect(writes).toEqual([]);
  });

  it.each([
    ['has instances that do not answer', { instances }, GREEN, blueWith(4, 0)],
    ['gets no more by it', { instances }, { live: { blue: 100 }, mirror: { green: 10 } }, blueWith(0, 0)],
    ['had none before', { instances: { blue: 0 } }, GREEN, blueWith(0, 0)],
    ['is not known, as by an older workflow', {}, GREEN, blueWith(0, 0)],
  ])('is written to who %s', async (_, input, shown, deployment) => {
    let traffic: Traffic = shown;

    const done = await run(
      input,
      () => ({ traffic, deployments: [deployment] }),
      (written) => (traffic = written),
    );

    expect(done).toMatchObject({ found: shown });
    expect(traffic).toEqual(blue);
  });

  const unable = new PortError('may not be asked', { kind: 'permanent', code: 'Forbidden' });
  it.each([
    [
      'some of them, by people',
      1,
      () => Promise.resolve(false),
      { scaled: [{ deployment: 'blue', from: 4, to: 1 }] },
    ],
    ['some of them, by its autoscaler', 1, () => Promise.resolve(true), {}],
    ['some of them, by nobody knows whom', 1, () => Promise.reject(unable), {}],
    [
      'some of them, by whom is to be asked again',
      1,
      () => Promise.reject(new PortError('away', { kind: 'transient', code: 'Http500' })),
      { scaled: [{ deployment: 'blue', from: 4, to: 1 }] },
    ],
    ['all of them', 0, () => Promise.resolve(true), { scaled: [{ deployment: 'blue', from: 4, to: 0 }] }],
    ['none', 4, () => Promise.resolve(false), {}],
  ])('tells who lacks instances by what is read back: %s', async (_, left, isAutoscaled, told) => {
    let traffic: Traffic = half;
    let isWritten = false;
    const read = () => ({
      traffic,
      // Green lacks some too, and gets no traffic.
      deployments: [isWritten ? blueWith(left, left) : blueWith(4, 4), ready('green', 1)],
    });
    const written = (given: Traffic) => {
      traffic = given;
      isWritten = true;
    };

    const ends = await attemptsOf(1, () => once({ instances }, read, written, isAutoscaled));

    expect(ends).toEqual([{ found: half, ...told }]);
  });
});

describe('a restore', () => {
  const restore = { from: blue, to: half, goesBack: true };

  it('is made whoever answers, as other ways back are, but not over what has come since', async () => {
    const writes: Traffic[] = [];
    const written = (to: Traffic) => writes.push(to);
    const shows = (traffic: Traffic) => () => ({
      traffic: writes.at(-1) ?? traffic,
      deployments: [ready('blue', 1), ready('green', 0)],
    });

    expect(await run(restore, shows(GREEN), written)).toMatchObject({
      type: FailureType.Drift,
      details: [{ observed: GREEN, written: false }],
    });
    expect(writes).toEqual([]);
    expect(await run(restore, shows(blue), written)).toEqual({ found: blue });
    expect(writes).toEqual([half]);
  });

  it('does not take the first no for an answer', async () => {
    const refuse = () => {
      throw new PortError('not now', { kind: 'permanent', code: 'Forbidden' });
    };

    for (const read of [refuse, () => ({ traffic: blue })]) {
      expect(await run(restore, read, refuse)).toMatchObject({
        type: FailureType.PortTransient,
        nonRetryable: false,
      });
    }
  });
});
