import { expect, it, vi } from 'vitest';
import type { Context } from '../../cli/context.js';
import { checkTarget } from '../../cli/endpoint-checks.js';
import { endpointText } from '../../cli/endpoint-view.js';
import type { EndpointState } from '../../core/endpoint.js';

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
const endpoints = {
  listEndpoints: () => Promise.resolve([failed]),
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
