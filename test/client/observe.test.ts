import { ServiceError } from '@temporalio/client';
import { expect, it, vi } from 'vitest';
import { observe, type Observation } from '../../client/observe.js';
import type { Session } from '../../client/temporal.js';
import { reportOf, statusOf } from '../cli/statuses.js';

vi.mock('node:timers/promises', () => import('../support/quick-sleep.js'));

const CHAIN = { workflowId: 'rollout/host/local/diabetes', firstRunId: 'its run', seenRunId: 'its run' };
const DESCRIPTION = {
  runId: 'its run',
  status: { name: 'RUNNING' },
  raw: { workflowExecutionInfo: { firstRunId: 'its run' } },
};
const GONE = Object.assign(new Error('14 UNAVAILABLE: gone'), { code: 14, details: 'gone' });
const LATE = Object.assign(new Error('4 DEADLINE_EXCEEDED: late'), { code: 4, details: 'late' });

/** What a client does that cannot ask, or is asked in vain. */
const failing = (error: Error): never => {
  throw new ServiceError('Failed to ask', { cause: error });
};

/** Who observes a rollout of two minutes sees this. */
async function seenWhile({
  describe = () => DESCRIPTION,
  query = () => statusOf(),
}: {
  /** What Temporal says of it, and its worker, after so many milliseconds. */
  readonly describe?: (afterMs: number) => unknown;
  readonly query?: (afterMs: number) => unknown;
}): Promise<readonly Observation['kind'][]> {
  const begunMs = Date.now();
  const after =
    (work: (afterMs: number) => unknown): (() => Promise<unknown>) =>
    async () => {
      await new Promise(setImmediate);
      return work(Date.now() - begunMs);
    };
  const result = async (): Promise<unknown> => {
    while (Date.now() - begunMs < 120_000) await after(describe)();
    return reportOf();
  };
  const handle = { workflowId: CHAIN.workflowId, describe: after(describe), query: after(query), result };
  const client = {
    workflow: { getHandle: () => handle },
    options: { loadedDataConverter: { payloadCodecs: [] } },
    withDeadline: (_at: number, work: () => unknown) => work(),
    withAbortSignal: (_signal: AbortSignal, work: () => unknown) => work(),
  };
  const seen: Observation['kind'][] = [];
  for await (const { kind } of observe({ client, place: {} } as unknown as Session, CHAIN)) {
    if (kind !== 'status') seen.push(kind);
  }
  return seen;
}

it('tells of a Temporal that is away, and not of a worker whom nobody could ask', async () => {
  const describe = (afterMs: number) => (afterMs < 60_000 ? failing(GONE) : DESCRIPTION);

  expect(await seenWhile({ describe })).toEqual(['away', 'ended']);
});

it('tells of a worker that does not answer, and when one does again', async () => {
  const query = (afterMs: number) => (afterMs < 60_000 ? failing(LATE) : statusOf());

  expect(await seenWhile({ query })).toEqual(['silent', 'answering', 'ended']);
});

it('ends at once where the answers cannot be read here, and says which key is missing', async () => {
  const query = (): never => {
    throw Object.assign(new Error('no keys are configured here'), { name: 'CodecError' });
  };

  await expect(seenWhile({ query })).rejects.toMatchObject({
    code: 'unexpected',
    message: 'no keys are configured here',
  });
});
