import { WorkflowUpdateRPCTimeoutOrCancelledError } from '@temporalio/client';
import { expect, it } from 'vitest';
import { enqueue, queueEntry, withdraw } from '../../client/queue.js';
import type { Session } from '../../client/temporal.js';
import { planOf, rampStep } from '../support/plans.js';

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
