import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import type { Notification, NotifyChannel } from '../../core/notification.js';
import type { Step } from '../../core/plan.js';
import { autoscaled, ofFour, outage } from '../support/memory-target.js';
import { by, CREATE, FOR_LONG, mirrorStep, planOf, rampStep } from '../support/plans.js';
import { useBench, type Rollout } from '../support/rollout-bench.js';

const told: Notification[] = [];
const bench = useBench({
  notifier: () => ({
    forAll: [],
    send: (_, notification) => {
      told.push(notification);
      return Promise.resolve();
    },
  }),
});

const ROLLBACK_WITHIN_MS = 8_000;

const notify: readonly NotifyChannel[] = [
  {
    name: 'chat',
    url: { env: 'HOOK' },
    form: 'cloudevents',
    events: ['rolling-back'],
    secret: null,
    linksFor: null,
  },
];

type Call = Parameters<typeof outage>[1];

/**
 * A rollout that is taken back by hand, once `abort` is called, while its target takes one kind of call no more; its time runs
 * from there.
 */
async function aboutToRollBack(
  name: string,
  call: Call,
  step: Step = rampStep(10, FOR_LONG),
  target = ofFour(),
) {
  const rollout = await bench.start(
    planOf(name, [CREATE, step], { rollbackWithinMs: ROLLBACK_WITHIN_MS, notify }),
    target,
  );
  await rollout.until(({ traffic }) => 'green' in { ...traffic?.live, ...traffic?.mirror });
  if (call === 'scale') {
    target.changeInstances('blue', 0);
    await rollout.until((s) => s.phase === 'held');
  }
  let asked = 0;
  let over = (): void => undefined;
  const abort = async (): Promise<void> => {
    ({ over } = outage(target, call, () => {
      asked += 1;
      return true;
    }));
    await rollout.send('abort', by);
  };
  /** Until its rollback has asked for that again. */
  const isAsked = async (): Promise<void> => {
    const before = asked;
    for (const endMs = Date.now() + 20_000; asked === before; await sleep(20)) {
      if (Date.now() > endMs) throw new Error(`${call} was not asked for within 20 s`);
    }
  };
  return { target, rollout, abort, isAsked, over: () => over() };
}

/** No answer of a worker tells how it goes on: it may be asked before it has its first task. */
function askedFirst(rollouts: readonly Rollout[]): Promise<unknown> {
  return Promise.all(rollouts.map((rollout) => rollout.status().catch(() => undefined)));
}

type RollingBack = Awaited<ReturnType<typeof aboutToRollBack>>;

/** One for each kind of what is taken back; all at once, when the last of them is there: no time of one is over before. */
async function everyKind(name: string): Promise<readonly RollingBack[]> {
  const all = await Promise.all([
    aboutToRollBack(`${name}-traffic`, 'writeTraffic'),
    aboutToRollBack(`${name}-mirror`, 'writeTraffic', mirrorStep(10, FOR_LONG)),
    aboutToRollBack(`${name}-green`, 'deleteDeployment'),
    aboutToRollBack(`${name}-instances`, 'scale'),
    aboutToRollBack(`${name}-minimum`, 'autoscale', rampStep(10, FOR_LONG), autoscaled()),
  ]);
  await Promise.all(all.map(({ abort }) => abort()));
  return all;
}

/** All workers die while they ask; from then on the targets take everything. */
async function die(all: readonly RollingBack[]): Promise<void> {
  await Promise.all(all.map(({ isAsked }) => isAsked()));
  bench.killAll();
  for (const { over } of all) over();
}

async function expectTakenBack({ rollout, target }: RollingBack): Promise<void> {
  const { type, report } = await rollout.failure();

  expect({ type, left: report.left }).toEqual({ type: 'Aborted', left: [] });
  expect(target.traffic).toEqual({ live: { blue: 100 }, mirror: {} });
  expect(target.deployments.has('green')).toBe(false);
  expect(report.notes).toContainEqual(expect.stringContaining(' has had to wait to '));
  expect(await bench.replayed(rollout)).toBeNull();
}

describe('a rollback that nobody is there for, for longer than it may take, is done by who is there next', () => {
  it('whatever it was at', async () => {
    const all = await everyKind('nobody');

    await die(all);
    await sleep(1.5 * ROLLBACK_WITHIN_MS);
    const asked = askedFirst(all.map(({ rollout }) => rollout));
    await bench.startWorker();
    await asked;

    await Promise.all(all.map(expectTakenBack));
  });

  it('however often its time is over meanwhile, which is told once', async () => {
    const all = await everyKind('no-room');

    await die(all);
    // It decides, and has no room for anything else.
    await bench.startWorker({ enableNonLocalActivities: false });
    await sleep(2.5 * ROLLBACK_WITHIN_MS);
    await bench.startWorker();

    await Promise.all(all.map(expectTakenBack));
    for (const { rollout } of all) {
      const { notes } = (await rollout.failure()).report;
      expect(new Set(notes).size).toBe(notes.length);
    }
  });
});

it('a rollback that is told no for as long as it may take tells so while it lasts, and ends with what it was told', async () => {
  const { rollout, abort } = await aboutToRollBack('told-no', 'writeTraffic');
  await abort();
  const { type, report } = await rollout.failure();

  const todo = 'set the traffic of told-no to blue 100 % (writeTraffic failed by request of the test)';
  const waits = `the rollback has had to wait to ${todo}`;
  expect(type).toBe('RollbackIncomplete');
  expect(report.left[0]).toBe(todo);
  expect(report.notes).toEqual([waits]);
  expect(told.filter(({ endpoint }) => endpoint === 'told-no').map(({ text }) => text)).toEqual([
    'aborted by ada: test',
    waits,
  ]);
});
