import type { Info } from '@temporalio/activity';
import { describe, expect, it, vi } from 'vitest';
import { deleteDeployment } from '../../activities/delete-deployment.js';
import { PortError } from '../../adapters/ports.js';
import type { Written } from '../../core/drift.js';
import { ROLLOUT_TAG } from '../../core/endpoint.js';
import { FailureType } from '../../core/failures.js';
import { activityEnvironment } from '../support/activity-environment.js';
import { attemptsOf } from '../support/attempts.js';
import { inFlight, MemoryTarget } from '../support/memory-target.js';

vi.mock('node:timers/promises', () => import('../support/quick-sleep.js'));

const INPUT = {
  target: { kind: 'host', workspace: 'any' },
  endpoint: 'diabetes',
  drainWithinMs: 0,
} as const;

it('refuses for good to delete what the target shows under another name: it may be what serves everybody', async () => {
  const target = new MemoryTarget();
  const { endpoints, ...ports } = target.ports();
  // As Azure: any case finds it, and it is shown in small letters.
  const caseless = {
    ...endpoints,
    readDeployment: (endpoint: string, name: string) =>
      endpoints.readDeployment(endpoint, name.toLowerCase()),
    deleteDeployment: (endpoint: string, name: string) =>
      endpoints.deleteDeployment(endpoint, name.toLowerCase()),
  };
  await expect(
    activityEnvironment().run(() =>
      deleteDeployment({ ...ports, endpoints: caseless }, { ...INPUT, deployment: 'Blue' }),
    ),
  ).rejects.toMatchObject({ nonRetryable: true, type: FailureType.PortPermanent });
  expect(target.writes).toEqual([]);
  expect(target.deployments.has('blue')).toBe(true);
});

it('waits for a creation that was cut off and lands all the same, and deletes what it made', async () => {
  const target = new MemoryTarget();
  let reads = 0;
  target.fault = (call) => {
    if (call === 'readDeployment' && ++reads === 3) {
      target.addDeployment('green', { tags: { [ROLLOUT_TAG]: 'r1' } });
    }
    return undefined;
  };

  await activityEnvironment().run(() =>
    deleteDeployment(target.ports(), { ...INPUT, deployment: 'green', madeBy: 'r1' }),
  );

  expect(target.writes).toEqual(['delete green']);
  expect([...target.deployments.keys()]).toEqual(['blue']);
});

const ours = { [ROLLOUT_TAG]: 'r1' };
it.each([
  ['by its tag', { tags: ours }, { tags: { team: 'risk' } }, 'r1'],
  ['by its id, also where whoever made it is to go', { id: '1' }, { id: '2' }, undefined],
  [
    'by its id, also where it was copied with its tags',
    { id: '1', tags: ours },
    { id: '2', tags: ours },
    'r1',
  ],
] as const)(
  'leaves what somebody made anew as soon as the name was free, and knows it %s',
  async (...given) => {
    const [, old, made, madeBy] = given;
    const target = new MemoryTarget();
    target.addDeployment('green', old);
    target.fault = (call) => {
      if (call === 'readDeployment' && target.writes.includes('delete green')) {
        target.addDeployment('green', { state: 'creating', ...made });
      }
      return undefined;
    };

    const result: unknown = await activityEnvironment().run(() =>
      deleteDeployment(target.ports(), {
        ...INPUT,
        deployment: 'green',
        ...(madeBy === undefined ? {} : { madeBy }),
      }),
    );

    expect(result).toEqual({ another: true });
    expect(target.writes).toEqual(['delete green']);
    expect(target.deployments.get('green')).toMatchObject(made);
  },
);

it.each([
  ['one that it made', ours, ['delete green'], false],
  ['one that another made under that name', {}, [], true],
])('tells whether another stands there still: %s', async (_, tags, writes, another) => {
  const target = new MemoryTarget();
  target.addDeployment('green', { tags });

  const result: unknown = await activityEnvironment().run(() =>
    deleteDeployment(target.ports(), { ...INPUT, deployment: 'green', madeBy: 'r1' }),
  );

  expect(result).toEqual({ another });
  expect(target.writes).toEqual(writes);
});

