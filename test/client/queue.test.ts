import {
  ApplicationFailure,
  TerminatedFailure,
  WorkflowFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import type { KnownRollout } from '../../client/find.js';
import { supersedeFrom, untilFree } from '../../client/free-endpoint.js';
import { behind, enqueue, queueEntry, untilSettled, withdraw } from '../../client/queue.js';
import { sendAction } from '../../client/send-action.js';
import type { Session } from '../../client/temporal.js';
import { FailureType } from '../../core/failures.js';
import { workflowId } from '../../core/plan.js';
import { planOf, rampStep } from '../support/plans.js';
import { WAITER } from '../support/waiter.js';
import { reportOf } from '../cli/statuses.js';

const PLAN = planOf('diabetes', [rampStep(10)]);

/** Temporal without a worker: updates are not answered in time. */
function withoutWorker() {
  const asked: string[] = [];
  const unanswered = (what: string): Promise<never> => {
    asked.push(what);
    return Promise.reject(new WorkflowUpdateRPCTimeoutOrCancelledError('deadline exceeded'));
  };
  const client = {
    withDeadline: (_at: number, work: () => unknown) => work(),
    workflow: { getHandle: () => ({ executeUpdate: unanswered }), executeUpdateWithStart: unanswered },
    workflowService: { describeTaskQueue: () => Promise.resolve({ pollers: [] }) },
  };
  const place = { address: '127.0.0.1:7233', namespace: 'default' };
  return { asked, session: { client, place } as unknown as Session };
}

it('takes a plan back that cannot supersede, or tells how', async () => {
  const { session } = withoutWorker();
  const holder = { handle: session.client.workflow.getHandle('rollout') } as KnownRollout;
  const claimant = { target: PLAN.target, endpoint: 'diabetes', by: 'bob', spec: 'rollout.yml' };
  const superseded = async (over: Session): Promise<readonly string[]> => {
    const told: string[] = [];
    await expect(
      supersedeFrom(over, holder, claimant, { id: '3f2a9c01' }, (text) => told.push(text)),
    ).rejects.toMatchObject({ code: 'no-worker', message: expect.stringContaining('to abort') as string });
    return told;
  };
  const withdrawn: unknown[] = [];
  const answering = {
    executeUpdate: (name: string, { args }: { args: unknown[] }) => {
      withdrawn.push(name, ...args);
      return Promise.resolve('withdrawn');
    },
  };
  const workflow = { getHandle: () => answering };

  expect(
    await superseded({ ...session, client: { ...session.client, workflow } } as unknown as Session),
  ).toEqual(['Nothing was started, and nothing waits.']);
  expect(withdrawn).toMatchObject(['withdraw', { id: '3f2a9c01', by: 'bob' }]);
  expect(await superseded(session)).toEqual([
    'it still waits, before all others, as 3f2a9c01, and starts when the rollout before it ends: `greenlight status diabetes --target host/diabetes` shows it, `greenlight withdraw diabetes --target host/diabetes --id 3f2a9c01` takes it back',
  ]);
});

const CLAIMANT = { target: PLAN.target, endpoint: 'diabetes', by: 'bob', spec: 'rollout.yml' };

it('waits for the end of a rollout that somebody resets meanwhile', async () => {
  const run = (runId: string) => ({ runId, raw: { workflowExecutionInfo: { firstRunId: 'first' } } });
  const asked: string[] = [];
  let newest = 'first';
  const result = (runId: string): Promise<unknown> => {
    asked.push(runId);
    if (runId === 'reset') return Promise.resolve(reportOf({ outcome: 'promoted' }));
    // Temporal terminates the run that it begins another from.
    newest = 'reset';
    const terminated = new TerminatedFailure('reset by hand');
    return Promise.reject(new WorkflowFailedError('terminated', terminated, 'NON_RETRYABLE_FAILURE'));
  };
  const client = {
    withAbortSignal: (_signal: AbortSignal, work: () => unknown) => work(),
    workflow: {
      getHandle: (_id: string, runId = newest) => ({
        describe: () => Promise.resolve(run(runId)),
        result: () => result(runId),
      }),
    },
  };
  const holder = { description: run('first') } as unknown as KnownRollout;

  await untilFree({ client } as unknown as Session, holder, CLAIMANT, undefined, () => undefined);

  expect(asked).toEqual(['first', 'reset']);
});

it('names the baseline to go back to where the rollout before could not be taken back', async () => {
  const outcome = 'rollback-incomplete';
  const report = reportOf({
    outcome,
    target: 'host/diabetes',
    left: ['set the traffic of diabetes to blue 100 %'],
  });
  const type = FailureType.RollbackIncomplete;
  const failure = ApplicationFailure.create({ type, message: 'stuck', details: [report] });
  const description = { runId: 'first', raw: {} };
  const held = {
    describe: () => Promise.resolve(description),
    result: () => Promise.reject(new WorkflowFailedError('failed', failure, 'NON_RETRYABLE_FAILURE')),
  };
  const client = {
    withAbortSignal: (_signal: AbortSignal, work: () => unknown) => work(),
    workflow: { getHandle: () => held },
  };
  const holder = { handle: held, description } as unknown as KnownRollout;

  await expect(
    untilFree({ client } as unknown as Session, holder, CLAIMANT, undefined, () => undefined),
  ).rejects.toMatchObject({
    code: 'refused',
    message: expect.stringContaining(
      '`greenlight revert diabetes --target host/diabetes --to blue` puts the traffic back',
    ) as string,
  });
});

it('says that no worker does the work, and that the plan may still be withdrawn', async () => {
  const { session } = withoutWorker();

  await expect(
    withdraw(session, PLAN.target, 'diabetes', { id: '3f2a9c01', by: 'bob', reason: '' }),
  ).rejects.toMatchObject({
    code: 'no-worker',
    message: expect.stringMatching(
      /^The queue of diabetes did not answer to withdraw within 10 s; it may still do it when a worker is back\.\nNo worker polls/,
    ) as string,
  });
});

it('asks once whether a plan may wait where no worker answers, and tells how to take it back', async () => {
  const { asked, session } = withoutWorker();
  const entry = queueEntry(PLAN, { digest: 'd', by: 'bob', spec: 'rollout.yml' });

  await expect(enqueue(session, { entry, first: false })).rejects.toMatchObject({
    code: 'no-worker',
    message: expect.stringContaining(
      `greenlight withdraw diabetes --target host/diabetes --id ${entry.id}`,
    ) as string,
  });
  expect(asked).toEqual(['enqueue']);
});

/** As gRPC says that the server is not there. */
const GONE = Object.assign(new Error('14 UNAVAILABLE: gone'), { code: 14, details: 'gone' });

describe('Temporal that goes away before it answers is told as such, with what to do later', () => {
  const timedOut = new WorkflowUpdateRPCTimeoutOrCancelledError('deadline exceeded');
  const lost = Object.assign(new Error('Update-With-Start failed', { cause: GONE }), {
    name: 'ServiceError',
  });
  /** A server that is gone after the first message. */
  const gone = (first: Error): Session => {
    const { session } = withoutWorker();
    const fails = () => Promise.reject(GONE);
    const once = () => Promise.reject(first);
    const client = {
      ...session.client,
      workflow: {
        getHandle: () => ({ executeUpdate: once, describe: fails }),
        executeUpdateWithStart: once,
      },
      workflowService: { describeTaskQueue: fails },
    };
    return { ...session, client } as unknown as Session;
  };

  it.each([timedOut, lost])('to who asks to wait: %s', async (first) => {
    const entry = queueEntry(PLAN, { digest: 'd', by: 'bob', spec: 'rollout.yml' });

    await expect(enqueue(gone(first), { entry, first: false })).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(
        new RegExp(
          `^The queue of diabetes did not answer to ${entry.id}, .* it may still do it when Temporal is back, or have done it\\.\n` +
            `Temporal at 127.0.0.1:7233 (does not answer either|went away): gone\n.* --id ${entry.id}\` takes it back\\.$`,
        ),
      ) as string,
    });
  });

  it('also where it is back by then: a server that has just started knows of no worker', async () => {
    const session = gone(lost);
    const back = { ...session.client, workflowService: { describeTaskQueue: () => ({ pollers: [] }) } };
    const handle = session.client.workflow.getHandle('rollout');

    await expect(
      sendAction(
        { ...session, client: back } as never,
        handle,
        'abort',
        { by: 'bob', reason: '' },
        'request-8',
      ),
    ).rejects.toMatchObject({ code: 'unreachable' });
  });

  it.each([timedOut, lost])('to who tells a rollout something: %s', async (first) => {
    const session = gone(first);
    const handle = session.client.workflow.getHandle('rollout');

    await expect(
      sendAction(session, handle, 'abort', { by: 'bob', reason: '' }, 'request-7'),
    ).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(
        /did not answer to abort .*give the same request id: request-7\./s,
      ) as string,
    });
  });
});

