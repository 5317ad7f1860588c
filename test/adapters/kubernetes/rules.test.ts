import { describe, expect, it } from 'vitest';

import type { Rule } from '../../../adapters/kubernetes/objects.js';
import {
  isPinned,
  trafficOf,
  withDeployments,
  withoutDeployment,
  withTraffic,
  type Frame,
} from '../../../adapters/kubernetes/rules.js';
import { slotsOf } from '../../../adapters/kubernetes/slots.js';

const backend = (deployment: string, more: { timeoutMs?: number } = {}) => ({
  deployment,
  service: `diabetes-${deployment}`,
  port: 80,
  ...more,
});
const frame = (...names: readonly string[]): Frame => ({
  namespace: 'models',
  backends: names.map((name) => backend(name)),
  markBackends: true,
});
const BOTH = frame('blue', 'green');

/** As somebody wrote it by hand, with what the API server fills in. */
const HAND_MADE: readonly Rule[] = [
  {
    matches: [{ path: { type: 'Exact', value: '/health' } }],
    backendRefs: [{ name: 'health', port: 8080, weight: 1 }],
  },
  {
    matches: [{ path: { type: 'PathPrefix', value: '/score' } }],
    backendRefs: [{ group: '', kind: 'Service', name: 'diabetes-blue', port: 80, weight: 1 }],
  },
  { matches: [{ path: { type: 'PathPrefix', value: '/old' } }], filters: [{ type: 'RequestRedirect' }] },
];

describe('what a route says of traffic', () => {
  it('is shares of a hundred, whatever the weights sum to', () => {
    const rules = [
      {
        backendRefs: [
          { name: 'diabetes-blue', weight: 3 },
          { name: 'diabetes-green', weight: 1 },
        ],
      },
    ];

    expect(trafficOf(rules, BOTH)).toEqual({ live: { blue: 75, green: 25 }, mirror: {} });
  });

  it('is written back in whole weights, where it is no whole percent', () => {
    const mirror = { backendRef: { name: 'diabetes-green' }, fraction: { numerator: 1, denominator: 3 } };
    const rules = [
      {
        filters: [{ type: 'RequestMirror', requestMirror: mirror }],
        backendRefs: [
          { name: 'diabetes-blue', weight: 1 },
          { name: 'diabetes-green', weight: 2 },
        ],
      },
    ];
    const read = trafficOf(rules, BOTH);
    const [rule] = withTraffic(rules, BOTH, read);

    expect(read).toEqual({ live: { blue: 33.33, green: 66.67 }, mirror: { green: 33.3333 } });
    expect(rule?.backendRefs?.map(({ weight }) => weight)).toEqual([3333, 6667]);
    expect(rule?.filters?.[0]?.requestMirror).toMatchObject({
      fraction: { numerator: 333_333, denominator: 1_000_000 },
    });
    expect(trafficOf(rule === undefined ? [] : [rule], BOTH)).toEqual(read);
  });

  it('takes a weight that is left out for one, and a mirror without a share for everything', () => {
    const rules = [
      {
        filters: [{ type: 'RequestMirror', requestMirror: { backendRef: { name: 'diabetes-green' } } }],
        backendRefs: [{ name: 'diabetes-blue' }],
      },
    ];

    expect(trafficOf(rules, BOTH)).toEqual({ live: { blue: 100 }, mirror: { green: 100 } });
  });

  it('shows backends of others, and says nothing of copies to others', () => {
    const rules = [
      {
        filters: [{ type: 'RequestMirror', requestMirror: { backendRef: { name: 'recorder' }, percent: 5 } }],
        backendRefs: [
          { name: 'diabetes-blue', weight: 9 },
          { name: 'legacy', weight: 1 },
        ],
      },
    ];

    expect(trafficOf(rules, BOTH)).toEqual({ live: { blue: 90, 'Service legacy': 10 }, mirror: {} });
  });

  it('shows a second rule that says otherwise under a name of its own', () => {
    const rule = (blue: number): Rule => ({
      backendRefs: [
        { name: 'diabetes-blue', weight: blue },
        { name: 'diabetes-green', weight: 100 - blue },
      ],
    });

    expect(trafficOf([rule(90), rule(90)], BOTH).live).toEqual({ blue: 90, green: 10 });
    expect(trafficOf([rule(90), rule(50)], BOTH).live).toEqual({
      blue: 90,
      green: 10,
      'blue (rule 2)': 50,
      'green (rule 2)': 50,
    });
  });

  it('shows a further entry of a Service under a name of its own, and gives the share to one', () => {
    const twice: readonly Rule[] = [
      {
        backendRefs: [
          { name: 'diabetes-blue', port: 80, weight: 9 },
          { name: 'diabetes-blue', port: 8080, weight: 1 },
        ],
      },
    ];
    const split = { live: { blue: 90, green: 10 }, mirror: {} };

    expect(trafficOf(twice, BOTH).live).toEqual({ blue: 90, 'blue (entry 2, port 8080)': 10 });
    const written = withTraffic(twice, BOTH, split);
    expect(written[0]?.backendRefs?.map(({ weight }) => weight)).toEqual([90, 0, 10]);
    expect(trafficOf(written, BOTH)).toMatchObject(split);
  });

  it('reads back what was written, for every split and mirror', () => {
    const rules = withDeployments(HAND_MADE, BOTH);
    for (let percent = 0; percent <= 100; percent++) {
      const live = Object.fromEntries(
        [['blue', 100 - percent] as const, ['green', percent] as const].filter(([, share]) => share > 0),
      );
      const mirror = percent > 0 && percent <= 50 ? { green: percent } : {};

      expect(trafficOf(withTraffic(rules, BOTH, { live, mirror }), BOTH)).toEqual({ live, mirror });
    }
  });
});