describe('a rollback', () => {
  const anHour = 3_600_000;
  const busy = new PortError('busy', { kind: 'throttled', code: 'TooManyRequests', retryAfterMs: anHour });

  it.each(['readDeployment', 'read'] as const)(
    'asks a busy target again soon, whatever wait it names: %s',
    async (busyAt) => {
      const target = new MemoryTarget();
      target.addDeployment('green', { tags: ours });
      target.fault = (call) => {
        if (call === busyAt) throw busy;
        return undefined;
      };

      await expect(
        activityEnvironment().run(() =>
          deleteDeployment(target.ports(), { ...INPUT, deployment: 'green', madeBy: 'r1' }),
        ),
      ).rejects.toMatchObject({ type: FailureType.PortThrottled, nextRetryDelay: 10_000 });
    },
  );

  it('does so too while it waits until green is gone', async () => {
    const target = new MemoryTarget();
    target.addDeployment('green', { tags: ours });
    let asked = 0;
    target.fault = (call) => {
      if (call === 'deleteDeployment' && ++asked === 1) throw busy;
      return undefined;
    };
    const begunMs = Date.now();

    await activityEnvironment().run(() =>
      deleteDeployment(target.ports(), { ...INPUT, deployment: 'green', madeBy: 'r1' }),
    );

    expect(target.writes).toEqual(['delete green']);
    expect(Date.now() - begunMs).toBeLessThan(20_000);
  });

  it('that is refused for long ends as what it is refused with, and takes it up again', async () => {
    const target = new MemoryTarget();
    target.addDeployment('green', { tags: ours });
    let asked = 0;
    target.fault = (call) => (call === 'deleteDeployment' && ++asked <= 10 ? 'throw-transient' : undefined);

    const ends = await attemptsOf(3, () =>
      deleteDeployment(target.ports(), { ...INPUT, deployment: 'green', madeBy: 'r1' }),
    );

    expect(ends[0]).toMatchObject({ message: 'deleteDeployment failed by request of the test' });
    expect(ends[2]).toEqual({ another: false });
    expect(target.writes).toEqual(['delete green']);
  });

  it('counts its noes from the first one since the target took the deletion', async () => {
    const no = new PortError('not now', { kind: 'permanent', code: 'Forbidden' });
    const target = new MemoryTarget();
    target.addDeployment('green', { tags: ours });
    let attempt = 0;
    let taken = false;
    target.fault = (call) => {
      if (call === 'readDeployment' && taken) throw no;
      if (call !== 'deleteDeployment') return undefined;
      if (attempt < 9) throw no;
      taken = true;
      return undefined;
    };

    const ends = await attemptsOf(
      10,
      (n) => {
        attempt = n;
        return deleteDeployment(target.ports(), { ...INPUT, deployment: 'green', madeBy: 'r1' });
      },
      { retryPolicy: { maximumInterval: 1_800 } },
    );

    expect(taken).toBe(true);
    expect(ends[9]).toMatchObject({ type: FailureType.PortTransient, message: 'not now' });
  });
});

describe('requests in flight', () => {
  it('are waited for: nothing is deleted before a reading shows none', async () => {
    const target = new MemoryTarget();
    target.distort = (snapshot) => inFlight(snapshot, target.looks <= 3 ? 1 : 0);

    const { looksBefore } = await deleteGreen(target, 60_000);

    expect(looksBefore).toEqual([4]);
    expect(target.writes).toEqual(['delete green']);
  });

  it('are sat out in full where nobody tells of them', async () => {
    const target = new MemoryTarget();
    target.metricsAway = true;

    const { tookMs } = await deleteGreen(target, 500);

    expect(tookMs).toBeGreaterThanOrEqual(500);
    expect(target.writes).toEqual(['delete green']);
  });

  it('are sat out once, over all attempts', async () => {
    const target = new MemoryTarget();
    target.metricsAway = true;

    const { tookMs } = await deleteGreen(target, 60_000, {
      attempt: 2,
      scheduledTimestampMs: Date.now() - 55_000,
    });

    expect(tookMs).toBeGreaterThanOrEqual(4_000);
    expect(tookMs).toBeLessThan(30_000);
  });
});

