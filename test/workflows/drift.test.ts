import { WorkflowUpdateFailedError } from '@temporalio/client';
import { describe, expect, it } from 'vitest';

import { greenDeployment } from '../../bench/support/plans.js';
import type { Plan, Step } from '../../core/plan.js';
import { sameTraffic, type Traffic } from '../../core/traffic.js';
import { MemoryTarget } from '../support/memory-target.js';
import {
  APPROVE,
  bakeStep,
  by,
  CREATE,
  CUTOVER,
  FOR_LONG,
  mirrorStep,
  planOf,
  rampStep,
  SHORT_WINDOWS,
} from '../support/plans.js';
import { useBench, type Rollout } from '../support/rollout-bench.js';

const bench = useBench();

const BLUE = { live: { blue: 100 }, mirror: {} };
const FIRST_SHARE = { live: { blue: 90, green: 10 }, mirror: {} };
const GREENS = 3;

/** Steps that nothing but a breach or a person ends, and the traffic that they write. */
const STEPS = {
  approve: { steps: [CREATE, APPROVE], traffic: BLUE },
  mirror: {
    steps: [CREATE, mirrorStep(10, FOR_LONG)],
    traffic: { live: { blue: 100 }, mirror: { green: 10 } },
  },
  ramp: { steps: [CREATE, rampStep(10, FOR_LONG)], traffic: { live: { blue: 90, green: 10 }, mirror: {} } },
  bake: { steps: [CREATE, CUTOVER, bakeStep(600_000)], traffic: { live: { green: 100 }, mirror: {} } },
} as const satisfies Record<string, { steps: readonly Step[]; traffic: Traffic }>;

interface Change {
  readonly what: string;
  readonly step: keyof typeof STEPS;
  /** Past the rollout. @returns how whoever did it takes it back. */
  change(target: MemoryTarget): () => void;
  /** What the hold says. */
  readonly because: string | RegExp;
  /** Why it cannot be adopted, where it cannot. */
  readonly refusal?: string;
}

const traffic = (step: Change['step'], to: Traffic): Pick<Change, 'step' | 'change'> => ({
  step,
  change: (target) => {
    const before = target.traffic;
    target.changeTraffic(to);
    return () => target.changeTraffic(before);
  },
});

const greens = (step: Change['step'], to: number): Pick<Change, 'step' | 'change'> => ({
  step,
  change: (target) => {
    target.changeInstances('green', to);
    return () => target.changeInstances('green', GREENS);
  },
});

const STANDS_STILL =
  /^green of drift-\d+ was left alone: .* `greenlight revert drift-\d+ .*--to blue --delete green`$/;
const IS_GONE = /, the endpoint or one of its deployments is gone$/;

const deleted = (step: Change['step'], name: string): Change => ({
  what: `${name} is deleted`,
  step,
  change: ({ deployments }) => {
    const before = deployments.get(name);
    deployments.delete(name);
    return () => before && deployments.set(name, before);
  },
  because: IS_GONE,
});

const replaced = (step: Change['step']): Change => ({
  what: 'green is made anew by somebody else',
  step,
  change: (target) => {
    const before = target.deployments.get('green');
    makeAnew(target);
    return () => before && target.deployments.set('green', before);
  },
  because: /, green is not the one that it made any more: /,
});

function makeAnew(target: MemoryTarget): void {
  target.addDeployment('green', { instances: { wanted: GREENS, ready: GREENS } });
}

/** What can be gone on from. */
const ADOPTABLE: readonly Change[] = [
  {
    what: 'green is given its first share',
    ...traffic('approve', FIRST_SHARE),
    because: /wrote blue 100 %, the endpoint shows blue 90 %, green 10 %$/,
  },
  {
    what: 'live shares are changed',
    ...traffic('ramp', { live: { blue: 60, green: 40 }, mirror: {} }),
    because: /wrote blue 90 %, green 10 %, the endpoint shows blue 60 %, green 40 %$/,
  },
  {
    what: 'the mirror is made larger',
    ...traffic('mirror', { live: { blue: 100 }, mirror: { green: 50 } }),
    because: /wrote blue 100 %, mirror green 10 %, the endpoint shows blue 100 %, mirror green 50 %$/,
  },
  {
    what: 'the mirror is taken away',
    ...traffic('mirror', BLUE),
    because: /wrote blue 100 %, mirror green 10 %, the endpoint shows blue 100 %$/,
  },
  {
    what: 'a mirror is added',
    ...traffic('ramp', { live: { blue: 90, green: 10 }, mirror: { green: 20 } }),
    because: /wrote blue 90 %, green 10 %, the endpoint shows blue 90 %, green 10 %, mirror green 20 %$/,
  },
  {
    what: 'green is scaled down',
    ...greens('ramp', 1),
    because: 'someone else changed it: green was scaled from 3 to 1 instance',
  },
  {
    what: 'green is scaled down before its first share',
    ...greens('approve', 1),
    because: 'someone else changed it: green was scaled from 3 to 1 instance',
  },
];