describe('what is written into a route', () => {
  it('leaves the rules of others word for word, and keeps every place', () => {
    const with2 = withDeployments(HAND_MADE, BOTH);
    const shifted = withTraffic(with2, BOTH, { live: { blue: 90, green: 10 }, mirror: {} });

    expect(shifted[0]).toBe(HAND_MADE[0]);
    expect(shifted[2]).toBe(HAND_MADE[2]);
    expect(shifted[1]?.backendRefs?.map(({ name, weight }) => [name, weight])).toEqual([
      ['diabetes-blue', 90],
      ['diabetes-green', 10],
    ]);
    expect(shifted.slice(3)).toEqual(with2.slice(3));
  });

  it('gives every deployment a rule for its header, on the paths that live traffic takes', () => {
    const rules = withDeployments(HAND_MADE, BOTH);

    expect(rules).toHaveLength(5);
    expect(rules[4]).toMatchObject({
      matches: [
        {
          path: { type: 'PathPrefix', value: '/score' },
          headers: [{ type: 'Exact', name: 'azureml-model-deployment', value: 'green' }],
        },
      ],
      backendRefs: [{ name: 'diabetes-green', port: 80 }],
    });
    expect(isPinned(rules, BOTH, 'green')).toBe(true);
    expect(isPinned(HAND_MADE, BOTH, 'green')).toBe(false);
  });

  it('is the same when it is written again', () => {
    const once = withDeployments(HAND_MADE, BOTH);
    const traffic = { live: { blue: 100 }, mirror: { green: 10 } };
    const mirrored = withTraffic(once, BOTH, traffic);

    expect(withDeployments(once, BOTH)).toEqual(once);
    expect(withTraffic(mirrored, BOTH, traffic)).toEqual(mirrored);
  });

  it('leaves nothing of a mirror that is off, and nothing of a deployment that is gone', () => {
    const rules = withTraffic(withDeployments(HAND_MADE, BOTH), BOTH, {
      live: { blue: 100 },
      mirror: { green: 10 },
    });
    const off = withTraffic(rules, BOTH, { live: { blue: 100 }, mirror: {} });
    const gone = withoutDeployment(off, BOTH, 'green');

    expect(JSON.stringify(off)).not.toContain('RequestMirror');
    expect(JSON.stringify(gone)).not.toContain('green');
    expect(gone).toHaveLength(4);
  });

  it('turns rules that lead nowhere into live ones, and leaves redirects alone', () => {
    const empty: readonly Rule[] = [
      { matches: [{ path: { type: 'PathPrefix', value: '/' } }] },
      HAND_MADE[2] as Rule,
    ];
    const rules = withTraffic(withDeployments(empty, frame('blue')), frame('blue'), {
      live: { blue: 100 },
      mirror: {},
    });

    expect(trafficOf(rules, frame('blue'))).toEqual({ live: { blue: 100 }, mirror: {} });
    expect(rules[1]).toBe(empty[1]);
  });

  it('waits as long as the most patient deployment that serves', () => {
    const patient = {
      ...BOTH,
      backends: [backend('blue', { timeoutMs: 500 }), backend('green', { timeoutMs: 5000 })],
    };
    const rules = withDeployments(HAND_MADE, patient);
    const timeout = (live: Record<string, number>): unknown =>
      withTraffic(rules, patient, { live, mirror: {} })[1]?.timeouts?.request;

    expect([timeout({ blue: 100 }), timeout({ blue: 90, green: 10 })]).toEqual(['500ms', '5000ms']);
  });

  it.each([undefined, { request: '10s', backendRequest: '1s' }, { backendRequest: '1s' }])(
    'waits for a baseline of others as their rule did (%o), while it serves and when it serves alone again',
    (timeouts) => {
      const comes = { ...BOTH, backends: [backend('blue'), backend('green', { timeoutMs: 5_000 })] };
      const written = HAND_MADE.map((rule, at) => (at === 1 && timeouts ? { ...rule, timeouts } : rule));
      let rules = withDeployments(written, comes);
      const seen = [{ blue: 90, green: 10 }, { green: 100 }, { blue: 100 }].map((live) => {
        rules = withTraffic(rules, comes, { live, mirror: {} });
        return rules[1]?.timeouts;
      });

      expect(seen).toEqual([timeouts, { ...timeouts, request: '5000ms' }, timeouts]);
    },
  );

  it('waits for a new deployment that is more patient than a rule that says nothing', () => {
    const comes = { ...BOTH, backends: [backend('blue'), backend('green', { timeoutMs: 60_000 })] };
    const rules = withDeployments(HAND_MADE, comes);
    const ramped = withTraffic(rules, comes, { live: { blue: 90, green: 10 }, mirror: {} });

    expect(ramped[1]?.timeouts).toEqual({ request: '60000ms' });
  });
});

