import { ServiceError, WorkflowNotFoundError, type GetWorkflowHandleOptions } from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import { expect, it } from 'vitest';
import { withCarriedDispersion } from '../../client/carried.js';
import type { KnownRollout } from '../../client/find.js';
import { listRollouts } from '../../client/list.js';
import { start, taken } from '../../client/start-rollout.js';
import type { Session } from '../../client/temporal.js';
import { reportOf } from '../cli/statuses.js';
import { planOf, rampStep } from '../support/plans.js';

const PLAN = planOf('diabetes', [rampStep(10)]);
const MEMO = { digest: PLAN.digest, by: 'ada', spec: 'rollout.yml' };
const A_DAY_LATER = new Date(Date.now() + 86_400_000);

/** Temporal, in which a rollout goes on as a new run a day after it was started: its memo stays, its start does not. */
function goneOnAsNew() {
  const runs: object[] = [];
  const workflow = {
    start: (_type: string, { workflowId, memo }: { workflowId: string; memo: object }) => {
      runs.push({
        workflowId,
        runId: 'the second run',
        raw: { workflowExecutionInfo: { firstRunId: 'the first run' } },
        memo,
        startTime: A_DAY_LATER,
        status: { name: 'RUNNING' },
        typedSearchAttributes: new TypedSearchAttributes([]),
      });
      return Promise.resolve({ workflowId, firstExecutionRunId: 'the first run' });
    },
    list: async function* ({ query }: { query: string }) {
      if (query.includes("'rollout'")) yield* await Promise.resolve(runs);
    },
  };
  const client = { workflow, withDeadline: () => Promise.reject(new Error('no worker')) };
  return { runs, session: { client, place: { uiUrl: null } } as unknown as Session };
}

it('a rollout that goes on as a new run keeps its start', async () => {
  const { runs, session } = goneOnAsNew();
  const beganMs = Date.now();
  await start(session, PLAN, MEMO);
  const holder = { running: true, description: runs[0] } as unknown as KnownRollout;

  const [listed] = await listRollouts(session, {});
  const { message } = await taken(session, PLAN, MEMO, holder);

  expect(listed?.startedAtMs).toBeLessThan(beganMs + 60_000);
  expect(message).toContain(`started ${new Date(listed?.startedAtMs ?? 0).toISOString()}`);
});

it('carries what the last rollout learned, also where Temporal has forgotten the run that it began with', async () => {
  const forgotten = new WorkflowNotFoundError('no such run', 'rollout', 'the first run');
  const lastOf = (result: () => Promise<unknown>) => {
    const description = {
      runId: 'the last run',
      status: { name: 'COMPLETED' },
      raw: { workflowExecutionInfo: { firstRunId: 'the first run' } },
    };
    const getHandle = (
      id: string,
      runId?: string,
      { firstExecutionRunId }: GetWorkflowHandleOptions = {},
    ) => ({
      workflowId: id,
      describe: () => Promise.resolve(description),
      result: () =>
        (runId ?? firstExecutionRunId) === 'the last run' ? result() : Promise.reject(forgotten),
    });
    return { client: { workflow: { getHandle } } } as unknown as Session;
  };
  const report = reportOf({ dispersion: { errors: 2.5 } });

  const carried = await withCarriedDispersion(
    lastOf(() => Promise.resolve(report)),
    PLAN,
  );
  const nothing = await withCarriedDispersion(
    lastOf(() => Promise.reject(forgotten)),
    PLAN,
  );

  expect(carried).toEqual({ ...PLAN, carriedDispersion: { errors: 2.5 } });
  expect(nothing).toBe(PLAN);
});

it('says that a rollout may have started where Temporal went away before it said so', async () => {
  const gone = Object.assign(new Error('14 UNAVAILABLE: gone'), { code: 14, details: 'gone' });
  const lost = new ServiceError('Failed to start Workflow', { cause: gone });
  const client = { workflow: { start: () => Promise.reject(lost) } };
  const session = { client, place: { address: '127.0.0.1:7233' } } as unknown as Session;

  await expect(start(session, PLAN, MEMO)).rejects.toMatchObject({
    code: 'unreachable',
    message: expect.stringMatching(
      /^Temporal at 127.0.0.1:7233 went away while .*: gone\nIt may have started: `greenlight status diabetes --target host\/diabetes`/,
    ) as string,
  });
});
