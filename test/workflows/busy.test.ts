import { describe, it } from 'vitest';

import type { Drift } from '../../core/drift.js';
import type { Step } from '../../core/plan.js';
import { sameTraffic } from '../../core/traffic.js';
import { MemoryTarget, ofFour } from '../support/memory-target.js';
import { APPROVE, by, CREATE, CUTOVER, FOR_LONG, planOf, rampStep } from '../support/plans.js';
import { useBench, type Rollout } from '../support/rollout-bench.js';

const bench = useBench();

const BLUE = { live: { blue: 100 }, mirror: {} };
const BROKEN = { errors: 1, slow: 0 };

/** What is waited for is given up after 15 s, and green is looked at. */
const TURNS_MS = 60_000;

/** A rollout whose target takes no other share than the first; how often it was asked for one. */
async function busy(name: string) {
  const target = new MemoryTarget();
  let asked = 0;
  target.fault = (_, traffic) => {
    if (traffic?.live['green'] !== 25) return undefined;
    asked += 1;
    return 'throttle';
  };
  const rollout = await bench.start(planOf(name, [CREATE, rampStep(10), rampStep(25, FOR_LONG)]), target);
  await rollout.until(() => asked > 0);
  return { target, rollout, asked: () => asked };
}

/** Gates that go blind, and see again: each ends a window of looks before its time. */
async function blindAndBack({ target, rollout }: { target: MemoryTarget; rollout: Rollout }): Promise<void> {
  for (const away of [true, false]) {
    const { looks } = target;
    target.metricsAway = away;
    await rollout.until(() => target.looks > looks + (away ? 15 : 3), TURNS_MS);
  }
}

describe.concurrent('while a target that is busy takes no greater share', () => {
  it(
    'green, which serves, is looked at: one that breaks is rolled back',
    async ({ expect }) => {
      const { target, rollout } = await busy('busy-broken');

      target.behaviour.set('green', BROKEN);
      const { type, message } = await rollout.failure();

      expect(type).toBe('RolledBack');
      expect(message).toMatch(
        /^busy-broken is back at blue 100 % \(read back\): green answered .* with an error/,
      );
      expect(target.everLive.map(({ live }) => live['green'] ?? 0)).toEqual([10, 0]);
    },
    2 * TURNS_MS,
  );

  it(
    'it is asked again after a look, and the rollout goes on as if nothing had been',
    async ({ expect }) => {
      const { target, rollout } = await busy('busy-for-a-while');
      const { looks } = target;
      await rollout.until(() => target.looks > looks, TURNS_MS);

      target.fault = () => undefined;
      await rollout.until((s) => s.traffic?.live['green'] === 25, TURNS_MS);

      expect(target.everLive.map(({ live }) => live['green'])).toEqual([10, 25]);
      expect((await rollout.status()).phase).toBe('ramping');
      await rollout.send('abort', by);
      expect((await rollout.failure()).report.notes).toEqual([]);
    },
    2 * TURNS_MS,
  );

  it(
    'it is asked no sooner for looks that people cut short, or gates that go blind',
    async ({ expect }) => {
      const { asked, ...run } = await busy('busy-and-restless');
      const { looks } = run.target;
      await run.rollout.until(() => run.target.looks > looks, TURNS_MS);
      const before = asked();

      await run.rollout.send('pause', by);
      await run.rollout.send('resume', by);
      await blindAndBack(run);

      expect(asked()).toBe(before);
      await run.rollout.until(() => asked() > before, TURNS_MS);
      await run.rollout.send('abort', by);
      await run.rollout.failure();
    },
    2 * TURNS_MS,
  );
});

/** A rollout that waits for the instances that a person wants restored. */
async function restoring(name: string) {
  const target = ofFour();
  const rollout = await bench.start(planOf(name, [CREATE, rampStep(50, FOR_LONG)]), target);
  await rollout.until((s) => s.traffic?.live['green'] === 50);
  target.changeInstances('blue', 1);
  await rollout.until((s) => s.phase === 'held');
  // Its nodes are on their way.
  target.changeInstances = (deployment, wanted) =>
    target.addDeployment(deployment, { instances: { wanted, ready: 1 } });
  await rollout.send('resolveDrift', { choice: 'restore', ...by });
  await rollout.until(() => target.writes.includes('scale blue to 4'));
  return { target, rollout };
}

describe.concurrent('while a restore waits for instances', () => {
  it(
    'green, which serves, is looked at: one that breaks is rolled back',
    async ({ expect }) => {
      const { target, rollout } = await restoring('restoring-broken');

      target.behaviour.set('green', BROKEN);
      await rollout.until((s) => s.phase === 'rolling-back', TURNS_MS);
      target.addDeployment('blue', { instances: { wanted: 4, ready: 4 } });
      const { type, message } = await rollout.failure();

      expect(type).toBe('RolledBack');
      expect(message).toMatch(
        /^restoring-broken is back at blue 100 % \(read back\): green answered .* with an error/,
      );
    },
    2 * TURNS_MS,
  );

  it(
    'they are asked for no sooner for looks that gates cut short which go blind',
    async ({ expect }) => {
      const run = await restoring('restoring-and-blind');
      let asked = 0;
      run.target.fault = (call) => {
        if (call === 'readDeployment') asked += 1;
        return undefined;
      };
      const { looks } = run.target;
      await run.rollout.until(() => run.target.looks > looks, TURNS_MS);
      const before = asked;

      await blindAndBack(run);

      expect(asked).toBe(before);
      await run.rollout.until(() => asked > before, TURNS_MS);
      await run.rollout.send('abort', by);
      run.target.addDeployment('blue', { instances: { wanted: 4, ready: 4 } });
      await run.rollout.failure();
    },
    2 * TURNS_MS,
  );
});

