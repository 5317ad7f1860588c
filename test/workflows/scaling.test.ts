import { WorkflowUpdateFailedError } from '@temporalio/client';
import { describe, expect, it } from 'vitest';

import type { RolloutStatus } from '../../core/messages.js';
import type { Step } from '../../core/plan.js';
import { failing, type MemoryTarget, ofFour } from '../support/memory-target.js';
import { bakeStep, by, CREATE, CUTOVER, planOf, rampStep } from '../support/plans.js';
import { useBench, type Rollout } from '../support/rollout-bench.js';

const bench = useBench();

const LONG = rampStep(10, { dwell: { atLeastMs: 60_000, atMostMs: 600_000 } });
const BAKE = bakeStep(600_000);

/** A rollout whose baseline has four instances, in its ramp or in its bake. */
async function underWay(name: string, steps: readonly Step[] = [CREATE, LONG]) {
  const target = ofFour();
  const rollout = await bench.start(planOf(name, steps), target);
  await rollout.until(
    (s) => (s.phase === 'ramping' || s.phase === 'baking') && s.traffic?.live['green'] !== undefined,
  );
  return { target, rollout };
}

/** The same, held since someone else scaled the baseline to so many. */
async function heldAt(instances: number, name: string, steps?: readonly Step[]) {
  const { target, rollout } = await underWay(name, steps);
  target.changeInstances('blue', instances);
  await rollout.until((s) => s.phase === 'held');
  return { target, rollout };
}

const heldAtOne = ({ hold }: RolloutStatus): boolean => hold?.kind === 'drift' && hold.scaled[0]?.to === 1;

/** In order, as they were scheduled. */
async function activitiesOf(rollout: Rollout): Promise<readonly string[]> {
  const { events } = await rollout.handle.fetchHistory();
  return (events ?? []).flatMap((e) => e.activityTaskScheduledEventAttributes?.activityType?.name ?? []);
}

/** Until a look that has begun by now is answered: a window ends where a person pauses it. */
async function lookedOn(target: MemoryTarget, rollout: Rollout): Promise<void> {
  const { looks } = target;
  await rollout.until(() => target.looks > looks + 1);
  await rollout.send('pause', by);
  await rollout.until((s) => s.phase === 'paused');
  await rollout.send('resume', by);
  await rollout.until((s) => s.phase === 'baking');
}

async function end(rollout: Rollout): Promise<void> {
  await rollout.send('abort', by);
  await rollout.failure();
}

const scaledDown = { kind: 'drift', scaled: [{ deployment: 'blue', from: 4, to: 1 }] };

/** One of blue's four instances finds room while green is there. */
function roomOnceGreenIsGone(target: MemoryTarget): void {
  let room = 1;
  target.fault = (call) => {
    if (call === 'deleteDeployment') room = 4;
    const { wanted = 0 } = target.deployments.get('blue')?.instances ?? {};
    if (wanted === 4) target.addDeployment('blue', { instances: { wanted, ready: room } });
    return undefined;
  };
}

