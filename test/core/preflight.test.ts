import { describe, expect, it } from 'vitest';

import { DIGEST_TAG, ROLLOUT_TAG, type DeploymentState, type EndpointState } from '../../core/endpoint.js';
import type { Plan } from '../../core/plan.js';
import { checkEndpoint } from '../../core/preflight.js';
import { CREATE, planOf, rampStep } from '../support/plans.js';

function deployment(name: string, more: Partial<DeploymentState> = {}): DeploymentState {
  return { name, state: 'ready', instances: { wanted: 1, ready: 1 }, restarts: 0, tags: {}, ...more };
}

function endpoint(more: Partial<EndpointState> = {}): EndpointState {
  return {
    name: 'diabetes',
    kind: 'managed',
    state: 'ready',
    traffic: { live: { blue: 100 }, mirror: {} },
    deployments: [deployment('blue')],
    scoringUri: '',
    ...more,
  };
}

const check = (plan: Partial<Plan>, state: Partial<EndpointState>) =>
  checkEndpoint(
    planOf('diabetes', plan.steps ?? [CREATE, rampStep(10)], plan),
    endpoint(state),
    'this-run',
    'abc',
  );

describe('checkEndpoint', () => {
  it('takes whoever holds all live traffic as the baseline', () => {
    expect(check({}, {})).toEqual({ baseline: 'blue', greenExists: false, problems: [] });
  });

  it.each<[string, Partial<Plan>, Partial<EndpointState>, string]>([
    [
      'an endpoint under way',
      {},
      { state: 'updating' },
      'Endpoint diabetes is updating; it must be ready. Wait until its operation is over',
    ],
    [
      'an endpoint whose last operation failed',
      {},
      { state: 'failed' },
      'Endpoint diabetes is failed; it must be ready. Its last operation failed: update it again (on Azure, `az ml online-endpoint update`)',
    ],
    [
      'shares that do not sum to 100',
      { baseline: 'blue' },
      { traffic: { live: { blue: 90 }, mirror: {} } },
      'The live shares of diabetes sum to 90 (blue 90 %); they must sum to 100 before a rollout begins',
    ],
    [
      'a split without a whole holder',
      {},
      {
        traffic: { live: { blue: 50, red: 50 }, mirror: {} },
        deployments: [deployment('blue'), deployment('red')],
      },
      'No deployment of diabetes holds all live traffic (blue 50 %, red 50 %), so there is no baseline to compare with; finish the shift under way, or set the traffic to one deployment',
    ],
    [
      'a mirror in use',
      {},
      { traffic: { live: { blue: 100 }, mirror: { red: 10 } } },
      'diabetes mirrors traffic already (blue 100 %, mirror red 10 %); a rollout needs the mirror for itself. Turn it off first',
    ],
    [
      'a baseline that is not there',
      { baseline: 'purple' },
      {},
      'Baseline purple is no deployment of diabetes; it has blue. Name one of them as `baseline`',
    ],
    [
      'a baseline without a ready instance',
      {},
      { deployments: [deployment('blue', { instances: { wanted: 2, ready: 0 } })] },
      'Baseline blue is ready, 0 of 2 instances ready; a rollback would have nowhere to go. Mend it first',
    ],
    [
      'a name that is taken',
      {},
      { deployments: [deployment('blue'), deployment('green')] },
      'diabetes has a deployment green already (ready, 1 of 1 instances ready); delete it, take another name, or write `adopt: true` to roll out that very deployment',
    ],
    [
      'adopting what was made from another file',
      { adopt: true },
      { deployments: [deployment('blue'), deployment('green', { tags: { [DIGEST_TAG]: 'other' } })] },
      'Deployment green was created from another deployment file than the one in the spec; delete it, or name the file that it was created from',
    ],
    [
      'nothing to roll out',
      { steps: [rampStep(10)] },
      {},
      'Deployment green is not there, and the spec has no create step; diabetes has blue',
    ],
  ])('refuses %s', (_, plan, state, problem) => {
    expect(check(plan, state).problems).toEqual([problem]);
  });

  it('knows its own green of an earlier attempt, and adopts another one only on request', () => {
    const own = deployment('green', { tags: { [ROLLOUT_TAG]: 'this-run' } });
    const same = deployment('green', { tags: { [DIGEST_TAG]: 'abc' } });

    expect(check({}, { deployments: [deployment('blue'), own] })).toMatchObject({
      greenExists: false,
      problems: [],
    });
    expect(check({ adopt: true }, { deployments: [deployment('blue'), same] })).toMatchObject({
      greenExists: true,
      problems: [],
    });
  });
});