it('sends a withdrawal again where it meets a queue that goes on as new, as the same one', async () => {
  const { session } = withoutWorker();
  const asked: unknown[] = [];
  const cause = Object.assign(new Error('9 FAILED_PRECONDITION'), {
    ...{ code: 9, details: 'workflow is closing', metadata: {} },
  });
  const executeUpdate = (_name: string, { updateId }: { updateId?: string }) => {
    asked.push(updateId);
    return asked.length === 1
      ? Promise.reject(new Error('Workflow Update failed', { cause }))
      : Promise.resolve('withdrawn');
  };
  const client = { ...session.client, workflow: { getHandle: () => ({ executeUpdate }) } };
  const input = { id: '3f2a9c01', by: 'bob', reason: '' };

  expect(await withdraw({ ...session, client } as unknown as Session, PLAN.target, 'diabetes', input)).toBe(
    'withdrawn',
  );
  expect(asked).toEqual([expect.any(String), asked[0]]);
});

it('does not ask again where the first request was taken and its answer got lost', async () => {
  const entry = queueEntry(PLAN, { digest: 'd', by: 'bob', spec: 'rollout.yml' });
  const asked: string[] = [];
  const memo = { waiting: [{ id: 'other' }, { id: entry.id }], fates: [] };
  const client = {
    withDeadline: (_at: number, work: () => unknown) => work(),
    workflow: {
      getHandle: () => ({ describe: () => Promise.resolve({ status: { name: 'RUNNING' }, memo }) }),
      executeUpdateWithStart: (what: string) => {
        asked.push(what);
        return Promise.reject(new Error('the connection broke'));
      },
    },
  };

  expect(await enqueue({ client } as unknown as Session, { entry, first: false })).toBe(2);
  expect(asked).toEqual(['enqueue']);
});

