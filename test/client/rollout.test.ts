import { setTimeout as sleep } from 'node:timers/promises';
import {
  TerminatedFailure,
  WorkflowFailedError,
  WorkflowNotFoundError,
  type WorkflowHandle,
} from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import type { RolloutEvent } from '../../client/events.js';
import { findRollout } from '../../client/find.js';
import { Rollout } from '../../client/rollout.js';
import type { Session } from '../../client/temporal.js';
import { reportOf, statusOf } from '../cli/statuses.js';

/** What Temporal knows of a run. */
interface Run {
  readonly runId: string;
  /** Left out: it is the first itself. */
  readonly firstRunId?: string;
  readonly status?: string;
  /** Left out: it ends with a report of its own. */
  readonly end?: () => unknown;
  /** To who asks where it stands. Left out: no worker answers. */
  readonly answer?: () => unknown;
}

const SHOWN = 'the run that was shown';
const HOST = { kind: 'host', workspace: 'local' } as const;

/** A Temporal with these runs under the workflow id of each rollout. */
function temporalOf(runs: readonly Run[]): Session {
  const handleOf = (workflowId: string, asked?: string) => {
    const found = (): Run => {
      const run = asked === undefined ? runs.at(-1) : runs.find(({ runId }) => runId === asked);
      if (run === undefined) throw new WorkflowNotFoundError('no such run', workflowId, asked);
      return run;
    };
    const telling =
      (tell: (run: Run) => unknown): (() => Promise<unknown>) =>
      () =>
        Promise.resolve().then(() => tell(found()));
    return {
      workflowId,
      result: telling(({ runId, end = () => reportOf({ reason: `the end of ${runId}` }) }) => end()),
      describe: telling(({ runId, firstRunId = runId, status = 'RUNNING' }) => ({
        runId,
        status: { name: status },
        raw: { workflowExecutionInfo: { firstRunId } },
        startTime: new Date(0),
      })),
      query: telling(({ answer = noWorker }) => answer()),
    } as unknown as WorkflowHandle;
  };
  const client = {
    workflow: { getHandle: handleOf },
    options: { loadedDataConverter: { payloadCodecs: [] } },
    workflowService: {
      describeTaskQueue: () =>
        Promise.resolve({
          pollers: [{ identity: 'laptop', lastAccessTime: { seconds: Date.now() / 1_000 } }],
        }),
    },
    withDeadline: (_at: number, work: () => unknown) => work(),
    withAbortSignal: (_signal: AbortSignal, work: () => unknown) => work(),
  };
  return { client, place: { uiUrl: null } } as unknown as Session;
}

/** The rollout of one run, found when that was the newest. */
function shown(runs: readonly Run[]): Rollout {
  const session = temporalOf(runs);
  return new Rollout({
    session,
    handle: session.client.workflow.getHandle('rollout/host/local/diabetes'),
    endpoint: 'diabetes',
    target: HOST,
    runId: SHOWN,
    by: 'ada',
  });
}

/** Temporal, in which another rollout has begun under the same workflow id. */
function overtaken(): Rollout {
  return shown([{ runId: SHOWN, status: 'FAILED' }, { runId: 'the run that began since' }]);
}

function noWorker(): never {
  throw new Error('no worker');
}

function terminated(): never {
  throw new WorkflowFailedError('by hand', new TerminatedFailure('by hand'), 'NON_RETRYABLE_FAILURE');
}

async function eventsOf(rollout: Rollout): Promise<readonly RolloutEvent[]> {
  const seen = [];
  for await (const event of rollout.watch()) seen.push(event);
  return seen;
}

it('ends with the run that was shown, and not with one that began since', async () => {
  const ended = { report: { reason: 'the end of the run that was shown' } };

  expect(await eventsOf(overtaken())).toMatchObject([{ kind: 'ended', ended }]);
  expect(await overtaken().result()).toMatchObject(ended);
});

it('is itself where another holds the endpoint by now, whatever it is asked', async () => {
  expect(await overtaken().status()).toMatchObject({
    kind: 'report',
    report: { reason: 'the end of the run that was shown' },
  });
});

it('tells nothing of one that began since, and of itself nothing twice', async () => {
  const rollout = shown([
    { runId: SHOWN, status: 'FAILED', end: () => sleep(100, reportOf()) },
    { runId: 'the run that began since', answer: () => statusOf({ green: 'the next version' }) },
  ]);

  expect((await eventsOf(rollout)).map(({ kind }) => kind)).toEqual(['ended']);
});

it('says by its newest run where it stands', async () => {
  const status = statusOf();
  const rollout = shown([{ runId: 'its newest run', firstRunId: SHOWN, answer: () => status }]);

  expect(await rollout.ask()).toEqual({ status: { ...status, retrying: null }, look: undefined });
});

it('takes an answer that cannot be read here for no silence', async () => {
  const unreadable = (): never => {
    throw Object.assign(new Error('no keys are configured here'), { name: 'CodecError' });
  };

  await expect(shown([{ runId: SHOWN, answer: unreadable }]).ask()).rejects.toMatchObject({
    code: 'unexpected',
    message: 'no keys are configured here',
  });
});

it('tells, where a worker polls and does not answer, how to see whether it is of another version', async () => {
  await expect(shown([{ runId: SHOWN }]).status()).rejects.toMatchObject({
    code: 'no-worker',
    message: expect.stringMatching(
      /A worker polls \(laptop\).*`greenlight doctor diabetes` shows whether a worker of its version runs\n/,
    ) as string,
  });
});

it('ends with its newest run where Temporal has forgotten the one that it began with', async () => {
  const rollout = shown([{ runId: 'its newest run', firstRunId: SHOWN }]);
  const ended = { report: { reason: 'the end of its newest run' } };

  expect(await eventsOf(rollout)).toMatchObject([{ kind: 'ended', ended }]);
  expect(await rollout.result()).toMatchObject(ended);
});

it('goes on with the run that a reset begins', async () => {
  const runs: Run[] = [];
  const reset = (): never => {
    runs.push({ runId: 'the run of the reset', firstRunId: SHOWN });
    return terminated();
  };
  runs.push({ runId: SHOWN, end: reset });

  expect(await eventsOf(shown(runs))).toMatchObject([
    { kind: 'ended', ended: { report: { reason: 'the end of the run of the reset' } } },
  ]);
});

it('is lost where it was terminated, whoever has begun since', async () => {
  const alone = [{ runId: SHOWN, status: 'TERMINATED', end: terminated }];
  const lost = { kind: 'lost', because: 'it was terminated from outside Greenlight' };

  expect(await shown(alone).result()).toEqual(lost);
  expect(await shown([...alone, { runId: 'the run that began since' }]).result()).toEqual(lost);
});

describe('found by one of its runs', () => {
  const later = { runId: 'its newest run', firstRunId: SHOWN };
  const found = async (runs: readonly Run[], run: string) => {
    const known = await findRollout(temporalOf(runs), HOST, 'diabetes', run);
    return known && [known.description.runId, known.running];
  };

  it('is the newest one, also where Temporal has forgotten the run that it began with', async () => {
    expect(await found([later], SHOWN)).toEqual(['its newest run', true]);
    expect(await found([later], 'its newest run')).toEqual(['its newest run', true]);
  });

  it('is itself where another holds the endpoint by now, and no rollout where nobody knows the run', async () => {
    const runs = [{ runId: SHOWN, status: 'COMPLETED' }, { runId: 'the run that began since' }];

    expect(await found(runs, SHOWN)).toEqual([SHOWN, false]);
    expect(await found(runs, 'a run of nobody')).toBeUndefined();
  });
});
