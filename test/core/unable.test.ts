import { describe, expect, it } from 'vitest';
import type { DeploymentState, EndpointState } from '../../core/endpoint.js';
import { mirrorTraffic, splitTraffic, type Traffic } from '../../core/traffic.js';
import { whoCannotServe, type Unable } from '../../core/unable.js';

const instances = (name: string, wanted: number, ready: number): DeploymentState => ({
  ...{ name, state: 'ready', restarts: 0, tags: {} },
  instances: { wanted, ready },
});
const BLUE = instances('blue', 1, 1);
const DOWN = instances('green', 1, 0);
const OFF = instances('green', 0, 0);
const share = (percent: number) => splitTraffic('blue', 'green', percent);

function endpointOf(traffic: Traffic, deployments: readonly DeploymentState[]): EndpointState {
  const kind = 'managed' as const;
  return {
    name: 'diabetes',
    kind,
    state: 'ready',
    scoringUri: 'http://127.0.0.1/score',
    traffic,
    deployments,
  };
}

describe('who cannot serve', () => {
  it.each([
    ['all answer', [BLUE, instances('green', 2, 1)], 50, null],
    ['nobody of green answers', [BLUE, DOWN], 50, { serving: true }],
    ['nor did it before it had any', [BLUE, DOWN], 0, {}],
    ['green is to keep what it has', [BLUE, DOWN], 75, null],
    ['green is to have less', [BLUE, DOWN], 90, null],
    ['green was scaled to nothing', [BLUE, OFF], 50, { off: ['green'], serving: true }],
    ['green is gone, as is a share to keep', [BLUE], 75, { gone: true, serving: true }],
  ] as const)('%s', (_, deployments, percent, expected) => {
    const endpoint = endpointOf(share(percent), deployments);
    const unable: Unable = { deployments: ['green'], gone: false, off: [], serving: false };

    expect(whoCannotServe(endpoint, share(75))).toEqual(expected && { ...unable, ...expected });
  });

  it('counts copies as a share, and who has none as nobody', () => {
    const endpoint = endpointOf(share(0), [instances('blue', 0, 0), DOWN]);

    expect(whoCannotServe(endpoint, mirrorTraffic('blue', 'green', 10))?.deployments).toEqual(['green']);
    expect(whoCannotServe(endpoint, { live: { blue: 100, red: 0 }, mirror: { green: 0 } })).toBeNull();
  });
});
