import { describe, expect, it } from 'vitest';
import { createActivities } from '../../activities/index.js';
import { PortError } from '../../adapters/ports.js';
import type { RolloutActivities } from '../../core/activities.js';
import { FailureType } from '../../core/failures.js';
import { machineSecrets } from '../../adapters/secrets.js';
import { attemptsOf } from '../support/attempts.js';
import { planOf } from '../support/plans.js';

describe('a worker that does not know the cluster, as one that was started anew without its kubeconfig', () => {
  const no = new PortError('no kubeconfig', { kind: 'permanent', code: 'NoCluster' });
  const activities = createActivities({ targets: () => Promise.reject(no), secrets: machineSecrets({}) });
  const at = {
    target: { kind: 'kubernetes', namespace: 'models' } as const,
    endpoint: 'diabetes',
    deployment: 'blue',
  };
  const attempts = (name: keyof RolloutActivities, input: object) =>
    attemptsOf(9, () => (activities[name] as (input: object) => Promise<unknown>)({ ...at, ...input }));
  const asked = { type: FailureType.PortTransient, nonRetryable: false };
  const ended = { type: FailureType.PortPermanent, nonRetryable: true };

  it.each<[keyof RolloutActivities, object]>([
    ['setTraffic', { from: null }],
    ['setMinimum', { goesBack: true }],
    ['scaleDeployment', {}],
    ['deleteDeployment', { madeBy: 'r1' }],
  ])('is waited for by a rollback: %s', async (name, input) => {
    const ends = await attempts(name, input);

    expect(ends.at(-1)).toMatchObject(asked);
  });

  it.each<[keyof RolloutActivities, object]>([
    ['setTraffic', { from: { live: { blue: 100 }, mirror: {} } }],
    ['setMinimum', {}],
    ['scaleDeployment', { givesWayAfterMs: 15_000 }],
    ['deleteDeployment', {}],
    ['watch', {}],
    ['smoke', {}],
  ])('does not end at once what is under way: %s', async (name, input) => {
    const ends = await attempts(name, input);

    expect(ends[0]).toMatchObject(asked);
    expect(ends[4]).toMatchObject(ended);
  });

  it('is asked for as long as at first where it had what it needs in between, and loses it again', async () => {
    const away = () => Promise.reject(new PortError('away', { kind: 'transient', code: 'Unavailable' }));
    let attempt = 0;
    const lost = createActivities({
      targets: () =>
        attempt === 1 || attempt > 8
          ? Promise.reject(no)
          : Promise.resolve({ endpoints: { readDeployment: away } } as never),
      secrets: machineSecrets({}),
    });

    const ends = await attemptsOf(13, (n) => {
      attempt = n;
      return lost.smoke({ ...at, body: '{}', count: 1 });
    });

    expect(ends[8]).toMatchObject(asked);
    expect(ends[12]).toMatchObject(ended);
  });

  it('refuses a rollout before it has changed anything', async () => {
    const [first] = await attempts('preflight', { plan: planOf('diabetes', []), rolloutId: 'r1' });

    expect(first).toMatchObject(ended);
  });
});
