import { describe, expect, inject, it, vi, type TestContext } from 'vitest';
import { findRollout } from '../../client/find.js';
import { enqueue, queueEntry, readQueue, untilSettled } from '../../client/queue.js';
import { sendAction } from '../../client/send-action.js';
import { DECISION_WITHIN_MS, ROLLOUT_WORKFLOW } from '../../core/messages.js';
import type { Fate, QueueEntry } from '../../core/queue.js';
import { freePort } from '../../host/ports.js';
import { Link } from '../support/link.js';
import { CREATE, planOf, SMOKE } from '../support/plans.js';
import { WAITER } from '../support/waiter.js';
import { LONG } from './cli-bench.js';
import { greenlight, stateWithTemporal } from './cli.js';
import { lifeOfGreen, QUICK, useTurns } from './turns.js';

// Each of these is two rollouts and more, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 180_000 });

const { bench, connected, held, lastOf, on, openSession } = useTurns();

/** Starts a command, and goes on once it has said so. */
async function saying(test: TestContext, what: string, workspace: string, args: readonly string[]) {
  let said = false;
  const end = on(workspace, args, { onLine: (text) => (said ||= text.includes(what)) });
  await test.expect.poll(() => said).toBe(true);
  return { end };
}

/** Ends the rollout that holds the endpoint as nobody should: it takes nothing back. */
async function terminate(test: TestContext, workspace: string): Promise<void> {
  await (await connected(test)).workflow.getHandle(`rollout/host/${workspace}/diabetes`).terminate('by hand');
}

/** How soon a dead worker's decision is missed, of every rollout of a workspace. */
async function decisionsWithin(test: TestContext, workspace: string): Promise<readonly number[]> {
  const { namespace } = bench;
  const { connection } = await connected(test);
  const { executions } = await connection.workflowService.listWorkflowExecutions({
    namespace,
    query: `WorkflowType = "${ROLLOUT_WORKFLOW}" AND RolloutTarget = "host/${workspace}"`,
  });
  const asked = executions.map(({ execution }) =>
    connection.workflowService.describeWorkflowExecution({ namespace, execution: execution ?? null }),
  );
  return (await Promise.all(asked)).map(
    ({ executionConfig }) => Number(executionConfig?.defaultWorkflowTaskTimeout?.seconds) * 1000,
  );
}

describe('submit --supersede', () => {
  it('rolls the running one back, reads that back, and then starts', async (test) => {
    const { target, spec } = await held(test, 'superseded');

    const told = await on('superseded', ['submit', spec, '--supersede', '--wait', '--by', 'bob']);

    expect(told.stderr).toContain('diabetes on host/superseded is held by a rollout of ada (green, ramping)');
    expect(told.stderr).toContain('the rollout that held diabetes is told to roll back');
    expect(told.code).toBe(0);
    const shares = target.writes.filter((write) => write.startsWith('traffic'));
    expect(shares).toEqual([
      'traffic {"live":{"blue":90,"green":10},"mirror":{}}',
      'traffic {"live":{"blue":100},"mirror":{}}',
      'traffic {"live":{"green":100},"mirror":{}}',
    ]);
    expect(target.writes.filter((write) => /^(create|delete)/.test(write))).toEqual([
      'create green',
      'delete green',
      'create green',
      'delete blue',
    ]);
  });

  it('starts nothing where the running one was ended from outside while it rolled back', async (test) => {
    const { target, spec } = await held(test, 'stuck-half-way');
    target.fault = (call) => (call === 'writeTraffic' ? 'throw-transient' : undefined);
    const { end: told } = await saying(test, 'is told to roll back', 'stuck-half-way', [
      'submit',
      spec,
      '--supersede',
    ]);

    await terminate(test, 'stuck-half-way');

    expect((await told).code).toBe(11);
    expect((await told).stderr).toContain(
      'Nothing was started. The rollout of diabetes ended without a report: ',
    );
    expect(target.traffic).toEqual({ live: { blue: 90, green: 10 }, mirror: {} });
  });

  it('cannot be asked for together with --queue', async () => {
    const told = await on('both', ['submit', 'any.yml', '--supersede', '--queue']);

    expect(told.code).toBe(2);
  });
});

