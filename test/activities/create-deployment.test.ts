import { ApplicationFailure } from '@temporalio/common';
import { describe, expect, it } from 'vitest';

import { createDeployment } from '../../activities/create-deployment.js';
import { PortError } from '../../adapters/ports.js';
import type { DeploymentSpec } from '../../core/deployment.js';
import { FailureType } from '../../core/failures.js';
import { activityEnvironment } from '../support/activity-environment.js';
import { MemoryTarget } from '../support/memory-target.js';
import { CREATE, planOf } from '../support/plans.js';

const { deployment } = planOf('diabetes', [CREATE]);

function create(
  target: MemoryTarget,
  of: DeploymentSpec = deployment,
  secret: () => Promise<string> = () => Promise.reject(new Error('no secrets')),
): Promise<unknown> {
  const input = {
    target: { kind: 'host', workspace: 'any' },
    endpoint: 'diabetes',
    deployment: of,
    rolloutId: 'r',
    readyWithinMs: 300,
  } as const;
  return activityEnvironment().run(() => createDeployment(target.ports(), secret, input));
}

it('that is not ready in time says what it was waiting for, where the target tells', async () => {
  const target = new MemoryTarget();
  target.addDeployment('green', { state: 'creating', error: 'its pods are refused: quota' });

  await expect(create(target)).rejects.toMatchObject({
    type: FailureType.DeploymentFailed,
    message: expect.stringMatching(/was not ready within .* \(its pods are refused: quota\); see/) as string,
  });
});

it.each([
  ['is busy', 'createDeployment', 'throttle', 'busy'],
  ['is away', 'readDeployment', 'throw-transient', 'readDeployment failed by request of the test'],
] as const)(
  'fails for good where its time is over and the target still %s: another attempt would have all of it again',
  async (_, faulty, how, said) => {
    const target = new MemoryTarget();
    target.fault = (call) => (call === faulty ? how : undefined);

    await expect(create(target)).rejects.toMatchObject({
      type: FailureType.DeploymentFailed,
      nonRetryable: true,
      message: expect.stringContaining(` (${said}); see`) as string,
    });
  },
);

describe('quotes no secret of the deployment', () => {
  const SECRET = 'two words\nof a secret';
  const asking = { ...deployment, environmentVariables: { DB_PASSWORD: '${secret:db-password}' } };
  const thrownBy = (target: MemoryTarget): Promise<unknown> =>
    create(target, asking, () => Promise.resolve(SECRET)).catch((err: unknown) => err);

  it('when the target tells why it failed', async () => {
    const target = new MemoryTarget();
    target.addDeployment('green', { state: 'failed', error: 'its log: two words of a secret, and 1 more' });

    const thrown = await thrownBy(target);

    expect(thrown).toMatchObject({ type: FailureType.DeploymentFailed, nonRetryable: true });
    expect((thrown as Error).message).toContain('its log: ${secret:db-password}, and 1 more');
    expect((thrown as Error).stack).not.toContain('of a secret');
  });

  it('when the target refuses it, and the failure stays of its kind', async () => {
    const target = new MemoryTarget();
    target.fault = (call) => {
      if (call !== 'createDeployment') return undefined;
      const cause = new Error(`sent ${SECRET}`);
      throw new PortError(`${SECRET} is no number`, { kind: 'permanent', code: 'BadArgument' }, { cause });
    };

    const thrown = await thrownBy(target);

    expect(thrown).toBeInstanceOf(ApplicationFailure);
    expect(thrown).toMatchObject({
      message: '${secret:db-password} is no number',
      type: FailureType.PortPermanent,
      nonRetryable: true,
      details: [{ code: 'BadArgument' }],
      cause: undefined,
    });
    expect((thrown as Error).stack).not.toContain('of a secret');
  });
});