/** What can only be restored. */
const REFUSED: readonly Change[] = [
  {
    what: 'a mirror to a third deployment is added',
    ...traffic('ramp', { live: { blue: 90, green: 10 }, mirror: { red: 20 } }),
    because: /the endpoint shows blue 90 %, green 10 %, mirror red 20 %$/,
    refusal: 'traffic goes to deployments that are not part of this rollout; restore or abort',
  },
  {
    what: 'green is scaled down to nothing',
    ...greens('mirror', 0),
    because: 'someone else changed it: green was scaled from 3 to 0 instances',
    refusal: 'green has no instance left; restore or abort',
  },
];

const GREEN_DELETED = [deleted('approve', 'green'), deleted('mirror', 'green'), deleted('ramp', 'green')];
const GREEN_REPLACED = [replaced('approve'), replaced('ramp'), replaced('bake')];
const BLUE_DELETED = [deleted('ramp', 'blue'), deleted('bake', 'blue')];
const ENDPOINT_DELETED: Change = {
  what: 'the endpoint is deleted',
  step: 'ramp',
  change: (target) => {
    target.endpointGone = true;
    return () => (target.endpointGone = false);
  },
  because: IS_GONE,
};
const DELETED = [...GREEN_DELETED, ...GREEN_REPLACED, ...BLUE_DELETED, ENDPOINT_DELETED];

let rollouts = 0;

/** A rollout in such a step, held for such a change. */
async function heldFor({ step, change }: Pick<Change, 'step' | 'change'>, more: Partial<Plan> = {}) {
  const { phase, ...run } = await inStep(step, more);
  const { target, rollout } = run;
  const { looks } = target;
  const writes = [...target.writes];
  const undo = change(target);
  const { hold } = await rollout.until((s) => s.phase === 'held');
  if (hold?.kind !== 'drift') throw new Error(`held for another reason: ${hold?.because}`);
  return { ...run, phase, looks, writes, undo, hold };
}

/** A rollout in such a step, which has written its traffic and is watched. */
async function inStep(step: Change['step'], more: Partial<Plan> = {}) {
  const target = new MemoryTarget();
  const deployment = { ...greenDeployment, instanceCount: GREENS };
  const plan = planOf(`drift-${++rollouts}`, STEPS[step].steps, { deployment, ...more });
  const rollout = await bench.start(plan, target);
  const { phase } = await rollout.until(
    () => target.looks > 3 && sameTraffic(target.traffic, STEPS[step].traffic),
  );
  return { target, rollout, phase };
}

async function end(rollout: Rollout): Promise<void> {
  await rollout.send('abort', by);
  await rollout.failure();
}

async function adoptRefused(rollout: Rollout): Promise<string> {
  const err: unknown = await rollout
    .send('resolveDrift', { choice: 'adopt', ...by })
    .catch((e: unknown) => e);
  if (!(err instanceof WorkflowUpdateFailedError)) throw new Error('it was adopted', { cause: err });
  return err.cause?.message ?? '';
}

const titled = (changes: readonly Change[]) =>
  changes.map((change) => [change.what, change.step, change] as const);

