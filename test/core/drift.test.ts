import { describe, expect, it } from 'vitest';

import { driftIn, driftText, sameDrift, type Drift, type Written } from '../../core/drift.js';
import { ROLLOUT_TAG, type DeploymentState, type EndpointState } from '../../core/endpoint.js';
import type { Traffic } from '../../core/traffic.js';

const SPLIT = { live: { blue: 90, green: 10 }, mirror: {} };
const BACK = { live: { blue: 100 }, mirror: {} };
const CUT = { live: { green: 100 }, mirror: {} };

function deployment(name: string, wanted = 2, more: Partial<DeploymentState> = {}): DeploymentState {
  return { name, state: 'ready', instances: { wanted, ready: wanted }, restarts: 0, tags: {}, ...more };
}

function endpoint(deployments: readonly DeploymentState[], traffic: Traffic = SPLIT): EndpointState {
  return { name: 'diabetes', kind: 'managed', state: 'ready', traffic, scoringUri: '', deployments };
}

const [BLUE, GREEN] = [deployment('blue'), deployment('green')];
const written = (traffic: Written['traffic'] = SPLIT): Written => ({
  traffic,
  baseline: 'blue',
  green: 'green',
  instances: { blue: 2, green: 2 },
});
const made: Written = { ...written(), madeBy: 'r1' };
const tagged = (rolloutId: string) => deployment('green', 1, { tags: { [ROLLOUT_TAG]: rolloutId } });

describe('drift', () => {
  it.each<[string, Written, EndpointState, Drift | null]>([
    ['is none when all is as written', written(), endpoint([BLUE, GREEN]), null],
    ['is other traffic', written(), endpoint([BLUE, GREEN], BACK), { observed: BACK, scaled: [] }],
    [
      'is a deployment with traffic that is gone',
      written(),
      endpoint([BLUE]),
      { observed: null, scaled: [] },
    ],
    [
      'is a baseline that is gone, also when it had no traffic: a rollback goes there',
      written(CUT),
      endpoint([GREEN], CUT),
      { observed: null, scaled: [] },
    ],
    [
      'is a baseline on its way to be gone',
      written(),
      endpoint([deployment('blue', 2, { state: 'deleting' }), GREEN]),
      { observed: null, scaled: [] },
    ],
    [
      'is what became of who is left, too, where one is gone',
      written(CUT),
      endpoint([deployment('blue', 0)], CUT),
      { observed: null, scaled: [{ deployment: 'blue', from: 2, to: 0 }] },
    ],
    [
      'is a baseline with fewer instances, also when it has no traffic',
      written(CUT),
      endpoint([deployment('blue', 1), GREEN], CUT),
      { observed: CUT, scaled: [{ deployment: 'blue', from: 2, to: 1 }] },
    ],
    [
      'is a green with none while it serves',
      written(),
      endpoint([BLUE, deployment('green', 0)]),
      { observed: SPLIT, scaled: [{ deployment: 'green', from: 2, to: 0 }] },
    ],
    [
      'is a green with fewer before its first share, too: a person may be asked about it',
      written(BACK),
      endpoint([BLUE, deployment('green', 1)], BACK),
      { observed: BACK, scaled: [{ deployment: 'green', from: 2, to: 1 }] },
    ],
    [
      'is a green that is gone before its first share',
      written(BACK),
      endpoint([BLUE], BACK),
      { observed: null, scaled: [] },
    ],
    [
      'is no green that the rollout has yet to make',
      { ...written(BACK), instances: { blue: 2 }, madeBy: 'r1' },
      endpoint([BLUE, deployment('green')], BACK),
      null,
    ],
    [
      'is another under the name of green, whose instances say nothing of green’s',
      made,
      endpoint([BLUE, deployment('green', 1)]),
      { observed: null, scaled: [], replaced: 'green' },
    ],
    [
      'is another that another rollout made',
      made,
      endpoint([BLUE, tagged('r2')]),
      { observed: null, scaled: [], replaced: 'green' },
    ],
    [
      'is no other for the tag that the rollout gave it',
      { ...made, instances: { blue: 2, green: 1 } },
      endpoint([BLUE, tagged('r1')]),
      null,
    ],
    [
      'is no other where green stood there before the rollout',
      written(),
      endpoint([BLUE, tagged('r0')]),
      { observed: SPLIT, scaled: [{ deployment: 'green', from: 2, to: 1 }] },
    ],
    [
      'is no deployment with more',
      written(),
      endpoint([deployment('blue', 9), deployment('green', 9)]),
      null,
    ],
    [
      'is nothing of a deployment whose instances nobody counted',
      { ...written(), instances: {} },
      endpoint([deployment('blue', 0), GREEN]),
      null,
    ],
  ])('%s', (_, before, now, drift) => {
    expect(driftIn(before, now)).toEqual(drift);
  });

  it('is told in words', () => {
    const scaled = [
      { deployment: 'blue', from: 4, to: 1 },
      { deployment: 'green', from: 2, to: 0 },
    ];
    expect(driftText(SPLIT, { observed: BACK, scaled })).toBe(
      'the rollout wrote blue 90 %, green 10 %, the endpoint shows blue 100 %; ' +
        'blue was scaled from 4 to 1 instance; green was scaled from 2 to 0 instances',
    );
    expect(driftText(SPLIT, { observed: null, scaled: [] })).toBe(
      'the rollout wrote blue 90 %, green 10 %, the endpoint or one of its deployments is gone',
    );
    expect(driftText(SPLIT, { observed: null, scaled: [], replaced: 'green' })).toBe(
      "the rollout wrote blue 90 %, green 10 %, green is not the one that it made any more: its tag greenlight.rollout is missing, or another's",
    );
  });

  it('is the same when it shows the same, and not when it went on', () => {
    const one: Drift = { observed: BACK, scaled: [{ deployment: 'blue', from: 2, to: 1 }] };

    expect(sameDrift(one, structuredClone(one))).toBe(true);
    expect(sameDrift(null, null)).toBe(true);
    expect(sameDrift(one, null)).toBe(false);
    expect(sameDrift(one, { ...one, observed: null })).toBe(false);
    expect(sameDrift(one, { ...one, scaled: [] })).toBe(false);
    expect(sameDrift({ ...one, observed: null }, { observed: null, scaled: [] })).toBe(false);
    const gone: Drift = { observed: null, scaled: [] };
    expect(sameDrift(gone, { ...gone, replaced: 'green' })).toBe(false);
  });
});
