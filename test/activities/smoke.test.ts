import { expect, it } from 'vitest';

import { smoke } from '../../activities/smoke.js';
import { FailureType } from '../../core/failures.js';
import { activityEnvironment } from '../support/activity-environment.js';
import { MemoryTarget } from '../support/memory-target.js';

const SECRET = 'two words\nof a secret';

/** What a smoke test of green says, where green answers 500 and this. */
async function failure(body: string): Promise<unknown> {
  const target = new MemoryTarget();
  target.addDeployment('green');
  Object.assign(target, { smokeStatus: 500, smokeBody: body });
  const input = {
    target: { kind: 'host', workspace: 'any' },
    endpoint: 'diabetes',
    deployment: 'green',
    environmentVariables: { DB_PASSWORD: '${secret:db-password}' },
    body: '{}',
    count: 2,
  } as const;
  return activityEnvironment()
    .run(() => smoke(target.ports(), () => Promise.resolve(SECRET), input))
    .catch((err: unknown) => err);
}

it('quotes no secret of the deployment that answers with one', async () => {
  const thrown = await failure(`no connection to\n  postgres://app:${SECRET}@db`);

  expect(thrown).toMatchObject({
    type: FailureType.SmokeFailed,
    nonRetryable: true,
    message:
      'Smoke test of green: request 1 of 2 was answered 500 instead of 200: no connection to postgres://app:${secret:db-password}@db',
  });
  expect((thrown as Error).stack).not.toContain('of a secret');
});

it('quotes the beginning of a long answer, and no part of a secret where it is cut', async () => {
  const { message } = (await failure(`${'x'.repeat(290)}${SECRET}`)) as Error;

  expect(message).toMatch(/x{290}\$\{secret:/);
  expect(message).not.toContain('two');
});