describe.concurrent('what somebody else changes', () => {
  it.each(titled([...ADOPTABLE, ...REFUSED, ...DELETED]))(
    'is found by the next look, held for and left alone, and taken back by them needs nobody: %s in a %s',
    async (_what, step, change) => {
      const { target, rollout, phase, looks, writes, undo, hold } = await heldFor(change);

      expect(target.looksUntil(hold.sinceMs, looks)).toBe(1);
      expect(hold.expected).toEqual(STEPS[step].traffic);
      expect(hold.because).toMatch(change.because);
      const heldAtLook = target.looks;
      const later = await rollout.until(() => target.looks > heldAtLook + 5);
      expect(later.hold).toEqual(hold);

      undo();
      await rollout.until((s) => s.phase === phase);
      expect(target.writes).toEqual(writes);
      await end(rollout);
      expect(target.traffic).toEqual(BLUE);
      expect([...target.deployments.keys()]).toEqual(['blue']);
    },
  );

  it.each(titled([...ADOPTABLE, ...REFUSED]))(
    'is restored as the rollout wrote it: %s in a %s',
    async (_what, step, change) => {
      const { target, rollout, phase } = await heldFor(change);

      if (change.refusal !== undefined) expect(await adoptRefused(rollout)).toContain(change.refusal);
      await rollout.send('resolveDrift', { choice: 'restore', ...by });
      await rollout.until((s) => s.phase === phase);

      expect(target.traffic).toEqual(STEPS[step].traffic);
      expect(target.deployments.get('green')?.instances.wanted).toBe(GREENS);
      await end(rollout);
    },
  );

  it('that is taken back right after the word to restore it needs no restore, and is not said to have had none', async () => {
    const { target, rollout, phase, writes, undo } = await heldFor(ADOPTABLE[1]!);

    await rollout.send('resolveDrift', { choice: 'restore', ...by });
    undo();
    const { notes } = await rollout.until((s) => s.phase === phase);

    expect(notes).toEqual([]);
    expect(target.writes).toEqual(writes);
    await end(rollout);
  });

  it('is settled by the first word: another while that is being done is refused', async () => {
    const { target, rollout, phase } = await heldFor(ADOPTABLE[0]!);

    target.fault = (call) => (call === 'writeTraffic' ? 'throw-transient' : undefined);
    await rollout.send('resolveDrift', { choice: 'restore', ...by });
    const refusal = await adoptRefused(rollout);
    target.fault = () => undefined;
    const { actions } = await rollout.until((s) => s.phase === phase);

    expect(refusal).toContain('somebody has settled it already');
    expect(actions.map(({ kind }) => kind)).toEqual(['drift-restore']);
    await end(rollout);
  });

  it.each(titled(ADOPTABLE))(
    'is adopted, and an abort goes back to blue all the same: %s in a %s',
    async (_what, _step, change) => {
      const { target, rollout, phase, writes } = await heldFor(change);
      const changed = target.traffic;

      await rollout.send('resolveDrift', { choice: 'adopt', ...by });
      const { looks } = target;
      await rollout.until((s) => s.phase === phase && target.looks > looks + 5);

      expect(await rollout.status()).toMatchObject({ phase, hold: null, traffic: changed });
      expect(target.writes).toEqual(writes);
      await end(rollout);
      expect(target.traffic).toEqual(BLUE);
      expect([...target.deployments.keys()]).toEqual(['blue']);
    },
  );

  it.each(titled(DELETED))(
    'can neither be adopted nor be restored, and is held until it is back: %s in a %s',
    async (_what, _step, change) => {
      const { target, rollout, phase, writes, undo } = await heldFor(change);

      for (const choice of ['adopt', 'restore']) {
        await expect(rollout.send('resolveDrift', { choice, ...by })).rejects.toMatchObject({
          cause: { message: expect.stringContaining('is gone: bring it back, or abort') as string },
        });
      }

      expect(await rollout.status()).toMatchObject({
        phase: 'held',
        next: 'waits for a person: bring back what is gone, or abort',
      });
      expect(target.writes).toEqual(writes);
      undo();
      await rollout.until((s) => s.phase === phase);
      await end(rollout);
    },
  );

  it.each(titled(GREEN_DELETED))('leaves blue to an abort: %s in a %s', async (_what, _step, change) => {
    const { target, rollout } = await heldFor(change);

    await rollout.send('abort', by);
    const { type, report } = await rollout.failure();

    expect({ type, left: report.left }).toEqual({ type: 'Aborted', left: [] });
    expect(target.traffic).toEqual(BLUE);
    expect([...target.deployments.keys()]).toEqual(['blue']);
  });

  it.each(titled(GREEN_REPLACED))(
    'leaves blue to an abort, and whoever was made anew, which is told: %s in a %s',
    async (_what, _step, change) => {
      const { target, rollout } = await heldFor(change);

      await rollout.send('abort', by);
      const { type, report } = await rollout.failure();

      expect({ type, left: report.left }).toEqual({ type: 'Aborted', left: [] });
      expect(report.notes).toEqual([expect.stringMatching(STANDS_STILL)]);
      expect(target.traffic).toEqual(BLUE);
      expect([...target.deployments.keys()]).toEqual(['blue', 'green']);
    },
  );

  it.each(titled([deleted('ramp', 'green'), replaced('ramp')]))(
    'is not told as left to delete as if it stood there, where blue cannot have its traffic: %s in a %s',
    async (what, _step, change) => {
      const { target, rollout } = await heldFor(change);

      target.fault = (call) => (call === 'writeTraffic' ? 'throw-permanent' : undefined);
      await rollout.send('abort', by);
      const { type, report } = await rollout.failure();

      const toDelete =
        /^delete the deployment green of drift-\d+, if it is still there: `greenlight revert .*` \(not before /;
      const theirs = what === replaced('ramp').what;
      expect(type).toBe('RollbackIncomplete');
      expect(report.left).toEqual([
        expect.stringMatching(/^set the traffic of .* to blue 100 % /),
        ...(theirs ? [] : [expect.stringMatching(toDelete)]),
      ]);
      expect(report.notes).toEqual(theirs ? [expect.stringMatching(STANDS_STILL)] : []);
    },
  );

  it('is no green that somebody makes anew where it was deleted: it is held on, and says so', async () => {
    const { target, rollout } = await heldFor(deleted('ramp', 'green'));

    makeAnew(target);
    const { hold } = await rollout.until(({ hold }) => !IS_GONE.test(hold?.because ?? ''));

    expect(hold).toMatchObject({ kind: 'drift', observed: null, replaced: 'green' });
    expect(hold?.because).toContain('green is not the one that it made any more');
    await end(rollout);
    expect([...target.deployments.keys()]).toEqual(['blue', 'green']);
  });

  it.each(titled(BLUE_DELETED))(
    'leaves nothing to go back to: green stays, and what is left to do is told: %s in a %s',
    async (_what, step, change) => {
      const { target, rollout } = await heldFor(change);

      await rollout.send('abort', by);
      const { type, report } = await rollout.failure();

      expect(type).toBe('RollbackIncomplete');
      expect(report.left).toEqual([
        expect.stringMatching(/^set the traffic of .* to blue 100 % /),
        expect.stringMatching(/^delete the deployment green of .* \(not before blue has its traffic\)$/),
      ]);
      expect(target.traffic).toEqual(STEPS[step].traffic);
      expect([...target.deployments.keys()]).toEqual(['green']);
    },
  );
});

describe.concurrent('a green that breaks with a first share that somebody else gave it', () => {
  const KEPT = { afterRollback: 'keep-green' } as const;
  const firstShare = traffic('approve', FIRST_SHARE);

  it.each([
    ['adopted', 'waiting-for-approval'],
    ['held for', 'held'],
  ])('loses it, also where it is kept: %s', async (how, phase) => {
    const { target, rollout } = await heldFor(firstShare, KEPT);
    if (how === 'adopted') await rollout.send('resolveDrift', { choice: 'adopt', ...by });
    await rollout.until((s) => s.phase === phase);

    target.behaviour.set('green', { errors: 1, slow: 0 });
    const { type, message } = await rollout.failure();

    expect(type).toBe('RolledBack');
    expect(message).toMatch(/ is back at blue 100 % \(read back\): green answered .* with an error/);
    expect(target.traffic).toEqual(BLUE);
    expect([...target.deployments.keys()]).toEqual(['blue', 'green']);
  });

  it('loses it also where it is another, that somebody made anew with that share', async () => {
    const { target, rollout } = await heldFor({
      step: 'approve',
      change: (target) => {
        makeAnew(target);
        return firstShare.change(target);
      },
    });

    target.behaviour.set('green', { errors: 1, slow: 0 });
    const { type, report } = await rollout.failure();

    expect({ type, left: report.left }).toEqual({ type: 'RolledBack', left: [] });
    expect(target.traffic).toEqual(BLUE);
    expect([...target.deployments.keys()]).toEqual(['blue', 'green']);
  });

  it('loses it also where one look finds both', async () => {
    const { target, rollout } = await inStep('approve', KEPT);

    firstShare.change(target);
    target.addDeployment('green', { ...target.deployments.get('green'), restarts: 3 });
    const { type, message } = await rollout.failure();

    expect(type).toBe('RolledBack');
    expect(message).toContain('restarted 3 times');
    expect(target.traffic).toEqual(BLUE);
  });
});

describe.concurrent('a change before green’s first share, of which green has no part', () => {
  it('is left there by an abort, which does not say that it has read anything back', async () => {
    const theirs = { live: { blue: 50, red: 50 }, mirror: {} };
    const { target, rollout } = await heldFor(traffic('approve', theirs));

    await rollout.send('abort', by);
    const { message, report } = await rollout.failure();

    expect(message).toMatch(/^drift-\d+ keeps its traffic: aborted by ada: test$/);
    expect(report).toMatchObject({ rollbackMs: null, left: [], notes: [] });
    expect(target.traffic).toEqual(theirs);
    expect([...target.deployments.keys()]).toEqual(['blue']);
  });
});

describe.concurrent('an approval given while somebody else has changed the traffic', () => {
  it('is no answer to that, also once the rollout has gone on as a new run; it holds when that is settled', async ({
    expect,
  }) => {
    const target = new MemoryTarget();
    // Windows of 60 ms fill a history in seconds.
    const plan = planOf('approved-in-drift', [CREATE, rampStep(50), APPROVE, CUTOVER], {
      watching: SHORT_WINDOWS,
    });
    const rollout = await bench.start(plan, target);
    await rollout.until((s) => s.phase === 'waiting-for-approval');
    const theirs = { live: { blue: 80, green: 20 }, mirror: {} };
    target.changeTraffic(theirs);
    const held = await rollout.until((s) => s.hold?.kind === 'drift');

    await rollout.send('approve', { by: 'ada', reason: 'looks good' });
    const { runId } = await rollout.handle.describe();
    await expect.poll(async () => (await rollout.handle.describe()).runId, { interval: 100 }).not.toBe(runId);
    const { looks } = target;
    const still = await rollout.until(() => target.looks > looks + 5);

    expect(still).toMatchObject({ stepIndex: 2, hold: held.hold });
    expect(target.traffic).toEqual(theirs);
    await rollout.send('resolveDrift', { choice: 'restore', ...by });
    const { steps } = await rollout.promoted();
    expect(steps[2]?.result).toBe('approved by ada: looks good');
    expect(target.writes.slice(-2)).toEqual([
      'traffic {"live":{"blue":50,"green":50},"mirror":{}}',
      'traffic {"live":{"green":100},"mirror":{}}',
    ]);
  });
});

describe.concurrent('a change that comes between a step’s look at the traffic and its write', () => {
  it('is not written over: everybody on blue by hand holds a cutover', async ({ expect }) => {
    const target = new MemoryTarget();
    target.fault = (call, to) => {
      if (call !== 'writeTraffic' || to?.live['green'] !== 100) return undefined;
      target.fault = () => undefined;
      target.changeTraffic(BLUE);
      return undefined;
    };

    const rollout = await bench.start(planOf('between', [CREATE, rampStep(50), CUTOVER]), target);
    const { hold } = await rollout.until((s) => s.hold?.kind === 'drift');

    expect(hold?.because).toMatch(/wrote blue 50 %, green 50 %, the endpoint shows blue 100 %$/);
    expect(target.traffic).toEqual(BLUE);
    await rollout.send('abort', by);
    await rollout.failure();
  });

  it('is not written over by a restore: everybody on blue by hand is held for anew', async ({ expect }) => {
    const { target, rollout, phase } = await heldFor(
      traffic('ramp', { live: { blue: 60, green: 40 }, mirror: {} }),
    );
    target.fault = (call) => {
      if (call !== 'writeTraffic') return undefined;
      target.fault = () => undefined;
      target.changeTraffic(BLUE);
      return undefined;
    };

    await rollout.send('resolveDrift', { choice: 'restore', ...by });
    const { hold } = await rollout.until((s) => s.hold?.because.endsWith('shows blue 100 %') === true);

    expect(hold).toMatchObject({ kind: 'drift', observed: BLUE });
    expect(target.traffic).toEqual(BLUE);
    await rollout.send('resolveDrift', { choice: 'restore', ...by });
    await rollout.until((s) => s.phase === phase);
    expect(target.traffic).toEqual(STEPS.ramp.traffic);
    await end(rollout);
  });

  it('is not written over by green’s first share, and a rollback that has to says so', async ({ expect }) => {
    const target = new MemoryTarget();
    target.fault = (call) => {
      if (call !== 'writeTraffic') return undefined;
      target.fault = () => undefined;
      target.changeTraffic({ live: { blue: 70, red: 30 }, mirror: {} });
      return undefined;
    };

    const rollout = await bench.start(planOf('between-first', [CREATE, rampStep(50)]), target);
    await rollout.until((s) => s.hold?.kind === 'drift');
    await rollout.send('abort', by);
    const { report } = await rollout.failure();

    expect(report.notes).toEqual([
      'somebody else had made the traffic blue 70 %, red 30 %: the rollback has overwritten it',
    ]);
  });
});
