import { expect, it } from 'vitest';

import { preflight } from '../../activities/preflight.js';
import { FailureType } from '../../core/failures.js';
import { activityEnvironment } from '../support/activity-environment.js';
import { MemoryTarget } from '../support/memory-target.js';
import { CREATE, planOf } from '../support/plans.js';

it('quotes no secret of the deployment that stands there already, and says why it failed', async () => {
  const target = new MemoryTarget();
  target.addDeployment('green', { state: 'failed', error: 'its log: no user of password hunter2' });
  const plan = planOf('diabetes', [CREATE]);
  const environmentVariables = { DB_PASSWORD: '${secret:db-password}' };

  const thrown = await activityEnvironment()
    .run(() =>
      preflight(target.ports(), () => Promise.resolve('hunter2'), {
        plan: { ...plan, deployment: { ...plan.deployment, environmentVariables } },
        rolloutId: 'r',
        target: plan.target,
        endpoint: 'diabetes',
      }),
    )
    .catch((err: unknown) => err);

  expect(thrown).toMatchObject({
    type: FailureType.Rejected,
    message: expect.stringContaining('no user of password ${secret:db-password}') as string,
  });
  expect(JSON.stringify(thrown)).not.toContain('hunter2');
});
