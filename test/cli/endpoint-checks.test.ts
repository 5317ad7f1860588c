import { expect, it, onTestFinished, vi } from 'vitest';
import type { Context } from '../../cli/context.js';
import { checkTarget } from '../../cli/endpoint-checks.js';
import { endpointText } from '../../cli/endpoint-view.js';
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
const endpoints = {
  listEndpoints: () => Promise.resolve(listed),
  read: () => Promise.resolve(failed),
};
vi.mock('../../adapters/targets.js', () => ({
  createTargets: () => () => Promise.resolve({ endpoints }),
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
