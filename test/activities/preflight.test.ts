import { expect, it } from 'vitest';

import { preflight } from '../../activities/preflight.js';
import { NO_KUBERNETES_METRICS } from '../../core/capabilities.js';
import { FailureType } from '../../core/failures.js';
import { activityEnvironment } from '../support/activity-environment.js';
import { MemoryTarget } from '../support/memory-target.js';
import { CREATE, planOf, rampStep } from '../support/plans.js';

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

it('rejects gates on requests where the source counts none of such an endpoint', async () => {
  const target = new MemoryTarget();
  const ports = target.ports();
  const read = async (name: string) => ({
    ...(await ports.endpoints.read(name)),
    kind: 'kubernetes' as const,
  });
  const capabilities = { ...ports.metrics.capabilities, kubernetes: NO_KUBERNETES_METRICS };
  const onAzure = {
    ...ports,
    endpoints: { ...ports.endpoints, read },
    metrics: { ...ports.metrics, capabilities },
  };
  const plan = planOf('diabetes', [CREATE, rampStep(10)]);

  const thrown = activityEnvironment().run(() =>
    preflight(onAzure, () => Promise.reject(new Error('no secrets')), {
      plan,
      rolloutId: 'r',
      target: plan.target,
      endpoint: 'diabetes',
    }),
  );

  await expect(thrown).rejects.toMatchObject({
    type: FailureType.Rejected,
    message: expect.stringContaining('Gate errors cannot be judged: Azure Monitor counts') as string,
  });
});
