import { expect, it, onTestFinished, vi } from 'vitest';
import type { Context } from '../../cli/context.js';
import { checkTarget } from '../../cli/endpoint-checks.js';
import { endpointText } from '../../cli/endpoint-view.js';
import { NO_KUBERNETES_METRICS } from '../../core/capabilities.js';
import type { EndpointState } from '../../core/endpoint.js';
import type { Target } from '../../core/plan.js';
import { endpointList } from '../../cli/commands/endpoint-list.js';

const failed: EndpointState = {
  name: 'diabetes',
  kind: 'kubernetes',
  state: 'failed',
  error:
    'HTTPRoute diabetes leads to Service diabetes-v1, and to no deployment of diabetes; label that Service',
  traffic: { live: {}, mirror: {} },
  deployments: [],
  scoringUri: '',
};
let listed: readonly EndpointState[] = [failed];
let shown = failed;
let autoscaled = new Set<string>();
const endpoints = {
  listEndpoints: () => Promise.resolve(listed),
  read: () => Promise.resolve(shown),
  isAutoscaled: (_: string, name: string) => Promise.resolve(autoscaled.has(name)),
};
const metrics = { capabilities: { histograms: false, mirrored: false, kubernetes: NO_KUBERNETES_METRICS } };
vi.mock('../../adapters/targets.js', () => ({
  createTargets: () => () => Promise.resolve({ endpoints, metrics }),
}));
const ctx = { stateDir: '/nowhere', target: { kind: 'kubernetes', namespace: 'models' } } as Context;

it('why an endpoint is failed is a problem, and mended as it says: a deployment more would get no traffic', async () => {
  expect(await checkTarget(ctx, 'diabetes')).toContainEqual({
    name: 'Endpoint diabetes',
    state: 'problem',
    found: 'HTTPRoute diabetes leads to Service diabetes-v1, and to no deployment of diabetes',
    mend: 'label that Service',
  });
});

it('an endpoint that failed without saying why is a problem, too: a rollout is refused', async () => {
  serving();
  shown = { ...shown, state: 'failed' };

  expect(await checkTarget(ctx, 'diabetes')).toContainEqual({
    name: 'Endpoint diabetes',
    state: 'problem',
    found: 'its last operation failed',
    mend: expect.stringMatching(/^update it again/) as string,
  });
});

it('why an endpoint is failed stands beside that', () => {
  expect(endpointText(failed)).toContain('is failed: HTTPRoute diabetes leads to Service diabetes-v1');
});

const AZURE: Target = { kind: 'azureml', subscription: 's', resourceGroup: 'g', workspace: 'w' };

it.each([
  ['azureml', AZURE, 'online endpoints'],
  ['host', { kind: 'host', workspace: 'local' }, 'online endpoints'],
  ['kubernetes', ctx.target, 'endpoints'],
] as const)(
  'an empty list of %s says which kind was looked for: batch endpoints are not listed',
  async (_, target, kind) => {
    const told: string[] = [];
    const out = { result: (text: string) => told.push(text) };
    listed = [];
    onTestFinished(() => void (listed = [failed]));

    await endpointList({ ...ctx, target, out } as unknown as Context, [], {});
    const [first] = await checkTarget({ ...ctx, target }, undefined);

    expect(told[0]).toContain(` has no ${kind}. `);
    expect(first?.found).toContain(` answers, with 0 ${kind}`);
  },
);

function serving(): void {
  const { error: _, ...endpoint } = failed;
  const blue = { name: 'blue', instances: { wanted: 1, ready: 1 }, restarts: 0, tags: {} };
  shown = {
    ...endpoint,
    state: 'ready',
    traffic: { live: { blue: 100 }, mirror: {} },
    deployments: [{ ...blue, state: 'ready' }],
  };
  onTestFinished(() => void (shown = failed));
}

it('an endpoint whose requests nobody counts is told, and not that nobody calls it', async () => {
  serving();

  expect(await checkTarget({ ...ctx, target: AZURE }, 'diabetes')).toContainEqual({
    name: 'Metrics of diabetes',
    state: 'warning',
    found: NO_KUBERNETES_METRICS.because,
    mend: NO_KUBERNETES_METRICS.instead,
  });
});

it('an autoscaler that no rollout can hold is a warning: a rollback meets what it has left', async () => {
  serving();
  const names = async () =>
    (await checkTarget({ ...ctx, target: AZURE }, 'diabetes')).map(({ name }) => name);

  expect(await names()).not.toContain('Instances of diabetes');
  autoscaled = new Set(['blue']);
  onTestFinished(() => void (autoscaled = new Set()));

  expect(await checkTarget({ ...ctx, target: AZURE }, 'diabetes')).toContainEqual({
    name: 'Instances of diabetes',
    state: 'warning',
    found: expect.stringMatching(/^an autoscaler counts the instances of blue: /) as string,
    mend: 'raise its minimum to the instances that serve now, for the time of a rollout',
  });
});
