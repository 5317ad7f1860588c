import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, it } from 'vitest';
import { deleteDeployment } from '../../activities/delete-deployment.js';
import { FailureType } from '../../core/failures.js';
import { MemoryTarget } from '../support/memory-target.js';

it('refuses for good to delete what the target shows under another name: it may be what serves everybody', async () => {
  const target = new MemoryTarget();
  const { endpoints, ...ports } = target.ports();
  // As Azure: any case finds it, and it is shown in small letters.
  const caseless = {
    ...endpoints,
    readDeployment: (endpoint: string, name: string) =>
      endpoints.readDeployment(endpoint, name.toLowerCase()),
    deleteDeployment: (endpoint: string, name: string) =>
      endpoints.deleteDeployment(endpoint, name.toLowerCase()),
  };
  const input = {
    target: { kind: 'host', workspace: 'any' },
    endpoint: 'diabetes',
    drainWithinMs: 0,
  } as const;

  await expect(
    new MockActivityEnvironment().run(() =>
      deleteDeployment({ ...ports, endpoints: caseless }, { ...input, deployment: 'Blue' }),
    ),
  ).rejects.toMatchObject({ nonRetryable: true, type: FailureType.PortPermanent });
  expect(target.writes).toEqual([]);
  expect(target.deployments.has('blue')).toBe(true);
});
