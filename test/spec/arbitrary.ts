import fc from 'fast-check';
import { NOTIFY_EVENTS } from '../../core/notification.js';
import { azureDeployment, kubernetesDeployment, managedDeployment } from './arbitrary-deployment.js';

const duration = fc
  .tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 1, max: 59 }), fc.constantFrom('m', 's'))
  .map(([hours, rest, unit]) => `${hours === 0 ? '' : `${hours}h`}${rest}${unit}`);
/** Longer than the longest warm-up below, and in order. */
const window = fc
  .tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 10, max: 90 }), fc.boolean())
  .map(([least, most, range]) => (range ? `${least === 0 ? '0s' : `${least}m`} .. ${most}m` : `${most}m`));
const percent = fc.integer({ min: 1, max: 99 }).map((share) => `${share}%`);
const name = fc.stringMatching(/^[a-z][a-z0-9]{2,10}$/);
const points = fc.integer({ min: 1, max: 400 }).map((tenths) => `${tenths / 10}pp`);
const margin = fc.oneof(
  points,
  fc.tuple(percent, points).map(([ratio, floor]) => `${ratio} + ${floor}`),
);
const quantile = fc.constantFrom('p50', 'p90', 'p95', 'p99', 'p99.9');

const knobs = {
  blip: duration,
  dispersion: fc.oneof(fc.constant('auto'), fc.integer({ min: 1, max: 20 })),
  shared: fc.constantFrom('hold', 'strict'),
};

const errorGate = fc.oneof(
  fc.record(
    { metric: fc.constant('error-rate'), 'worse-by': margin, ...knobs },
    { requiredKeys: ['metric', 'worse-by'] },
  ),
  fc.record(
    { metric: fc.constant('error-rate'), 'at-most': percent, weight: fc.constantFrom('1%', '2.5%') },
    { requiredKeys: ['metric', 'at-most'] },
  ),
);
const otherGate = fc.oneof(
  fc.record(
    { metric: fc.constant('latency'), quantile, 'slower-by': percent, role: fc.constant('guard'), ...knobs },
    { requiredKeys: ['metric', 'quantile', 'slower-by'] },
  ),
  fc.record({
    metric: fc.constant('latency'),
    quantile,
    'at-most': fc.integer({ min: 1, max: 4999 }).map((ms) => `${ms}ms`),
  }),
  fc.record({ metric: fc.constant('slow-share'), above: fc.constant('0.4s'), 'worse-by': margin }),
);

const query = (series: string) => `${series}{version="$deployment"}`;
const ownGate = fc.oneof(
  fc.record({
    metric: fc.constantFrom(
      { bad: query('bad_total'), total: query('all_total') },
      { bad: query('bad_total'), good: query('good_total') },
    ),
    'worse-by': margin,
  }),
  fc.record({
    metric: fc.constant({ histogram: query('tokens_bucket') }),
    quantile,
    'higher-by': percent,
    role: fc.constant('guard'),
  }),
);

/** Always one required gate on errors, so that every step has something to prove. */
const gates = fc
  .tuple(errorGate, fc.dictionary(name, fc.oneof(otherGate, ownGate), { maxKeys: 4 }))
  .map(([errors, others]) => ({ ...others, 'always-there': errors }));

const undecided = fc.constantFrom('hold', 'proceed', 'roll-back');
const shares = fc
  .uniqueArray(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 5 })
  .map((list) => list.sort((a, b) => a - b).map((share) => `${share}%`));
const watched = { for: window, undecided };
const steps = fc
  .record({
    create: fc.constantFrom('create', { create: {} }, { create: { 'ready-within': '20m' } }),
    mirror: fc.option(
      fc.oneof(
        fc.constant('mirror'),
        fc.record({ mirror: fc.constantFrom('1%', '10%', '50%'), ...watched }, { requiredKeys: ['mirror'] }),
      ),
      { nil: null },
    ),
    ramp: fc.oneof(
      fc.constant('ramp'),
      fc.record({ ramp: fc.oneof(percent, shares), ...watched }, { requiredKeys: ['ramp'] }),
    ),
    approve: fc.option(
      fc.constantFrom('approve', { approve: '2d' }, { approve: { within: '24h', by: ['ann'] } }),
      {
        nil: null,
      },
    ),
    bake: fc.option(fc.oneof(fc.constant('bake'), fc.record({ bake: fc.constant('1h'), undecided })), {
      nil: null,
    }),
    end: fc.option(fc.constantFrom('delete-baseline', { 'delete-baseline': { 'drain-within': '1m' } }), {
      nil: null,
    }),
  })
  .map(({ create, mirror, ramp, approve, bake, end }) =>
    [create, mirror, ramp, approve, 'cutover', bake, end].filter((step) => step !== null),
  );