/** Deletes a green without traffic. @returns how often the metrics had been read when it was asked to go. */
async function deleteGreen(target: MemoryTarget, drainWithinMs: number, info: Partial<Info> = {}) {
  target.addDeployment('green');
  const looksBefore: number[] = [];
  target.fault = (call) => {
    if (call === 'deleteDeployment') looksBefore.push(target.looks);
    return undefined;
  };
  const begunMs = Date.now();
  await activityEnvironment(info).run(() =>
    deleteDeployment(target.ports(), { ...INPUT, deployment: 'green', drainWithinMs }),
  );
  return { looksBefore, tookMs: Date.now() - begunMs };
}

describe('a baseline', () => {
  const live = { live: { green: 100 }, mirror: {} };
  const written = { traffic: live, baseline: 'blue', green: 'green', instances: { green: 2 } };
  const GREEN = { tags: ours, instances: { wanted: 2, ready: 2 } };

  it.each([
    ['is gone', null, written, { observed: null, off: [] }],
    ['is being deleted', { state: 'deleting' }, written, { observed: null, off: [] }],
    ['is another under its name', { tags: {} }, { ...written, madeBy: 'r1' }, { observed: null, off: [] }],
    [
      'was scaled to nothing',
      { instances: { wanted: 0, ready: 0 } },
      written,
      { observed: live, off: ['green'] },
    ],
  ] as const)('is not deleted where green %s: there would be nobody left', async (_, state, known, found) => {
    const target = new MemoryTarget();
    if (state !== null) target.addDeployment('green', { ...GREEN, ...state });
    target.changeTraffic(live);

    await expect(deleteBlue(target, known)).rejects.toMatchObject({
      type: FailureType.Drift,
      nonRetryable: true,
      details: [found],
    });
    expect(target.writes).toEqual([]);
  });

  it.each([
    ['has fewer instances than it had', { wanted: 1, ready: 1 }, written],
    ['was adopted with none', { wanted: 0, ready: 0 }, { ...written, instances: { green: 0 } }],
    [
      'was adopted without traffic',
      { wanted: 0, ready: 0 },
      { ...written, traffic: { live: { other: 100 }, mirror: {} } },
    ],
  ] as const)('is deleted where green %s: no look holds for that', async (_, instances, known) => {
    const target = new MemoryTarget();
    target.addDeployment('green', { ...GREEN, instances });
    target.changeTraffic(live);

    await deleteBlue(target, known);

    expect(target.writes).toEqual(['delete blue']);
  });

  it('waits while no instance of green answers', async () => {
    const target = new MemoryTarget();
    target.addDeployment('green', { ...GREEN, instances: { wanted: 2, ready: 0 } });
    target.changeTraffic(live);
    let reads = 0;
    const readyAtDeletions: unknown[] = [];
    target.fault = (call) => {
      if (call === 'read' && ++reads === 4) target.addDeployment('green', GREEN);
      if (call === 'deleteDeployment')
        readyAtDeletions.push(target.deployments.get('green')?.instances.ready);
      return undefined;
    };

    await deleteBlue(target, written);

    expect(target.writes).toEqual(['delete blue']);
    expect(readyAtDeletions).toEqual([2]);
  });

  it('that was asked to go already is waited for', async () => {
    const target = new MemoryTarget();
    target.addDeployment('blue', { state: 'deleting' });
    target.changeTraffic(live);
    let reads = 0;
    target.fault = (call) => {
      if (call === 'readDeployment' && ++reads === 3) target.removeDeployment('blue');
      return undefined;
    };

    await expect(deleteBlue(target, written)).resolves.toEqual({ another: false });
    expect(target.deployments.has('blue')).toBe(false);
  });
});

function deleteBlue(target: MemoryTarget, written: Written): Promise<unknown> {
  return activityEnvironment().run(() =>
    deleteDeployment(target.ports(), { ...INPUT, deployment: 'blue', written }),
  );
}
