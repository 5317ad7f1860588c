import { describe, expect, it } from 'vitest';
import { chooseDestination } from '../../cli/revert-choice.js';
import { ROLLOUT_TAG, type DeploymentState, type EndpointState } from '../../core/endpoint.js';
import type { Shares } from '../../core/traffic.js';

function deployment(name: string, more: Partial<DeploymentState> = {}): DeploymentState {
  return { name, state: 'ready', instances: { wanted: 2, ready: 2 }, restarts: 0, tags: {}, ...more };
}

const BY_ROLLOUT = { [ROLLOUT_TAG]: 'some run' };
const blue = deployment('blue');
const green = deployment('green', { tags: BY_ROLLOUT });

function endpoint(live: Shares, mirror: Shares, ...deployments: DeploymentState[]): EndpointState {
  return {
    name: 'diabetes',
    kind: 'managed',
    state: 'ready',
    traffic: { live, mirror },
    deployments,
    scoringUri: 'http://127.0.0.1/score',
  };
}

describe('chooseDestination, without a name', () => {
  it.each([
    ['the only one', endpoint({}, {}, blue), 'blue'],
    ['the old one after cutover', endpoint({ green: 100 }, {}, blue, green), 'blue'],
    [
      'the serving one while green is mirrored to',
      endpoint({ blue: 100 }, { green: 10 }, blue, green),
      'blue',
    ],
  ])('takes %s', (_who, state, to) => {
    expect(chooseDestination(state, undefined, false)).toEqual({ to });
  });

  it.each([
    ['live traffic is split', endpoint({ blue: 90, green: 10 }, {}, blue, green), 'blue 90 %, green 10 %'],
    [
      'the other one is the newer: it may be unproven',
      endpoint({ blue: 100 }, {}, blue, green),
      'blue 100 %',
    ],
    [
      'both came by rollouts',
      endpoint({ green: 100 }, {}, deployment('blue', { tags: BY_ROLLOUT }), green),
      'green 100 %',
    ],
  ])('asks when %s', (_why, state, serves) => {
    expect(chooseDestination(state, undefined, false)).toEqual({
      refused:
        `diabetes has blue, green, and serves ${serves}: it is not clear which one to go back to.\n` +
        'Name it with --to DEPLOYMENT.',
    });
  });
});

describe('chooseDestination, by name', () => {
  it('names what there is when the name is unknown', () => {
    expect(chooseDestination(endpoint({ blue: 100 }, {}, blue), 'blu', false)).toEqual({
      refused: 'diabetes has no deployment blu; it has blue. Name one of them with --to.',
    });
  });

  it.each([
    ['failed', deployment('blue', { state: 'failed', error: 'OutOfQuota' }), 'it is failed (OutOfQuota)'],
    [
      'without a ready instance',
      deployment('blue', { instances: { wanted: 2, ready: 0 } }),
      'none of its 2 instances is ready',
    ],
  ])('sends nobody to a deployment that is %s, unless forced', (_how, sick, why) => {
    const state = endpoint({ green: 100 }, {}, sick, green);

    expect(chooseDestination(state, 'blue', false)).toEqual({
      refused:
        `blue does not look able to serve: ${why}. diabetes serves green 100 % now.\n` +
        'Name another deployment with --to, or add --force to send it there all the same.',
    });
    expect(chooseDestination(state, 'blue', true)).toEqual({ to: 'blue' });
  });

  it('trusts a target that cannot tell how many instances are ready', () => {
    const untold = deployment('blue', { instances: { wanted: 1, ready: null } });

    expect(chooseDestination(endpoint({ green: 100 }, {}, untold, green), 'blue', false)).toEqual({
      to: 'blue',
    });
  });
});