describe.concurrent('a baseline that someone else scales down', () => {
  it.each([
    ['in a ramp', [CREATE, LONG]],
    ['in a bake, where it has no traffic but is where a rollback goes', [CREATE, CUTOVER, BAKE]],
  ])('%s: is held for and said, and nothing is written', async (where, steps) => {
    const { target, rollout } = await underWay(`scaled-${where.slice(0, 8).replaceAll(' ', '-')}`, steps);
    const { looks } = target;
    const writes = [...target.writes];

    target.changeInstances('blue', 1);
    const held = await rollout.until((s) => s.phase === 'held');

    expect(held.hold).toMatchObject({
      ...scaledDown,
      because: 'someone else changed it: blue was scaled from 4 to 1 instance',
    });
    expect(target.looksUntil(held.hold?.sinceMs ?? 0, looks)).toBe(1);
    // Held, it goes on looking at its interval, and does not turn in circles.
    const { historyLength } = await rollout.handle.describe();
    const from = target.looks;
    await rollout.until(() => target.looks > from + 10);
    expect((await rollout.handle.describe()).historyLength).toBeLessThan(historyLength + 10);
    expect(target.writes).toEqual(writes);
    await end(rollout);
  });

  it('restored gets its instances back, and the rollout goes on', async () => {
    const { target, rollout } = await heldAt(1, 'scaled-restored');

    await rollout.send('resolveDrift', { choice: 'restore', ...by });
    await rollout.until((s) => s.phase === 'ramping');

    expect(target.deployments.get('blue')?.instances.wanted).toBe(4);
    expect(target.writes.filter((w) => w.startsWith('scale'))).toEqual(['scale blue to 4']);
    await end(rollout);
  });

  it('adopted stays as it is, also when the rollout is taken back', async () => {
    const { target, rollout } = await heldAt(1, 'scaled-adopted');

    await rollout.send('resolveDrift', { choice: 'adopt', ...by });
    await rollout.until((s) => s.phase === 'ramping');
    await end(rollout);

    expect(target.deployments.get('blue')?.instances.wanted).toBe(1);
  });

  it('and up again needs nobody: the rollout goes on', async () => {
    const { target, rollout } = await heldAt(1, 'scaled-back');

    target.changeInstances('blue', 4);
    await rollout.until((s) => s.phase === 'ramping');

    await end(rollout);
  });

  it('gets its instances back when the rollout is aborted, and the report says so', async () => {
    const { target, rollout } = await heldAt(1, 'scaled-aborted');

    await rollout.send('abort', by);
    const { report } = await rollout.failure();

    expect(target.deployments.get('blue')?.instances.wanted).toBe(4);
    expect(report.notes).toEqual(['blue got its 4 instances back: someone else had scaled it down']);
    // Green answers nobody any more before anything else is done.
    expect(target.writes.slice(-3).map((w) => w.split(' ')[0])).toEqual(['traffic', 'scale', 'delete']);
  });

  it('to nothing gets them back before its traffic, and cannot be adopted', async () => {
    const { target, rollout } = await heldAt(0, 'scaled-to-nothing', [CREATE, CUTOVER, BAKE]);

    const refused: unknown = await rollout
      .send('resolveDrift', { choice: 'adopt', ...by })
      .catch((e: unknown) => e);
    target.behaviour.set('green', { errors: 1, slow: 0 });
    const { type } = await rollout.failure();

    expect(refused).toBeInstanceOf(WorkflowUpdateFailedError);
    expect(((refused as Error).cause as Error).message).toContain(
      'blue has no instance left; restore or abort',
    );
    expect(type).toBe('RolledBack');
    expect(target.deployments.get('blue')?.instances.wanted).toBe(4);
    expect(target.writes.slice(-3)).toEqual([
      'scale blue to 4',
      'traffic {"live":{"blue":100},"mirror":{}}',
      'delete green',
    ]);
  });
});

describe.concurrent('a baseline that somebody scales to nothing', () => {
  const BACK = ['scale blue to 4', 'traffic {"live":{"blue":100},"mirror":{}}'];

  it('gets its instances back before its traffic also where green is deleted after that', async () => {
    const { target, rollout } = await heldAt(0, 'scaled-and-deleted', [CREATE, CUTOVER, BAKE]);
    target.deployments.delete('green');
    const { hold } = await rollout.until((s) => s.hold?.because.includes('is gone') === true);

    await rollout.send('abort', by);
    const { type } = await rollout.failure();

    expect(hold?.because).toMatch(/one of its deployments is gone; blue was scaled from 4 to 0 instances$/);
    expect(type).toBe('Aborted');
    expect(target.writes.slice(-2)).toEqual(BACK);
  });

  it('gets them back also where the look that finds it finds green broken, too', async () => {
    const target = ofFour();
    let workerAway = false;
    target.fault = (_, traffic) => {
      // Its own ports are there already; the bake's are not.
      if (traffic?.live['green'] === 100) workerAway = true;
      return undefined;
    };
    const rollout = await bench.start(planOf('scaled-unseen', [CREATE, rampStep(10), CUTOVER, BAKE]), {
      ports: () => {
        if (workerAway) throw new Error('no worker');
        return target.ports();
      },
    });
    await rollout.until((s) => s.phase === 'baking');
    target.addDeployment('green', { ...target.deployments.get('green'), restarts: 3 });
    target.changeInstances('blue', 0);
    workerAway = false;

    const { type, message } = await rollout.failure();

    expect(type).toBe('RolledBack');
    expect(message).toContain('restarted');
    expect(target.writes.slice(-3)).toEqual([...BACK, 'delete green']);
  });
});