describe('of those who were dropped', () => {
  const endedAtMs = Date.UTC(2026, 10, 22, 14);
  const memo = {
    waiting: [],
    fates: [
      { id: 'a', fate: 'started' },
      { id: 'b', fate: 'dropped' },
    ],
  };
  const over = { status: { name: 'FAILED' }, closeTime: new Date(endedAtMs), memo };
  const client = { workflow: { getHandle: () => ({ describe: () => Promise.resolve(over) }) } };
  const droppedSince = async (startedAtMs: number) =>
    (await behind({ client } as unknown as Session, { ...PLAN, startedAtMs })).dropped.map(({ id }) => id);

  it('a rollout tells that ran when its queue ended', async () => {
    expect(await droppedSince(endedAtMs - 1)).toEqual(['b']);
  });

  it('a later one does not tell', async () => {
    expect(await droppedSince(endedAtMs + 1)).toEqual([]);
  });
});

it('finds what was started from an entry before it is listed', async () => {
  const entry = queueEntry(PLAN, { digest: 'd', by: 'bob', spec: 'rollout.yml' });
  const id = workflowId(PLAN.target, PLAN.endpoint);
  const rollout = {
    workflowId: id,
    runId: 'second',
    status: { name: 'RUNNING' },
    memo: { queuedAs: entry.id },
    raw: { workflowExecutionInfo: { firstRunId: 'first' } },
  };
  // Others have begun the next queue since.
  const queue = { status: { name: 'RUNNING' }, memo: { waiting: [{ id: 'other' }], fates: [] } };
  const client = {
    withAbortSignal: (_signal: AbortSignal, work: () => unknown) => work(),
    workflow: {
      getHandle: (of: string) => ({ describe: () => Promise.resolve(of === id ? rollout : queue) }),
      list: () => [],
    },
  };

  expect(await untilSettled({ client } as unknown as Session, entry, WAITER)).toEqual({
    id: entry.id,
    fate: 'started',
    because: '',
    runId: 'first',
  });
});

it('finds what was started from an entry on a cluster whose name has an apostrophe', async () => {
  const plan = { ...PLAN, target: { kind: 'kubernetes', context: "o'brien", namespace: 'models' } } as const;
  const entry = queueEntry(plan, { digest: 'd', by: 'bob', spec: 'rollout.yml' });
  const queries: string[] = [];
  const client = {
    withAbortSignal: (_signal: AbortSignal, work: () => unknown) => work(),
    workflow: {
      getHandle: () => ({
        describe: () =>
          Promise.resolve({ status: { name: 'COMPLETED' }, memo: { waiting: [], fates: [] }, raw: {} }),
      }),
      list: ({ query }: { query: string }) => {
        queries.push(query);
        return [{ memo: { queuedAs: entry.id }, runId: 'first' }];
      },
    },
  };

  expect(await untilSettled({ client } as unknown as Session, entry, WAITER)).toMatchObject({
    fate: 'started',
    runId: 'first',
  });
  expect(queries).toEqual([`WorkflowId = '${workflowId(plan.target, plan.endpoint).replace("'", "''")}'`]);
});
