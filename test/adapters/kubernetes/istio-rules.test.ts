import { describe, expect, it } from 'vitest';

import type { HttpRule } from '../../../adapters/kubernetes/istio-objects.js';
import {
  isIstioPinned,
  istioTraffic,
  withIstioPins,
  withIstioTraffic,
  withoutIstioDeployment,
  type IstioFrame,
} from '../../../adapters/kubernetes/istio-rules.js';

const frame = (...names: readonly string[]): IstioFrame => ({
  namespace: 'models',
  backends: names.map((name) => ({ deployment: name, service: `diabetes-${name}`, port: 80 })),
});
const BOTH = frame('blue', 'green');
const blue = { destination: { host: 'diabetes-blue', port: { number: 80 } } };
const green = { destination: { host: 'diabetes-green', port: { number: 80 } } };
const pin = (name: string) => ({ 'azureml-model-deployment': { exact: name } });

/** As somebody wrote it by hand. */
const HAND_MADE: readonly HttpRule[] = [
  {
    match: [{ uri: { exact: '/health' } }],
    route: [{ destination: { host: 'health.other.svc.cluster.local' } }],
  },
  {
    name: 'score',
    match: [{ uri: { prefix: '/v1' } }],
    rewrite: { uri: '/score' },
    retries: { attempts: 0 },
    route: [{ destination: { host: 'diabetes-blue.models.svc.cluster.local' } }],
  },
  { redirect: { uri: '/v1' } },
];

describe('what a VirtualService says of traffic', () => {
  it('is written back in whole weights, where it is no whole percent', () => {
    const rules: HttpRule[] = [
      {
        route: [
          { ...blue, weight: 1 },
          { ...green, weight: 2 },
        ],
      },
    ];
    const read = istioTraffic(rules, BOTH);
    const written = withIstioTraffic(rules, BOTH, read);

    expect(written[0]?.route?.map(({ weight }) => weight)).toEqual([3333, 6667]);
    expect(istioTraffic(written, BOTH)).toEqual(read);
  });

  it.each<[string, HttpRule, object]>([
    ['a destination that stands alone gets everything, without a weight', { route: [blue] }, { blue: 100 }],
    ['… and whatever its weight', { route: [{ ...blue, weight: 0 }] }, { blue: 100 }],
    [
      'weights are shares of their sum',
      {
        route: [
          { ...blue, weight: 3 },
          { ...green, weight: 1 },
        ],
      },
      { blue: 75, green: 25 },
    ],
    [
      'beside others, a weight that is left out is none',
      { route: [blue, { ...green, weight: 10 }] },
      { green: 100 },
    ],
    [
      'hosts may bear namespace and domain',
      {
        route: [
          { destination: { host: 'diabetes-blue.models' }, weight: 1 },
          { destination: { host: 'diabetes-green.models.svc.example.org' }, weight: 1 },
        ],
      },
      { blue: 50, green: 50 },
    ],
    [
      'a Service of another namespace, and a subset of one, are none of the deployments',
      {
        route: [
          { destination: { host: 'diabetes-green.staging.svc.cluster.local' }, weight: 10 },
          { destination: { host: 'diabetes-blue', subset: 'v1' }, weight: 10 },
          { ...blue, weight: 80 },
        ],
      },
      {
        blue: 80,
        'Service diabetes-blue subset v1': 10,
        'Service diabetes-green.staging.svc.cluster.local': 10,
      },
    ],
  ])('%s', (_, rule, live) => {
    expect(istioTraffic([rule], BOTH)).toEqual({ live, mirror: {} });
  });

  it.each<[HttpRule, object]>([
    [{ mirrors: [{ ...green, percentage: { value: 10 } }] }, { green: 10 }],
    [{ mirrors: [green] }, { green: 100 }],
    [{ mirror: green.destination }, { green: 100 }],
    [{ mirror: green.destination, mirrorPercentage: { value: 2.5 } }, { green: 2.5 }],
    [{ mirror: green.destination, mirrorPercent: 20 }, { green: 20 }],
    [{ mirror: green.destination, mirror_percent: 20 }, { green: 20 }],
    [{ mirrors: [{ destination: { host: 'recorder' } }] }, {}],
  ])('reads the copies of %j', (rule, mirror) => {
    expect(istioTraffic([{ ...rule, route: [blue] }], BOTH)).toEqual({ live: { blue: 100 }, mirror });
  });

  it('shows a second rule that says otherwise under a name of its own', () => {
    const second = { match: [{ uri: { exact: '/b' } }], route: [green] };

    expect(istioTraffic([{ route: [blue] }, second], BOTH).live).toEqual({
      blue: 100,
      'green (rule 2)': 100,
    });
  });

  it('shows a further entry of a Service under a name of its own, and gives the share to one', () => {
    const twice: readonly HttpRule[] = [
      {
        route: [
          { destination: { host: 'diabetes-blue', port: { number: 80 } }, weight: 50 },
          { destination: { host: 'diabetes-blue.models', port: { number: 80 } }, weight: 50 },
        ],
      },
    ];

    expect(istioTraffic(twice, BOTH).live).toEqual({ blue: 50, 'blue (entry 1, port 80)': 50 });
    const written = withIstioTraffic(twice, BOTH, { live: { blue: 90, green: 10 }, mirror: {} });
    expect(written[0]?.route?.map(({ weight }) => weight)).toEqual([0, 90, 10]);
  });

  it('reads back what was written, for every split and mirror', () => {
    const rules = withIstioPins(HAND_MADE, BOTH);
    for (let percent = 0; percent <= 100; percent++) {
      const live = Object.fromEntries(
        [['blue', 100 - percent] as const, ['green', percent] as const].filter(([, share]) => share > 0),
      );
      const mirror: Record<string, number> = percent > 0 ? { green: percent } : {};
      const written = withIstioTraffic(rules, BOTH, { live, mirror });

      expect(istioTraffic(written, BOTH)).toEqual({ live, mirror });
      const weights = written.find(({ name }) => name === 'score')?.route?.map(({ weight }) => weight);
      expect(weights?.reduce((sum, weight) => (sum ?? 0) + (weight ?? 0), 0)).toBe(100);
    }
  });
});