describe.concurrent('a baseline that was scaled to nothing and whose instances are wanted again', () => {
  it.each([
    ['all-of-them', { wanted: 4, ready: 0 }, (s: RolloutStatus) => s.phase === 'baking', null],
    ['some-of-them', { wanted: 1, ready: 0 }, heldAtOne, null],
    ['adopted', { wanted: 1, ready: 0 }, heldAtOne, 'adopt'],
  ])('%s: gets no traffic before one of them answers', async (name, instances, seen, choice) => {
    const { target, rollout } = await heldAt(0, `scaled-to-nothing-${name}`, [CREATE, CUTOVER, BAKE]);
    target.addDeployment('blue', { instances });
    await rollout.until(seen);
    if (choice !== null) {
      await rollout.send('resolveDrift', { choice, ...by });
      await rollout.until((s) => s.phase === 'baking');
    }
    let asked = 0;
    let nodesAway = true;
    const readyAtWrites: unknown[] = [];
    target.fault = (call) => {
      if (call === 'readDeployment') asked += 1;
      if (call === 'writeTraffic') readyAtWrites.push(target.deployments.get('blue')?.instances.ready);
      return call === 'scale' && nodesAway ? 'throw-transient' : undefined;
    };

    await rollout.send('abort', by);
    await rollout.until((s) => asked > 2 || s.outcome !== null);
    nodesAway = false;
    target.changeInstances('blue', 4);
    const { type } = await rollout.failure();

    expect(type).toBe('Aborted');
    expect(readyAtWrites).toEqual([4]);
  });
});

describe.concurrent('a baseline that had no instances, and lacks one of them when it is gone back to', () => {
  it('owes nothing once a look saw all of them answer: one that is away later holds nothing up', async () => {
    const { target, rollout } = await heldAt(0, 'scaled-and-well', [CREATE, CUTOVER, BAKE]);
    target.changeInstances('blue', 4);
    await rollout.until((s) => s.phase === 'baking');
    await lookedOn(target, rollout);
    target.addDeployment('blue', { instances: { wanted: 4, ready: 3 } });

    await rollout.send('abort', by);
    const { type, report } = await rollout.failure();

    expect(type).toBe('Aborted');
    expect(report).toMatchObject({ left: [], notes: [] });
    expect((await activitiesOf(rollout)).slice(-2)).toEqual(['setTraffic', 'deleteDeployment']);
  });

  it('is told to have got them back where the rollback did that in two asks', async () => {
    const { target, rollout } = await heldAt(0, 'scaled-in-two-asks', [CREATE, CUTOVER, BAKE]);
    roomOnceGreenIsGone(target);

    await rollout.send('abort', by);
    const { type, report } = await rollout.failure();

    expect(type).toBe('Aborted');
    expect(report.notes).toEqual(['blue got its 4 instances back: someone else had scaled it down']);
  });

  it('is not told to have got them back where the second ask fails: that is left to do', async () => {
    const { target, rollout } = await heldAt(0, 'scaled-in-two-asks-in-vain', [CREATE, CUTOVER, BAKE]);
    target.fault = () => {
      const { wanted = 0 } = target.deployments.get('blue')?.instances ?? {};
      if (wanted === 4) target.addDeployment('blue', { instances: { wanted, ready: 1 } });
      return undefined;
    };

    await rollout.send('abort', by);
    const { type, report } = await rollout.failure();

    expect(type).toBe('RollbackIncomplete');
    expect(report).toMatchObject({
      left: [expect.stringMatching(/^scale the deployment blue of .* to 4 instances/)],
      notes: [],
    });
  });

  it('gets its traffic soon, and the last instance after all else', async () => {
    const { target, rollout } = await heldAt(0, 'scaled-all-but-one', [CREATE, CUTOVER, BAKE]);
    target.addDeployment('blue', { instances: { wanted: 4, ready: 3 } });
    await rollout.until((s) => s.phase === 'baking');
    // It starts once green's room is free.
    target.fault = (call) => {
      if (call === 'deleteDeployment') target.changeInstances('blue', 4);
      return undefined;
    };

    await rollout.send('abort', by);
    const { type, report } = await rollout.failure();

    expect(type).toBe('Aborted');
    expect(target.traffic.live).toEqual({ blue: 100 });
    // Nobody but the person gave them back.
    expect(report).toMatchObject({ left: [], notes: [] });
    expect((await activitiesOf(rollout)).slice(-4)).toEqual([
      'scaleDeployment',
      'setTraffic',
      'deleteDeployment',
      'scaleDeployment',
    ]);
  });
});

