import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, it } from 'vitest';

import { createDeployment } from '../../activities/create-deployment.js';
import { FailureType } from '../../core/failures.js';
import { MemoryTarget } from '../support/memory-target.js';
import { CREATE, planOf } from '../support/plans.js';

it('that is not ready in time says what it was waiting for, where the target tells', async () => {
  const target = new MemoryTarget();
  target.addDeployment('green', { state: 'creating', error: 'its pods are refused: quota' });
  const { deployment } = planOf('diabetes', [CREATE]);

  await expect(
    new MockActivityEnvironment().run(() =>
      createDeployment(target.ports(), () => Promise.reject(new Error('no secrets')), {
        target: { kind: 'host', workspace: 'any' },
        endpoint: 'diabetes',
        deployment,
        rolloutId: 'r',
        readyWithinMs: 300,
      }),
    ),
  ).rejects.toMatchObject({
    type: FailureType.DeploymentFailed,
    message: expect.stringMatching(/was not ready within .* \(its pods are refused: quota\); see/) as string,
  });
});