describe('a deployment that is taken out in front of others', () => {
  const cutOver = withTraffic(withDeployments(HAND_MADE, BOTH), BOTH, { live: { green: 100 }, mirror: {} });
  const GREEN = frame('green');
  const gone = withoutDeployment(cutOver, BOTH, 'blue');

  it('leaves the places of the others, by which proxies name their clusters', () => {
    expect(JSON.stringify(gone)).not.toContain('diabetes-blue');
    expect(gone).toHaveLength(5);
    expect(gone[1]?.backendRefs?.map(({ name, weight }) => [name, weight])).toEqual([
      ['diabetes-green', 0],
      ['diabetes-green', 100],
    ]);
    expect(gone[4]).toBe(cutOver[4]);
    expect(trafficOf(gone, GREEN)).toEqual({ live: { green: 100 }, mirror: {} });
    // The counters of what stood there before are not green's.
    expect(slotsOf(gone, GREEN)['green']).toEqual(slotsOf(cutOver, BOTH)['green']);
    expect(gone[3]?.matches?.[0]?.headers?.[0]?.value).toBe('-');
  });

  it('makes room for the next one', () => {
    const NEXT = frame('green', 'red');
    const next = withDeployments(gone, NEXT);

    expect(next).toHaveLength(5);
    expect(isPinned(next, NEXT, 'red') && isPinned(next, NEXT, 'green')).toBe(true);
    expect(next[1]?.backendRefs?.map(({ name, weight }) => [name, weight])).toEqual([
      ['diabetes-red', 0],
      ['diabetes-green', 100],
    ]);
    const back = withoutDeployment(next, NEXT, 'red');
    expect(trafficOf(back, GREEN)).toEqual(trafficOf(gone, GREEN));
    expect(slotsOf(back, GREEN)).toEqual(slotsOf(gone, GREEN));
    // Behind nobody, nothing is left of a deployment, nor of those before it.
    const cutOverAgain = withTraffic(next, NEXT, { live: { red: 100 }, mirror: {} });
    const alone = withoutDeployment(cutOverAgain, NEXT, 'green');
    expect(alone).toHaveLength(4);
    expect(alone[1]?.backendRefs).toHaveLength(1);
  });

  it('leaves no entry that gets a share when shares change', () => {
    const RED = frame('green', 'red');
    const three = withoutDeployment(
      withTraffic(withDeployments(cutOver, frame('blue', 'green', 'red')), frame('blue', 'green', 'red'), {
        live: { green: 50, red: 50 },
        mirror: {},
      }),
      frame('blue', 'green', 'red'),
      'blue',
    );
    const shifted = withTraffic(three, RED, { live: { green: 90, red: 10 }, mirror: {} });

    expect(shifted[1]?.backendRefs?.map(({ name, weight }) => [name, weight])).toEqual([
      ['diabetes-red', 0],
      ['diabetes-green', 90],
      ['diabetes-red', 10],
    ]);
  });
});

it('takes a rule of others for the same header for no live one, and takes it out with its deployment', () => {
  const theirs: Rule = {
    matches: [{ headers: [{ name: 'Azureml-Model-Deployment', value: 'diabetes-blue' }] }],
    backendRefs: [{ name: 'diabetes-blue', port: 80 }],
  };
  const rules = withDeployments([...HAND_MADE, theirs], BOTH);

  expect(rules[3]).toBe(theirs);
  expect(rules).toHaveLength(6);
  expect(slotsOf(rules, BOTH)['blue']?.direct.map(({ rule }) => rule)).toEqual([3, 4]);
  expect(JSON.stringify(withoutDeployment(rules, BOTH, 'blue'))).not.toContain('diabetes-blue');
});

it('says of the only backend of a rule that nobody marked that it stands alone', () => {
  expect(slotsOf(HAND_MADE, BOTH)['blue']?.live).toEqual([{ rule: 1, backend: 0, alone: true }]);
});

it('says where every deployment stands, by rule and entry', () => {
  const rules = withTraffic(withDeployments(HAND_MADE, BOTH), BOTH, {
    live: { blue: 100 },
    mirror: { green: 10 },
  });

  expect(slotsOf(rules, BOTH)).toEqual({
    blue: {
      service: 'diabetes-blue',
      live: [{ rule: 1, backend: 0 }],
      direct: [{ rule: 3, backend: 0 }],
      mirror: [],
    },
    green: {
      service: 'diabetes-green',
      live: [{ rule: 1, backend: 1 }],
      direct: [{ rule: 4, backend: 0 }],
      mirror: [{ rule: 1, filter: 0 }],
    },
  });
});