const secret = fc.constantFrom('${env:HOOK}', '${file:/run/secrets/hook}');
const notify = fc.array(
  fc.record(
    {
      webhook: secret,
      form: fc.constantFrom('slack', 'teams', 'cloudevents'),
      events: fc.uniqueArray(fc.constantFrom(...NOTIFY_EVENTS), { minLength: 1 }),
      secret,
      'links-for': fc.constant('ann'),
    },
    { requiredKeys: ['webhook'] },
  ),
  { maxLength: 3 },
);

const subscription = '00000000-0000-4000-8000-000000000000';
const azureml = { subscription, 'resource-group': 'rg', workspace: 'models' };
/** Each kind of target, with deployment files that fit it. */
const place = fc.oneof(
  fc.record({
    target: fc.constantFrom(undefined, { host: {} }, { host: { workspace: 'local-2' } }),
    deployment: azureDeployment,
  }),
  fc.record({ target: fc.constant({ azureml }), deployment: managedDeployment }),
  fc.record({
    target: fc.constantFrom(
      { kubernetes: { namespace: 'models' } },
      { kubernetes: { namespace: 'models', context: 'kind' } },
    ),
    deployment: kubernetesDeployment,
  }),
);

const spec: fc.Arbitrary<Record<string, unknown>> = fc.record(
  {
    version: fc.constant(1),
    endpoint: name,
    deployment: fc.constantFrom('green.yml', './green.yml'),
    baseline: name.filter((found) => found !== 'green'),
    notify,
    adopt: fc.boolean(),
    approvers: fc.uniqueArray(fc.constantFrom('ann', 'bob@example.com', 'Cy Twombly'), { minLength: 1 }),
    'after-rollback': fc.constantFrom('delete-green', 'keep-green'),
    'rollback-within': duration,
    watching: fc.record(
      {
        interval: fc.constantFrom('1s', '7s', '45s', '4m'),
        'warm-up': fc.constantFrom('0s', '30s', '1m'),
        confidence: fc.record(
          { 'roll-back': fc.constantFrom('99%', '99.9%'), proceed: fc.constantFrom('90%', '95%') },
          { requiredKeys: [] },
        ),
        ...knobs,
      },
      { requiredKeys: [] },
    ),
    gates,
    steps,
  },
  { requiredKeys: ['endpoint', 'deployment'] },
);

/** Without what Azure Monitor cannot tell: latency, and copies apart from live requests. */
function judgedOnAzure(value: Record<string, unknown>): Record<string, unknown> {
  const { gates: some, steps: list } = value as {
    gates?: Record<string, { metric: unknown }>;
    steps?: readonly unknown[];
  };
  const told = ([, { metric }]: [string, { metric: unknown }]) =>
    metric !== 'latency' && metric !== 'slow-share';
  const mirrors = (step: unknown) =>
    step === 'mirror' || (typeof step === 'object' && step !== null && 'mirror' in step);
  return {
    ...value,
    ...(some && { gates: Object.fromEntries(Object.entries(some).filter(told)) }),
    ...(list && { steps: list.filter((step) => !mirrors(step)) }),
  };
}

/** Specs and the deployment files `green.yml` that they name, as plain values that meet every rule. */
export const rolloutFiles = fc.tuple(spec, place).map(([value, { target, deployment }]): RolloutFiles => ({
  spec: target === undefined ? value : { ...('azureml' in target ? judgedOnAzure(value) : value), target },
  deployment,
}));
export interface RolloutFiles {
  readonly spec: Record<string, unknown>;
  readonly deployment: Record<string, unknown>;
}

export const rolloutValue = rolloutFiles.map((files) => files.spec);

/** A value with one part of it replaced, removed or added. */
export function spoilt(values: fc.Arbitrary<Record<string, unknown>>): fc.Arbitrary<unknown> {
  const junk = fc.oneof(
    fc.constantFrom(
      null,
      '',
      0,
      -1,
      1.5,
      true,
      [],
      {},
      '10',
      '10%',
      '30s',
      '0%',
      '100%',
      '0pp',
      'create',
      [[]],
      { a: 1 },
    ),
    fc.string({ maxLength: 12 }),
    fc.integer(),
  );
  return fc
    .tuple(
      values,
      fc.array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 6 }),
      junk,
      fc.constantFrom('replace', 'remove', 'add'),
    )
    .map(([value, way, found, how]) => {
      const copy = structuredClone(value);
      let parent: unknown = copy;
      for (const [depth, turn] of way.entries()) {
        if (typeof parent !== 'object' || parent === null) break;
        const keys = Object.keys(parent);
        if (keys.length === 0) break;
        const key = keys[turn % keys.length] ?? '';
        const holder = parent as Record<string, unknown>;
        const child = holder[key];
        if (depth < way.length - 1 && typeof child === 'object' && child !== null) parent = child;
        else {
          if (how === 'replace') holder[key] = found;
          else if (how === 'add') holder['added'] = found;
          else if (Array.isArray(parent)) parent.splice(Number(key), 1);
          else Reflect.deleteProperty(holder, key);
          break;
        }
      }
      return copy;
    });
}