/** One that waits for green's instances and a write, when somebody makes another change, which a look finds before there is room. */
async function restoringGreen(
  name: string,
  change: (target: MemoryTarget) => void,
  isFound: (hold: Drift) => boolean,
  { steps = [CREATE, rampStep(50, FOR_LONG)] as readonly Step[], phase = 'ramping' } = {},
) {
  const target = ofFour();
  const plan = planOf(name, steps);
  const deployment = { ...plan.deployment, instanceCount: 3 };
  const rollout = await bench.start({ ...plan, deployment }, target);
  await rollout.until((s) => s.phase === phase && s.traffic?.live['green'] === 50);
  target.changeTraffic({ live: { green: 100 }, mirror: {} });
  target.changeInstances('green', 1);
  await rollout.until((s) => s.hold?.kind === 'drift' && s.hold.scaled.length > 0);
  const before = target.writes.length;
  let room = false;
  let asked = 0;
  target.fault = (call) => {
    if (call !== 'scale') return undefined;
    asked += 1;
    return room ? undefined : 'throttle';
  };
  await rollout.send('resolveDrift', { choice: 'restore', ...by });
  await rollout.until(() => asked > 0);
  const { looks } = target;
  await rollout.until(() => target.looks > looks + 1, TURNS_MS);
  change(target);
  const { hold } = await rollout.until((s) => s.hold?.kind === 'drift' && isFound(s.hold), TURNS_MS);
  room = true;
  return { target, rollout, hold, writes: () => target.writes.slice(before) };
}

describe.concurrent('a baseline that is scaled to nothing while a restore waits', () => {
  const scaled = (name: string) =>
    restoringGreen(
      name,
      (target) => target.changeInstances('blue', 0),
      (hold) => hold.scaled.some(({ deployment }) => deployment === 'blue'),
    );

  it(
    'gets its instances back before its traffic where the rollout is taken back',
    async ({ expect }) => {
      const { rollout, hold, writes } = await scaled('restoring-aborted');

      await rollout.send('abort', by);
      const { type } = await rollout.failure();

      expect(hold?.because).toContain('blue was scaled from 4 to 0 instances');
      expect(type).toBe('Aborted');
      expect(writes()).toEqual([
        'scale blue to 4',
        'traffic {"live":{"blue":100},"mirror":{}}',
        'delete green',
      ]);
    },
    2 * TURNS_MS,
  );

  it(
    'gets them back before the restore gives it its share',
    async ({ expect }) => {
      const { rollout, writes } = await scaled('restoring-both');

      await rollout.until((s) => s.phase === 'ramping', TURNS_MS);
      const restored = writes();
      await rollout.send('abort', by);
      const { report } = await rollout.failure();

      expect(restored).toEqual([
        'scale green to 3',
        'scale blue to 4',
        'traffic {"live":{"blue":50,"green":50},"mirror":{}}',
      ]);
      expect(report.notes).toEqual([]);
    },
    3 * TURNS_MS,
  );
});

describe.concurrent('everybody on blue by hand while a restore waits', () => {
  it(
    'is not written over: it is held for, until somebody has a word for that',
    async ({ expect }) => {
      const { target, rollout, writes } = await restoringGreen(
        'restoring-reverted',
        (its) => its.changeTraffic(BLUE),
        ({ observed }) => observed !== null && sameTraffic(observed, BLUE),
      );

      await rollout.until(() => writes().includes('scale green to 3'), TURNS_MS);
      const { looks } = target;
      const held = await rollout.until(() => target.looks > looks + 5, TURNS_MS);

      expect(held).toMatchObject({ phase: 'held', hold: { kind: 'drift', observed: BLUE } });
      expect(held.notes).toEqual(['was not restored: somebody changed it again meanwhile']);
      expect(target.traffic).toEqual(BLUE);
      await rollout.send('resolveDrift', { choice: 'restore', ...by });
      await rollout.until((s) => s.phase === 'ramping', TURNS_MS);
      expect(target.traffic.live).toEqual({ blue: 50, green: 50 });
      await rollout.send('abort', by);
      await rollout.failure();
    },
    3 * TURNS_MS,
  );
});

describe.concurrent('shares that somebody puts back by hand while a restore waits', () => {
  it(
    'are taken over by the next step, and not held for once more',
    async ({ expect }) => {
      const half = { live: { blue: 50, green: 50 }, mirror: {} };
      const { target, rollout } = await restoringGreen(
        'restoring-again',
        (its) => {
          its.changeTraffic(half);
          its.rulesOwner = 'kubectl-edit';
        },
        ({ observed }) => observed !== null && sameTraffic(observed, half),
        { steps: [CREATE, rampStep(50), APPROVE, CUTOVER], phase: 'waiting-for-approval' },
      );

      await rollout.until((s) => s.phase === 'waiting-for-approval', TURNS_MS);
      await rollout.send('approve', by);
      const end = await rollout.until((s) => s.outcome !== null || s.hold?.kind === 'drift');

      expect(end.outcome).toBe('promoted');
      expect(target.rulesOwner).toBeNull();
    },
    3 * TURNS_MS,
  );
});
