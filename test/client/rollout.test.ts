import type { WorkflowHandle } from '@temporalio/client';
import { expect, it } from 'vitest';
import { Rollout } from '../../client/rollout.js';
import type { Session } from '../../client/temporal.js';
import { reportOf } from '../cli/statuses.js';

/** Temporal, in which another rollout has begun under the same workflow id. */
function overtaken(): Rollout {
  const workflowId = 'rollout/host/local/diabetes';
  const noAnswer = () => Promise.reject(new Error('no worker'));
  const handleOf = (_id: string, runId = 'the run that began since') => {
    const result = () => Promise.resolve(reportOf({ reason: `the end of ${runId}` }));
    const status = { name: runId === 'the run that was shown' ? 'FAILED' : 'RUNNING' };
    const raw = { workflowExecutionInfo: { firstRunId: runId } };
    const describe = () => Promise.resolve({ runId, status, raw, startTime: new Date(0) });
    return { workflowId, result, query: noAnswer, describe } as unknown as WorkflowHandle;
  };
  const client = {
    workflow: { getHandle: handleOf },
    withDeadline: (_at: number, work: () => unknown) => work(),
    withAbortSignal: (_signal: AbortSignal, work: () => unknown) => work(),
  };
  return new Rollout({
    session: { client, place: { uiUrl: null } } as unknown as Session,
    handle: handleOf(workflowId),
    endpoint: 'diabetes',
    target: { kind: 'host', workspace: 'local' },
    runId: 'the run that was shown',
    by: 'ada',
  });
}

it('ends with the run that was shown, and not with one that began since', async () => {
  const ended = { report: { reason: 'the end of the run that was shown' } };
  const seen = [];
  for await (const event of overtaken().watch()) seen.push(event);

  expect(seen).toMatchObject([{ kind: 'ended', ended }]);
  expect(await overtaken().result()).toMatchObject(ended);
});

it('is itself where another holds the endpoint by now, whatever it is asked', async () => {
  expect(await overtaken().status()).toMatchObject({
    kind: 'report',
    report: { reason: 'the end of the run that was shown' },
  });
});