describe.concurrent(
  'a baseline that somebody scales down, and that no look has missed when it is gone back to',
  () => {
    const TRAFFIC = 'traffic {"live":{"blue":100},"mirror":{}}';
    const GIVEN_BACK = 'blue got its 4 instances back: someone else had scaled it down';

    /** A rollout in its bake, which has looked once and does not look again. */
    async function unseen(name: string) {
      const target = ofFour();
      const watching = { intervalMs: 600_000, warmUpMs: 0, alpha: 0.01, alphaPass: 0.05 };
      const rollout = await bench.start(planOf(name, [CREATE, CUTOVER, BAKE], { watching }), target);
      await rollout.until((s) => s.phase === 'baking' && target.looks > 1);
      return { target, rollout };
    }

    /** Nobody can read the endpoint until its traffic is written. */
    function unreadUntilWritten(target: MemoryTarget): void {
      const { fault } = target;
      let isWritten = false;
      target.fault = (call, traffic) => {
        if (call === 'writeTraffic') isWritten = true;
        return call === 'read' && !isWritten ? 'throw-transient' : fault(call, traffic);
      };
    }

    it.each([
      ['to-nothing', 0, ['scale blue to 4', TRAFFIC, 'delete green']],
      ['to-one-of-four', 1, [TRAFFIC, 'scale blue to 4', 'delete green']],
    ])(
      '%s: gets its instances back, before its traffic where it has none, and the report says so',
      async (name, instances, writes) => {
        const { target, rollout } = await unseen(`unseen-${name}`);

        target.changeInstances('blue', instances);
        await rollout.send('abort', by);
        const { type, report } = await rollout.failure();

        expect(type).toBe('Aborted');
        expect(target.writes.slice(-3)).toEqual(writes);
        expect(report).toMatchObject({ left: [], notes: [GIVEN_BACK] });
        expect(await bench.replayed(rollout)).toBeNull();
      },
    );

    it('gets them back as soon as they are missed, where the endpoint could not be read before its traffic was written', async () => {
      const { target, rollout } = await unseen('unseen-unread');

      target.changeInstances('blue', 0);
      unreadUntilWritten(target);
      await rollout.send('abort', by);
      const { type, report } = await rollout.failure();

      expect(type).toBe('Aborted');
      expect(target.writes.slice(-3)).toEqual([TRAFFIC, 'scale blue to 4', 'delete green']);
      expect(report.notes).toEqual([GIVEN_BACK]);
    });

    it('gets no traffic where it cannot get them back', async () => {
      const { target, rollout } = await unseen('unseen-for-good');

      target.changeInstances('blue', 0);
      target.fault = (call) => (call === 'scale' ? 'throw-permanent' : undefined);
      await rollout.send('abort', by);
      const { type, report } = await rollout.failure();

      expect(type).toBe('RollbackIncomplete');
      expect(target.traffic.live).toEqual({ green: 100 });
      expect([...target.deployments.keys()]).toEqual(['blue', 'green']);
      expect(report).toMatchObject({
        rollbackMs: null,
        left: [
          expect.stringMatching(/^scale the deployment blue of .* to 4 instances \(scale is forbidden/),
          expect.stringMatching(/^set the traffic of .* \(not before blue has an instance that answers\)$/),
          expect.stringMatching(
            /^delete the deployment green .*not before blue has an instance that answers/,
          ),
        ],
      });
    });

    it('leaves green where it got its traffic unread, and cannot get them back', async () => {
      const { target, rollout } = await unseen('unseen-unread-for-good');

      target.changeInstances('blue', 0);
      target.fault = (call) => (call === 'scale' ? 'throw-permanent' : undefined);
      unreadUntilWritten(target);
      await rollout.send('abort', by);
      const { type, report } = await rollout.failure();

      expect(type).toBe('RollbackIncomplete');
      expect(target.traffic.live).toEqual({ blue: 100 });
      expect(report.left).toEqual([
        expect.stringMatching(/^scale the deployment blue of .* to 4 instances/),
        expect.stringMatching(/^delete the deployment green .*not before blue has an instance that answers/),
      ]);
    });

    it('gets no traffic where somebody takes them away again and again', async () => {
      const { target, rollout } = await unseen('unseen-again-and-again');

      target.fault = (call) => {
        if (call === 'read') target.changeInstances('blue', 0);
        return undefined;
      };
      await rollout.send('abort', by);
      const { type, report } = await rollout.failure();

      expect(type).toBe('RollbackIncomplete');
      expect(target.traffic.live).toEqual({ green: 100 });
      expect(report.left).toEqual([
        expect.stringMatching(/^set the traffic of .* \(blue of .* was scaled to nothing/),
        expect.stringMatching(/^delete the deployment green .*not before blue has its traffic/),
      ]);
    });

    it('is asked for them once where one look had missed some of them, and all are gone by now', async () => {
      const { target, rollout } = await heldAt(1, 'unseen-since', [CREATE, CUTOVER, BAKE]);

      let isAsked = false;
      target.fault = (call) => {
        if (call === 'read' && !isAsked) {
          isAsked = true;
          target.changeInstances('blue', 0);
        }
        return undefined;
      };
      await rollout.send('abort', by);
      const { report } = await rollout.failure();

      expect(target.writes.slice(-3)).toEqual(['scale blue to 4', TRAFFIC, 'delete green']);
      expect((await activitiesOf(rollout)).filter((type) => type === 'scaleDeployment')).toHaveLength(1);
      expect(report).toMatchObject({ left: [], notes: [GIVEN_BACK] });
    });

    it('keeps as many as its autoscaler wants, and nothing is said', async () => {
      const { target, rollout } = await unseen('unseen-autoscaled');

      target.autoscaled.add('blue');
      target.changeInstances('blue', 1);
      await rollout.send('abort', by);
      const { report } = await rollout.failure();

      expect(target.writes.slice(-2)).toEqual([TRAFFIC, 'delete green']);
      expect(report).toMatchObject({ left: [], notes: [] });
    });
  },
);

describe.concurrent('a baseline without instances that cannot get them back', () => {
  it('gets no traffic: green goes on serving, and what is left to do is told', async () => {
    const { target, rollout } = await heldAt(0, 'scaled-for-good', [CREATE, CUTOVER, BAKE]);

    target.fault = (call) => (call === 'scale' ? 'throw-permanent' : undefined);
    await rollout.send('abort', by);
    const { type, report } = await rollout.failure();

    expect(type).toBe('RollbackIncomplete');
    expect(target.traffic.live).toEqual({ green: 100 });
    expect([...target.deployments.keys()]).toEqual(['blue', 'green']);
    expect(report.left).toEqual([
      expect.stringMatching(/^scale the deployment blue of .* to 4 instances \(scale is forbidden/),
      expect.stringMatching(
        /^set the traffic of .* to blue 100 % \(not before blue has an instance that answers\)$/,
      ),
      expect.stringMatching(/^delete the deployment green .*not before blue has an instance that answers/),
    ]);
  });

  it('is not what it is for a first no', async () => {
    const { target, rollout } = await heldAt(0, 'scaled-no-and-yes', [CREATE, CUTOVER, BAKE]);

    target.fault = failing('scale', 'throw-permanent', 2);
    await rollout.send('abort', by);
    const { report } = await rollout.failure();

    expect(report).toMatchObject({ outcome: 'aborted', left: [] });
    expect(target.traffic.live).toEqual({ blue: 100 });
  });

  it('but with some of them takes its traffic, as clients need it', async () => {
    const { target, rollout } = await heldAt(0, 'scaled-in-part', [CREATE, CUTOVER, BAKE]);

    // There is room for one of four, and then the target refuses.
    target.fault = (call) => {
      if (call !== 'scale') return undefined;
      if (target.deployments.get('blue')?.instances.ready === 1) return 'throw-permanent';
      target.changeInstances('blue', 1);
      return 'throw-transient';
    };
    await rollout.send('abort', by);
    const { report } = await rollout.failure();

    expect(target.traffic.live).toEqual({ blue: 100 });
    expect([...target.deployments.keys()]).toEqual(['blue']);
    expect(report.left).toHaveLength(1);
  });
});

describe.concurrent('a restore that gets no instances', () => {
  it('costs nobody green: it is said, held for as before, and another word is taken', async () => {
    const { target, rollout } = await heldAt(1, 'restored-in-vain', [CREATE, CUTOVER, BAKE]);
    target.fault = (call) => (call === 'scale' ? 'throw-permanent' : undefined);

    await rollout.send('resolveDrift', { choice: 'restore', ...by });
    const held = await rollout.until((s) => s.notes.length > 0 || s.outcome !== null);

    expect(held).toMatchObject({ phase: 'held', hold: scaledDown });
    expect(held.notes).toEqual([expect.stringMatching(/^could not be restored: scale is forbidden/)]);
    expect(target.traffic.live).toEqual({ green: 100 });
    target.fault = () => undefined;
    await rollout.send('resolveDrift', { choice: 'restore', ...by });
    await rollout.until((s) => s.phase === 'baking');
    expect(target.deployments.get('blue')?.instances.wanted).toBe(4);
    await end(rollout);
  });
});

describe.concurrent('a restore whose traffic cannot be written', () => {
  it('has given the instances back all the same: a rollback has none to give', async () => {
    const { target, rollout } = await underWay('restored-not-written');
    target.changeTraffic({ live: { blue: 80, green: 20 }, mirror: {} });
    target.changeInstances('blue', 1);
    await rollout.until((s) => s.hold?.kind === 'drift' && s.hold.scaled.length > 0);
    target.fault = (call) => (call === 'writeTraffic' ? 'throw-permanent' : undefined);

    await rollout.send('resolveDrift', { choice: 'restore', ...by });
    await rollout.until((s) => s.hold?.kind === 'drift' && s.hold.scaled.length === 0);
    await rollout.send('resolveDrift', { choice: 'adopt', ...by });
    await rollout.until((s) => s.phase === 'ramping');
    target.fault = () => undefined;
    await rollout.send('abort', by);
    const { report } = await rollout.failure();

    expect(report.notes).toEqual([
      expect.stringMatching(/^could not be restored: writeTraffic is forbidden/),
    ]);
  });
});

describe.concurrent('a restore whose instances do not get ready', () => {
  /** The target takes it, and has no room: they are wanted, and never ready. */
  const noRoom = (target: MemoryTarget) => {
    const room = { denied: false };
    target.fault = (call) => {
      if (call === 'readDeployment' && room.denied) return 'throw-permanent';
      if (call !== 'scale') return undefined;
      const blue = target.deployments.get('blue')!;
      target.deployments.set('blue', { ...blue, instances: { wanted: 4, ready: 0 } });
      room.denied = true;
      return 'throw-transient';
    };
    return room;
  };

  it('is not forgotten when they are there by name: nobody is sent to them until they answer', async () => {
    const { target, rollout } = await heldAt(0, 'restored-by-name', [CREATE, CUTOVER, BAKE]);
    const room = noRoom(target);
    await rollout.send('resolveDrift', { choice: 'restore', ...by });
    await rollout.until((s) => s.notes.length > 0);
    room.denied = false;
    await rollout.until((s) => s.phase === 'baking');
    // Another hold does not forget it either.
    target.changeTraffic({ live: { blue: 1, green: 99 }, mirror: {} });
    await rollout.until((s) => s.phase === 'held');

    room.denied = true;
    await rollout.send('abort', by);
    const { type, report } = await rollout.failure();

    expect(type).toBe('RollbackIncomplete');
    expect(target.traffic.live).toEqual({ blue: 1, green: 99 });
    expect(report.left[0]).toMatch(/^scale the deployment blue of .* to 4 instances/);
  });

  it('is done again by the next word, before any traffic', async () => {
    const { target, rollout } = await underWay('restored-twice');
    target.changeTraffic({ live: { green: 100 }, mirror: {} });
    target.changeInstances('blue', 0);
    await rollout.until((s) => s.phase === 'held' && s.hold?.kind === 'drift' && s.hold.scaled.length > 0);
    const room = noRoom(target);
    await rollout.send('resolveDrift', { choice: 'restore', ...by });
    await rollout.until((s) => s.notes.length === 1);
    room.denied = false;
    await rollout.until((s) => s.hold?.kind === 'drift' && s.hold.scaled.length === 0);
    const { writes } = target;
    const before = writes.length;

    room.denied = true;
    await rollout.send('resolveDrift', { choice: 'restore', ...by });
    await rollout.until((s) => s.notes.length === 2);
    const meanwhile = writes.slice(before);
    room.denied = false;
    target.fault = () => undefined;
    target.changeInstances('blue', 4);
    await rollout.send('resolveDrift', { choice: 'restore', ...by });
    await rollout.until((s) => s.phase === 'ramping');

    expect(meanwhile.filter((write) => write.startsWith('traffic'))).toEqual([]);
    expect(target.traffic.live).toEqual({ blue: 90, green: 10 });
    await end(rollout);
  });
});

describe.concurrent(
  'a baseline that was scaled down, and finds no room for its instances while green has it',
  () => {
    it('gets them back once green is gone', async () => {
      const { target, rollout } = await heldAt(1, 'scaled-no-room');
      let room = false;
      target.fault = (call) => {
        if (call === 'deleteDeployment') room = true;
        return call === 'scale' && !room ? 'throw-permanent' : undefined;
      };

      await rollout.send('abort', by);
      const { type, report } = await rollout.failure();

      expect(type).toBe('Aborted');
      expect(report).toMatchObject({
        left: [],
        notes: ['blue got its 4 instances back: someone else had scaled it down'],
      });
      expect(target.writes.slice(-3)).toEqual([
        'traffic {"live":{"blue":100},"mirror":{}}',
        'delete green',
        'scale blue to 4',
      ]);
    });

    it('gets them back then also where the target took it, and they came never ready', async () => {
      const { target, rollout } = await heldAt(1, 'scaled-taken');
      roomOnceGreenIsGone(target);

      await rollout.send('abort', by);
      const { type, report } = await rollout.failure();

      expect(type).toBe('Aborted');
      expect(report).toMatchObject({
        left: [],
        notes: ['blue got its 4 instances back: someone else had scaled it down'],
      });
      expect((await activitiesOf(rollout)).slice(-4)).toEqual([
        'setTraffic',
        'scaleDeployment',
        'deleteDeployment',
        'scaleDeployment',
      ]);
    });
  },
);

describe.concurrent('no drift', () => {
  it('is what an autoscaler does, unless nothing is left', async () => {
    const { target, rollout } = await underWay('autoscaled', [CREATE, CUTOVER, BAKE]);
    target.autoscaled.add('blue');
    target.changeInstances('blue', 1);
    const { looks } = target;
    const still = await rollout.until(() => target.looks > looks + 10);

    target.changeInstances('blue', 0);
    const held = await rollout.until((s) => s.phase === 'held');

    expect(still.phase).toBe('baking');
    expect(held.hold).toMatchObject({ kind: 'drift', scaled: [{ deployment: 'blue', from: 4, to: 0 }] });
    await end(rollout);
  });

  it('are more instances', async () => {
    const { target, rollout } = await underWay('scaled-up');
    target.changeInstances('blue', 9);
    target.changeInstances('green', 9);
    const { looks } = target;

    expect((await rollout.until(() => target.looks > looks + 10)).phase).toBe('ramping');
    await end(rollout);
  });
});