describe('what is written into a VirtualService', () => {
  it('puts each pin right before the rule that it is made from: the first that matches has a request', () => {
    const rules = withIstioPins(HAND_MADE, BOTH);

    expect(rules[0]).toBe(HAND_MADE[0]);
    expect(rules[3]).toBe(HAND_MADE[1]);
    expect(rules[4]).toBe(HAND_MADE[2]);
    expect(rules[1]).toEqual({
      match: [{ uri: { prefix: '/v1' }, headers: pin('blue') }],
      rewrite: { uri: '/score' },
      retries: { attempts: 0 },
      route: [blue],
    });
    expect(rules[2]?.match?.[0]?.headers).toEqual(pin('green'));
    expect(withIstioPins(rules, BOTH)).toEqual(rules);
    expect(isIstioPinned(rules, BOTH, 'green')).toBe(true);
  });

  it('takes a pin that stands behind the rule for none, because no request gets to it', () => {
    const behind: HttpRule[] = [{ route: [blue] }, { match: [{ headers: pin('green') }], route: [green] }];

    expect(isIstioPinned(behind, BOTH, 'green')).toBe(false);
    expect(isIstioPinned(withIstioPins(behind, BOTH), BOTH, 'green')).toBe(true);
  });

  it('knows its pins again, in whatever order the server gives their keys back', () => {
    const [first, ...rest] = withIstioPins([{ match: [{ uri: { prefix: '/' } }], route: [blue] }], BOTH);
    const turned = (first?.match ?? []).map(({ uri, headers }) => ({ headers, uri })) as HttpRule['match'];

    expect(withIstioPins([{ ...first, match: turned }, ...rest], BOTH)).toHaveLength(3);
  });

  it('leaves copies to others, in the old form word for word until it has copies of its own to add', () => {
    const rule: HttpRule = {
      mirror: { host: 'recorder' },
      mirrorPercentage: { value: 5 },
      route: [blue],
    };
    const [same] = withIstioTraffic([rule], BOTH, { live: { blue: 100 }, mirror: {} });
    const [both] = withIstioTraffic([rule], BOTH, { live: { blue: 100 }, mirror: { green: 10 } });

    expect(same).toMatchObject({ mirror: { host: 'recorder' }, mirrorPercentage: { value: 5 } });
    expect(both).not.toHaveProperty('mirror');
    expect(both?.mirrors).toEqual([
      { destination: { host: 'recorder' }, percentage: { value: 5 } },
      { ...green, percentage: { value: 10 } },
    ]);
  });

  it('waits for the most patient deployment that serves, and pins wait for their own', () => {
    const patient: IstioFrame = {
      namespace: 'models',
      backends: BOTH.backends.map((one, at) => ({ ...one, timeoutMs: at === 0 ? 500 : 60_000 })),
    };
    const rules = withIstioPins([{ route: [blue] }], patient);
    const timeouts = (live: Record<string, number>) =>
      withIstioTraffic(rules, patient, { live, mirror: {} }).map(({ timeout }) => timeout);

    expect(timeouts({ blue: 100 })).toEqual(['0.5s', '60s', '0.5s']);
    expect(timeouts({ blue: 90, green: 10 })).toEqual(['0.5s', '60s', '60s']);
  });

  it.each([undefined, '10s', '0s', '0.2s'])(
    'waits for a baseline of others as their rule did (%s), while it serves and when it serves alone again',
    (timeout) => {
      const comes: IstioFrame = {
        namespace: 'models',
        backends: BOTH.backends.map((one) =>
          one.deployment === 'green' ? { ...one, timeoutMs: 5_000 } : one,
        ),
      };
      const before: HttpRule = { route: [blue], ...(timeout === undefined ? {} : { timeout }) };
      let rules = withIstioPins([before], comes);
      const timeouts = [{ blue: 90, green: 10 }, { green: 100 }, { blue: 100 }].map((live) => {
        rules = withIstioTraffic(rules, comes, { live, mirror: {} });
        return rules.at(-1)?.timeout;
      });

      expect(timeouts).toEqual([timeout === '0.2s' ? '5s' : timeout, '5s', timeout]);
      expect(withoutIstioDeployment(rules, comes, 'green').at(-1)).toEqual({
        ...before,
        route: [{ ...blue, weight: 100 }],
      });
    },
  );

  it('takes for its own what the team has changed in a rule since its pins were made', () => {
    const comes: IstioFrame = {
      namespace: 'models',
      backends: BOTH.backends.map((one) => (one.deployment === 'green' ? { ...one, timeoutMs: 5_000 } : one)),
    };
    const rules = withIstioPins([{ route: [blue], timeout: '10s' }], comes).map((rule) =>
      rule.match === undefined ? { ...rule, timeout: '60s' } : rule,
    );

    const ramped = withIstioTraffic(rules, comes, { live: { blue: 90, green: 10 }, mirror: {} });
    expect(ramped.at(-1)?.timeout).toBe('60s');
  });

  it('takes a deployment out with its pins, and nothing else', () => {
    const rules = withIstioTraffic(withIstioPins(HAND_MADE, BOTH), BOTH, {
      live: { green: 100 },
      mirror: {},
    });
    const without = withoutIstioDeployment(rules, BOTH, 'blue');

    expect(without).toHaveLength(4);
    expect(without[2]?.route).toEqual([{ ...green, weight: 100 }]);
    expect(istioTraffic(without, BOTH)).toEqual({ live: { green: 100 }, mirror: {} });
  });

  it('leaves a rule alone that leads to the deployment only, which Istio would refuse without it', () => {
    const rules = [{ match: [{ uri: { prefix: '/canary' } }], route: [green] }, { route: [blue, green] }];

    expect(withoutIstioDeployment(rules, BOTH, 'green')).toEqual([rules[0], { route: [blue] }]);
  });

  it('leaves no copies to a deployment that is taken out', () => {
    const rules = withIstioTraffic(HAND_MADE, BOTH, { live: { blue: 100 }, mirror: { green: 10 } });

    expect(JSON.stringify(rules)).toContain('green');
    expect(JSON.stringify(withoutIstioDeployment(rules, BOTH, 'green'))).not.toContain('green');
  });

  it('refuses to take all traffic away, which a VirtualService cannot say', () => {
    expect(() => withIstioTraffic(HAND_MADE, BOTH, { live: {}, mirror: {} })).toThrow(
      'cannot give every destination nothing',
    );
  });
});
