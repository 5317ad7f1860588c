import { ApplicationFailure } from '@temporalio/common';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

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
  readyWithinMs = 300,
): Promise<unknown> {
  const input = {
    target: { kind: 'host', workspace: 'any' },
    endpoint: 'diabetes',
    deployment: of,
    rolloutId: 'r',
    readyWithinMs,
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

describe('by a worker that stood still while others went on, or back', () => {
  let lateMs = 0;
  beforeEach(() => {
    const now = Date.now.bind(Date);
    lateMs = 0;
    vi.spyOn(Date, 'now').mockImplementation(() => now() + lateMs);
  });
  afterEach(() => void vi.restoreAllMocks());

  const asking = { ...deployment, environmentVariables: { DB_PASSWORD: '${secret:db-password}' } };
  const stoodStill = {
    type: FailureType.PortTransient,
    nonRetryable: false,
    message: expect.stringContaining('This worker stood still for 15 s') as string,
  };

  it.each(['readDeployment', 'a secret', 'createDeployment'] as const)(
    'makes nothing that a rollback may have deleted: in the middle of %s',
    async (during) => {
      const target = new MemoryTarget();
      const standStill = (call: string): undefined => {
        if (call === during) lateMs = 15_000;
      };
      target.fault = standStill;
      const secret = () => {
        standStill('a secret');
        return Promise.resolve('not told');
      };

      await expect(create(target, asking, secret)).rejects.toMatchObject(stoodStill);
      expect(target.writes).toEqual([]);
    },
  );

  it('is waited for all the same where it was made before', async () => {
    const target = new MemoryTarget();
    target.createDelayMs = 100;
    let reads = 0;
    target.fault = (call) => {
      if (call === 'readDeployment' && ++reads === 2) lateMs = 15_000;
      return undefined;
    };

    await expect(create(target, deployment, undefined, 60_000)).resolves.toBeUndefined();
    expect(target.writes).toEqual(['create green']);
  });
});

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