describe('submit --queue', () => {
  it('starts when the running one has ended, whoever ends it', async (test) => {
    const { spec } = await held(test, 'queued');
    const { end: queued } = await saying(test, 'waits for its turn', 'queued', [
      'submit',
      spec,
      '--queue',
      '--wait',
      '--by',
      'bob',
    ]);

    await on('queued', ['abort', 'diabetes', '--reason', 'enough', '--by', 'ada']);

    expect((await queued).code).toBe(0);
    expect(await lastOf('queued')).toMatchObject({ outcome: 'promoted' });
    // One was started by a command, the other by the queue.
    await test.expect
      .poll(() => decisionsWithin(test, 'queued'), { interval: 250 })
      .toEqual([DECISION_WITHIN_MS, DECISION_WITHIN_MS]);
  });

  it('needs nobody who waits: it keeps its place in Temporal, over the end of its worker', async (test) => {
    const { spec } = await held(test, 'alone');

    const told = await on('alone', ['submit', spec, '--queue', '--by', 'bob']);
    const seen = await on('alone', ['status', 'diabetes']);
    // Temporal lists a moment later what it has taken.
    await test.expect
      .poll(async () => (await on('alone', ['list'])).stdout, { interval: 100 })
      .toContain('queued (1)');
    await bench.replaceWorker();
    await on('alone', ['abort', 'diabetes', '--reason', 'enough', '--by', 'ada']);

    expect(told.code).toBe(0);
    expect(told.stdout).toContain('alone.yml waits for diabetes as number 1');
    expect(seen.stdout).toMatch(/Waiting\n {2}1\. +[0-9a-f]{8} +bob, alone\.yml \(green\) +since /);
    await test.expect.poll(() => lastOf('alone'), { interval: 250 }).toMatchObject({ outcome: 'promoted' });
    expect((await on('alone', ['withdraw', 'diabetes'])).code).toBe(10);
  });

  it('keeps its place at Ctrl-C; withdrawn, it never starts', async (test) => {
    const { spec } = await held(test, 'left');
    const ctrlC = new AbortController();
    const told = await on('left', ['submit', spec, '--queue', '--wait'], {
      stop: ctrlC.signal,
      onLine: (text) => {
        if (text.includes('waits for its turn')) ctrlC.abort();
      },
    });
    const withdrawn = await on('left', [
      'withdraw',
      'diabetes',
      '--reason',
      'changed my mind',
      '--by',
      'bob',
    ]);

    expect(told.code).toBe(130);
    expect(told.stderr).toContain(
      'left.yml keeps its place; `greenlight withdraw diabetes --target host/left --id ',
    );
    expect(withdrawn.stdout).toMatch(/^diabetes: [0-9a-f]{8} is withdrawn by bob: changed my mind/);
    expect((await on('left', ['withdraw', 'diabetes'])).stderr).toContain('Nobody waits for diabetes.');
    expect(await lastOf('left')).toMatchObject({ phase: 'ramping', outcome: null });
  });

  it('tells how to take a plan back that may wait still, also whoever pressed Ctrl-C meanwhile', async (test) => {
    const { spec } = await held(test, 'untold');
    const ctrlC = new AbortController();
    const submit = ['submit', spec, '--queue', '--wait'];

    const told = await bench.withoutWorker(() =>
      on('untold', submit, {
        stop: ctrlC.signal,
        onLine: (text) => {
          if (text.includes('is held by')) ctrlC.abort();
        },
      }),
    );
    await on('untold', ['withdraw', 'diabetes']);

    expect(told.code).toBe(9);
    expect(told.stderr).toMatch(
      /`greenlight withdraw diabetes --target host\/untold --id [0-9a-f]{8}` takes/,
    );
  });

  it('refuses the same spec twice, and tells who waits with it', async (test) => {
    const { spec } = await held(test, 'twice');
    await on('twice', ['submit', spec, '--queue', '--by', 'bob']);

    const told = await on('twice', ['submit', spec, '--queue', '--by', 'cy']);
    await on('twice', ['withdraw', 'diabetes']);

    expect(told.code).toBe(11);
    expect(told.stderr).toContain('this very spec waits for diabetes already, since bob submitted it');
  });

  it('starts nothing where the running one was ended from outside', async (test) => {
    const { target, spec } = await held(test, 'half-way');
    const { end: told } = await saying(test, 'waits for its turn', 'half-way', [
      'submit',
      spec,
      '--queue',
      '--wait',
    ]);

    await terminate(test, 'half-way');

    expect((await told).code).toBe(11);
    expect((await told).stderr).toContain(
      'Nothing was started: the rollout before it ended without a report (',
    );
    expect((await on('half-way', ['status', 'diabetes'])).stdout).toMatch(
      /Dropped, and not started; .+\n {2}[0-9a-f]{8} {2}.+, half-way\.yml: the rollout before it ended without a report \(/,
    );
    expect(target.traffic).toEqual({ live: { blue: 90, green: 10 }, mirror: {} });
  });

  it('stands behind one that supersedes', async (test) => {
    const { spec } = await held(test, 'overtaken');
    const other = await bench.spec('overtaken', [...QUICK.slice(0, -1)], ['adopt: true']);
    await on('overtaken', ['submit', other, '--queue', '--by', 'bob']);
    await bench.spec('overtaken', QUICK);

    const told = await on('overtaken', ['submit', spec, '--supersede', '--wait', '--by', 'cy']);
    await on('overtaken', ['withdraw', 'diabetes']);

    expect(told.code).toBe(0);
    expect(told.stderr).toContain('the rollout that held diabetes is told to roll back');
  });
});

// Each waits for a rollback to give up.
describe.concurrent('a rollout that could not be taken back', () => {
  it('lets none start that supersedes it', async (test) => {
    const { target, spec } = await held(test, 'stuck');

    target.fault = (call) => (call === 'writeTraffic' ? 'throw-permanent' : undefined);
    const told = await on('stuck', ['submit', spec, '--supersede', '--by', 'bob']);
    target.fault = () => undefined;

    expect(told.code).toBe(11);
    expect(told.stderr).toContain(
      'Nothing was started. The rollout that held diabetes could not be taken back in full; left to do: set the traffic of diabetes to blue 100 %',
    );
    expect(told.stderr).toContain('`greenlight revert diabetes --target host/stuck --to blue` puts');
    expect(await lastOf('stuck')).toMatchObject({ outcome: 'rollback-incomplete' });
  });

  it('lets none start that waits for it', async (test) => {
    const { target, spec } = await held(test, 'stuck-queue');
    const { end: queued } = await saying(test, 'waits for its turn', 'stuck-queue', [
      'submit',
      spec,
      '--queue',
      '--wait',
    ]);

    target.fault = (call) => (call === 'writeTraffic' ? 'throw-permanent' : undefined);
    await on('stuck-queue', ['abort', 'diabetes', '--reason', 'enough']);
    const told = await queued;
    target.fault = () => undefined;

    expect(told.code).toBe(11);
    expect(told.stderr).toContain(
      'Nothing was started: the rollout before it could not be taken back in full; left to do: set the traffic of diabetes to blue 100 %',
    );
    expect(told.stderr).toContain(
      '`greenlight revert diabetes --target host/stuck-queue --to BASELINE` puts',
    );
    expect(await lastOf('stuck-queue')).toMatchObject({ outcome: 'rollback-incomplete' });
  });

  it('tells whoever looks later that what waited for it was dropped, and why', async (test) => {
    const { target, spec } = await held(test, 'stuck-unwatched');
    await on('stuck-unwatched', ['submit', spec, '--queue', '--by', 'bob']);

    target.fault = (call) => (call === 'writeTraffic' ? 'throw-permanent' : undefined);
    await on('stuck-unwatched', ['abort', 'diabetes', '--reason', 'enough']);
    await test.expect
      .poll(() => lastOf('stuck-unwatched'), { interval: 500 })
      .toMatchObject({
        outcome: 'rollback-incomplete',
        waiting: [],
        dropped: [{ by: 'bob', spec: 'stuck-unwatched.yml' }],
      });
    target.fault = () => undefined;

    const { dropped } = (await lastOf('stuck-unwatched')) as { readonly dropped: readonly Fate[] };
    const { id = '' } = dropped[0] ?? {};
    const why =
      'the rollout before it could not be taken back in full; left to do: set the traffic of diabetes to blue 100 %';
    const { stdout } = await on('stuck-unwatched', ['status', 'diabetes']);
    expect(stdout).toContain(
      `Dropped, and not started; to be submitted again once the endpoint is put right\n  ${id}  bob, stuck-unwatched.yml: ${why}`,
    );
    const { code, stderr } = await on('stuck-unwatched', ['withdraw', 'diabetes', '--id', id]);
    expect(code).toBe(10);
    expect(stderr).toContain(`${id} does not wait for diabetes any more: it was dropped: ${why}`);
  });
});

// Each sits out so many of the client's own attempts that an outage is told.
describe.concurrent('an outage of Temporal', () => {
  /** Runs a command that loses Temporal when it says one thing, and has it back when it has told of that, and something is done. */
  async function through(
    test: TestContext,
    lostAt: string,
    [workspace, ...args]: readonly [string, ...string[]],
    meanwhile: () => Promise<unknown>,
  ) {
    const link = await Link.open(inject('temporalAddress'), await freePort());
    test.onTestFinished(() => link.cut());
    const state = await stateWithTemporal(bench.namespace, link.address);
    return greenlight([...args, '--state', state, '--target', `host/${workspace}`], {
      onLine(text) {
        if (text.includes(lostAt)) link.cut();
        if (text.includes('Temporal does not answer; trying on')) void meanwhile().then(() => link.mend());
      },
    });
  }

  it('does not keep one that supersedes from starting', async (test) => {
    const { spec } = await held(test, 'lost');
    const nothing = () => Promise.resolve();

    const told = await through(
      test,
      'is told to roll back',
      ['lost', 'submit', spec, '--supersede'],
      nothing,
    );

    expect(told.code).toBe(0);
    expect(told.stdout).toContain('Started rollout/host/lost/diabetes');
    expect(told.stderr).toContain('Temporal does not answer; trying on');
  });

  it('does not end the waiting in a queue', async (test) => {
    const { spec } = await held(test, 'lost-queue');
    const submit = ['lost-queue', 'submit', spec, '--queue', '--wait'] as const;
    const freed = () => on('lost-queue', ['abort', 'diabetes', '--reason', 'enough']);

    const told = await through(test, 'waits for its turn', submit, freed);

    expect(told.code).toBe(0);
    expect(told.stderr).toContain('Temporal does not answer; trying on');
  });
});

it('takes no rollout and no queue for the next one of its endpoint', async (test) => {
  const { spec } = await held(test, 'next-queue');
  const target = { kind: 'host', workspace: 'next-queue' } as const;
  const session = await openSession(test);
  const adas = await findRollout(session, target, 'diabetes');
  await bench.spec('next-queue', LONG, ['rollback-within: 1m']);
  await on('next-queue', ['submit', spec, '--queue', '--by', 'bob']);
  const { waiting: [bobs] = [] } = (await readQueue(session, target, 'diabetes')) ?? {};
  await on('next-queue', ['abort', 'diabetes', '--reason', 'enough', '--by', 'ada']);
  const over = async () => (await readQueue(session, target, 'diabetes'))?.running;
  await test.expect.poll(over).toBe(false);
  await bench.spec('next-queue', LONG, ['rollback-within: 2m']);
  await on('next-queue', ['submit', spec, '--queue', '--by', 'cy']);

  const entry = { id: bobs?.id, plan: { target, endpoint: 'diabetes' } } as unknown as QueueEntry;
  const fate = await untilSettled(session, entry, WAITER);
  await on('next-queue', ['withdraw', 'diabetes']);

  const late = sendAction(session, adas!.handle, 'abort', { by: 'ada', reason: 'once more' }, 'late');
  await expect(late).rejects.toMatchObject({ code: 'not-found' });
  const holder = await session.client.workflow.getHandle('rollout/host/next-queue/diabetes').describe();
  expect(holder.status.name).toBe('RUNNING');
  expect(fate).toEqual({ id: bobs?.id, fate: 'started', because: '', runId: holder.runId });
});

it('starts nothing upon an end that nobody has proven, also where it came before anybody waited', async (test) => {
  const { target } = await held(test, 'too-late');
  const session = await openSession(test);
  const plan = planOf('diabetes', [CREATE, SMOKE], { target: { kind: 'host', workspace: 'too-late' } });
  await terminate(test, 'too-late');

  const entry = queueEntry(plan, { digest: 'late', by: 'bob', spec: 'late.yml' });
  await enqueue(session, { entry, first: false });

  expect(await untilSettled(session, entry, WAITER)).toMatchObject({ fate: 'dropped' });
  expect(lifeOfGreen(target)).toEqual(['create green']);
});
