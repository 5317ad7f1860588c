import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { KubeDeployment, Pod } from '../../../adapters/kubernetes/objects.js';
import { deploymentState } from '../../../adapters/kubernetes/states.js';

const NOW = '2026-03-01T12:00:00Z';
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: Date.parse(NOW) }));
afterEach(() => void vi.useRealTimers());

const stateBy = (condition: object, waiting?: string) => {
  const deployment = KubeDeployment.parse({
    metadata: { name: 'diabetes-green', generation: 1 },
    spec: { selector: {}, template: { spec: {} } },
    status: { observedGeneration: 1, replicas: 1, conditions: [condition] },
  });
  const pod = Pod.parse({
    metadata: { name: 'green-1' },
    status: { containerStatuses: [{ name: 'model', state: { waiting: { reason: waiting } } }] },
  });
  const { state, error } = deploymentState('green', deployment, waiting === undefined ? [] : [pod], 0);
  return { state, error };
};
it('a deployment is told from the next one of its name by its uid', () => {
  const deployment = KubeDeployment.parse({
    metadata: { name: 'diabetes-green', uid: '1b2c' },
    spec: { selector: {}, template: { spec: {} } },
    status: {},
  });

  expect(deploymentState('green', deployment, [], 0)).toMatchObject({ name: 'green', id: '1b2c' });
});

const late = {
  type: 'Progressing',
  status: 'False',
  reason: 'ProgressDeadlineExceeded',
  message: 'ReplicaSet "green-1" has timed out progressing.',
};
const refused = (lastTransitionTime: string) => ({
  type: 'ReplicaFailure',
  status: 'True',
  lastTransitionTime,
  message: 'exceeded quota',
});

it.each([
  [
    'is waited for when Kubernetes finds that it takes long',
    late,
    undefined,
    'creating',
    /timed out progressing$/,
  ],
  [
    'fails at once where something hopeless shows beside that',
    late,
    'InvalidImageName',
    'failed',
    /InvalidImageName/,
  ],
  [
    'is waited for while its pods are refused for a moment',
    refused('2026-03-01T11:58:30Z'),
    undefined,
    'creating',
    /^its pods are refused: exceeded quota$/,
  ],
  [
    'fails when they were refused for two minutes',
    refused('2026-03-01T11:57:59Z'),
    undefined,
    'failed',
    /^its pods are refused: exceeded quota$/,
  ],
])('a deployment %s', (_, condition, waiting, state, error) => {
  expect(stateBy(condition, waiting)).toEqual({ state, error: expect.stringMatching(error) as string });
});
