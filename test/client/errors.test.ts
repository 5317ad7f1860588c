import { ServiceError, type WorkflowHandle } from '@temporalio/client';
import { expect, it, vi } from 'vitest';
import { Greenlight } from '../../client/greenlight.js';
import { GreenlightError, isUnreachable } from '../../client/errors.js';
import { Rollout } from '../../client/rollout.js';
import type { Session } from '../../client/temporal.js';
import { planOf, rampStep } from '../support/plans.js';

/** As gRPC says that the server is not there. */
const GONE = Object.assign(new Error('14 UNAVAILABLE: gone'), { code: 14, details: 'gone' });

/** A Temporal of which every question fails with that error. */
function failing(error: Error): Session {
  const fails = (): Promise<never> => Promise.reject(error);
  const client = {
    workflow: {
      getHandle: (workflowId: string) => ({
        workflowId,
        describe: fails,
        result: fails,
        fetchHistory: fails,
        executeUpdate: fails,
      }),
      list: async function* () {
        await fails();
      },
    },
    workflowService: { describeTaskQueue: () => Promise.reject(GONE) },
    withDeadline: (_at: number, work: () => unknown) => work(),
    withAbortSignal: (_signal: AbortSignal, work: () => unknown) => work(),
  };
  const place = { address: '127.0.0.1:7233', namespace: 'prod', uiUrl: null };
  return { client, place } as unknown as Session;
}

vi.mock('../../client/temporal.js', async (original) => ({
  ...(await original<object>()),
  connect: () => Promise.resolve(failing(new ServiceError('Failed to ask', { cause: GONE }))),
}));

function rolloutIn(session: Session): Rollout {
  return new Rollout({
    session,
    handle: session.client.workflow.getHandle('rollout/host/local/diabetes') as WorkflowHandle,
    endpoint: 'diabetes',
    target: { kind: 'host', workspace: 'local' },
    runId: 'its run',
    by: 'ada',
  });
}

async function thrownBy(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

it.each(['status', 'result', 'evidence', 'report'] as const)(
  'tells a program in one way that Temporal went away under %s, and what was thrown',
  async (call) => {
    const lost = new ServiceError('Failed to describe workflow', { cause: GONE });

    const thrown = await thrownBy(rolloutIn(failing(lost))[call]());

    expect(thrown).toBeInstanceOf(GreenlightError);
    expect(thrown).toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/^Temporal stopped answering: gone\n/) as string,
      cause: lost,
    });
    expect(isUnreachable(thrown), 'who tries again knows it still').toBe(true);
  },
);

it('tells a program so where it lists, looks for a rollout or submits', async () => {
  const greenlight = await Greenlight.connect({ temporal: { address: '127.0.0.1:7233' }, env: {} });
  const calls = {
    list: () => greenlight.list(),
    rollout: () => greenlight.rollout('diabetes'),
    status: () => greenlight.status('diabetes'),
    submit: () => greenlight.submit(planOf('diabetes', [rampStep(10)])),
  };

  for (const [call, work] of Object.entries(calls)) {
    expect(await thrownBy(work()), call).toMatchObject({ name: 'GreenlightError', code: 'unreachable' });
  }
});

it('tells a program what Temporal refuses to who watches', async () => {
  const refused = Object.assign(new Error('7 PERMISSION_DENIED'), { code: 7, details: 'not yours' });
  const rollout = rolloutIn(failing(new ServiceError('Failed to describe workflow', { cause: refused })));

  expect(await thrownBy(rollout.watch().next())).toMatchObject({
    name: 'GreenlightError',
    code: 'unreachable',
    message: expect.stringContaining('does not let this client in: not yours') as string,
  });
});

it.each([
  [
    'a namespace that is not there',
    Object.assign(new Error('x'), { name: 'NamespaceNotFoundError', namespace: 'prod' }),
    { code: 'unreachable', message: expect.stringContaining('no namespace "prod"') as string },
  ],
  [
    'one that only the server names',
    Object.assign(new Error('5 NOT_FOUND'), { code: 5, details: 'Namespace prod is not found.' }),
    { code: 'unreachable', message: expect.stringContaining('no namespace "prod"') as string },
  ],
  [
    'a rollout past its retention',
    Object.assign(new Error('workflow execution not found'), { name: 'WorkflowNotFoundError' }),
    { code: 'not-found', message: expect.stringContaining('for the retention') as string },
  ],
  [
    'any other no',
    Object.assign(new Error('3 INVALID_ARGUMENT'), { code: 3, details: 'too long' }),
    { code: 'unexpected', message: 'Temporal said no: too long' },
  ],
])('tells a program of %s', async (_what, error, told) => {
  expect(await thrownBy(rolloutIn(failing(error)).status())).toMatchObject({
    name: 'GreenlightError',
    ...told,
    cause: error,
  });
});

it('gives a fault of its own back as it is', async () => {
  const fault = new TypeError('x is undefined');

  expect(await thrownBy(rolloutIn(failing(fault)).status())).toBe(fault);
});

it('tells a program of keys that cannot be read', async () => {
  const connecting = Greenlight.connect({
    temporal: { address: '127.0.0.1:7233' },
    env: { GREENLIGHT_CODEC_KEYS_FILE: '/nowhere/keys' },
  });

  expect(await thrownBy(connecting)).toMatchObject({
    name: 'GreenlightError',
    code: 'unexpected',
    message: expect.stringContaining('The codec keys cannot be read') as string,
  });
});
