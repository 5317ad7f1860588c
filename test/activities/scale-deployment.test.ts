import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, it, vi } from 'vitest';
import { scaleDeployment } from '../../activities/scale-deployment.js';
import { PortError } from '../../adapters/ports.js';

vi.mock('node:timers/promises', () => import('../support/quick-sleep.js'));

it('waits in its own time for instances, also where the target asks for a longer one, and tells how many came', async () => {
  const busy = new PortError('busy', { kind: 'throttled', code: 'TooManyRequests', retryAfterMs: 900_000 });
  const state = { name: 'blue', state: 'ready', instances: { wanted: 4, ready: 3 }, restarts: 0, tags: {} };
  let asked = 0;
  const readDeployment = () => (++asked === 2 ? Promise.reject(busy) : Promise.resolve(state));
  const input = {
    target: { kind: 'host', workspace: 'local' } as const,
    ...{ endpoint: 'diabetes', deployment: 'blue', instances: 4, readyWithinMs: 60_000 },
  };

  const failure = await new MockActivityEnvironment()
    .run(() => scaleDeployment({ endpoints: { readDeployment } } as never, input))
    .catch((error: unknown) => error);

  expect(failure).toMatchObject({ nonRetryable: true, details: [{ ready: 3 }] });
  expect(asked).toBeGreaterThan(20);
});
