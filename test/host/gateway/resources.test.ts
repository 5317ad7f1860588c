import { describe, expect, it } from 'vitest';
import { nextToken } from '../../../host/arm/scoring-token.js';
import { gatewayModel } from '../../../host/gateway/from-state.js';
import type { GatewayDeployment, GatewayEndpoint } from '../../../host/gateway/model.js';
import { clusters, loadAssignments, routeConfig } from '../../../host/gateway/resources.js';
import type { HostState } from '../../../host/state/model.js';

function deployment(name: string, values: Partial<GatewayDeployment> = {}): GatewayDeployment {
  const usual = { requestTimeoutMs: 5_000, maxRequests: 8, routable: true, keepsConnections: false };
  return { name, ...usual, ports: [20_001], ...values };
}

function endpoint(values: Partial<GatewayEndpoint> = {}): GatewayEndpoint {
  return {
    workspace: 'local',
    name: 'ep',
    kind: 'managed',
    credentials: ['one', 'two'],
    traffic: { blue: 90, green: 10 },
    mirror: {},
    deployments: [deployment('blue'), deployment('green')],
    ...values,
  };
}

const routesOf = (values: Partial<GatewayEndpoint> = {}): any[] =>
  (routeConfig({ endpoints: [endpoint(values)] }) as any).virtual_hosts[0].routes;

describe('the route table', () => {
  it('asks for a named deployment first, then for any, then for live traffic', () => {
    expect(routesOf().map((route) => route.match.headers?.[0] ?? route.match.prefix)).toEqual([
      { name: 'azureml-model-deployment', string_match: { exact: 'blue', ignore_case: true } },
      { name: 'azureml-model-deployment', string_match: { exact: 'green', ignore_case: true } },
      { name: 'azureml-model-deployment', present_match: true },
      '/local/ep/',
      '/',
    ]);
  });

  it('splits live traffic by weight over the live clusters', () => {
    const live = routesOf()[3].route.weighted_clusters.clusters;

    expect(live.map((cluster: { name: string; weight: number }) => [cluster.name, cluster.weight])).toEqual([
      ['local~ep~blue~live', 90],
      ['local~ep~green~live', 10],
    ]);
  });

  it('has the timeout of its deployments when it is the same', () => {
    const { route } = routesOf()[3];

    expect(route.timeout).toBe('5s');
    expect(JSON.stringify(route)).not.toContain('greenlight.timeouts');
  });

  it('gives each weighted cluster its own timeout when they differ', () => {
    const deployments = [deployment('blue', { requestTimeoutMs: 1_000 }), deployment('green')];
    const live = routesOf({ deployments })[3].route.weighted_clusters.clusters;

    const timeouts = live.map(
      (cluster: { typed_per_filter_config: Record<string, { filter_context: { timeoutMs: string } }> }) =>
        cluster.typed_per_filter_config['greenlight.timeouts']?.filter_context.timeoutMs,
    );
    expect(timeouts).toEqual(['1000', '5000']);
  });

  it('mirrors live traffic only, by the share', () => {
    const routes = routesOf({ traffic: { blue: 100 }, mirror: { green: 10 } });

    expect(routes.map((route) => route.route?.request_mirror_policies?.length ?? 0)).toEqual([0, 0, 0, 1, 0]);
    expect(
      routes.map((route) => route.typed_per_filter_config?.['greenlight.mirrored'] !== undefined),
    ).toEqual([...[false, false, false, true, false]]);
    expect(routes[3].route.request_mirror_policies[0]).toMatchObject({
      cluster: 'local~ep~green~mirror',
      runtime_fraction: { default_value: { numerator: 10, denominator: 'HUNDRED' } },
    });
  });

  it('answers 404 itself while no deployment has a share', () => {
    expect(routesOf({ traffic: {} })[3].direct_response.status).toBe(404);
  });

  it('does not lead to a deployment that is being deleted', () => {
    const deployments = [deployment('blue'), deployment('green', { routable: false })];

    expect(routesOf({ traffic: { blue: 100 }, deployments })).toHaveLength(4);
  });

  it('asks for a key everywhere but where there is no endpoint', () => {
    const auth = routesOf().map((route) => route.typed_per_filter_config['envoy.filters.http.api_key_auth']);

    for (const config of auth.slice(0, -1)) {
      expect(config.credentials.map((credential: { key: string }) => credential.key)).toEqual(['one', 'two']);
      expect(config.forwarding).toEqual({ hide_credentials: true });
    }
    expect(auth.at(-1)).toMatchObject({ disabled: true });
  });

  it('tries again only what no model has seen', () => {
    expect(routesOf()[3].route.retry_policy.retry_on).toBe('connect-failure,refused-stream');
  });
});

describe('clusters and instances', () => {
  const model = { endpoints: [endpoint({ deployments: [deployment('blue', { ports: [20_002, 20_001] })] })] };

  it('are a cluster per deployment and kind, without dots, over one list of instances', () => {
    const made = clusters(model, (service) => `/state/${service}.json`);

    expect(made.map((cluster) => cluster['name'])).toEqual([
      'local~ep~blue~live',
      'local~ep~blue~direct',
      'local~ep~blue~mirror',
      'local~ep~blue~copies',
    ]);
    const lists = made.filter(({ name }) => name !== 'local~ep~blue~mirror');
    expect(new Set(lists.map((cluster) => JSON.stringify(cluster['eds_cluster_config']))).size).toBe(1);
  });

  it('send copies on through the listener that writes them down, where nothing is refused before', () => {
    const mirror = clusters(model, () => '').find(({ name }) => name === 'local~ep~blue~mirror');

    expect(JSON.stringify(mirror)).toContain('"server_listener_name":"copies"');
    expect(JSON.stringify(mirror)).toContain('"value":"local~ep~blue~copies"');
    expect(mirror).not.toHaveProperty('health_checks');
    expect(mirror).toMatchObject({ circuit_breakers: { thresholds: [{ max_requests: 1_000_000 }] } });
  });

  it('list instances in order, so that the same ones are the same file', () => {
    const assignment = JSON.stringify(loadAssignments(model).get('local~ep~blue'));

    expect(assignment.indexOf('20001')).toBeLessThan(assignment.indexOf('20002'));
  });
});

describe('gatewayModel', () => {
  const state = (values: object, token?: object): HostState =>
    ({
      endpoints: {
        'local/ep': {
          workspace: 'local',
          name: 'ep',
          authMode: token ? 'AMLToken' : 'Key',
          token,
          keys: { primary: 'p', secondary: 's' },
          traffic: {},
          mirror: {},
          state: 'Succeeded',
          deployments: {
            blue: {
              name: 'blue',
              state: 'Succeeded',
              serving: 1,
              specs: { 1: { command: null } },
              sku: { capacity: 3 },
              properties: {
                requestSettings: { maxConcurrentRequestsPerInstance: 2, requestTimeout: 'PT5S' },
              },
              instances: {
                1: { generation: 1, state: 'ready', port: 1 },
                2: { generation: 1, state: 'starting', port: 2 },
                3: { generation: 2, state: 'ready', port: 3 },
                4: { generation: 1, state: 'draining', port: 4 },
                5: { generation: 1, state: 'unready', port: 5 },
              },
              ...values,
            },
          },
        },
      },
    }) as unknown as HostState;
  const blue = (values: object) => gatewayModel(state(values), 0, false).endpoints[0]?.deployments[0];

  it('sends requests to the ready instances of the generation that serves', () => {
    expect(blue({})?.ports).toEqual([1]);
  });

  it('takes in twice as many requests as the instances work on at once', () => {
    expect(blue({})?.maxRequests).toBe(12);
  });

  it('leaves out a deployment that was never ready', () => {
    expect(blue({ serving: null })).toBeUndefined();
  });

  it('keeps the cluster of a deployment that is being deleted, and no route to it', () => {
    expect(blue({ state: 'Deleting' })?.routable).toBe(false);
  });

  const opensAt = (nowSeconds: number, token: object) =>
    gatewayModel(state({}, token), nowSeconds, false).endpoints[0]?.credentials;

  it('opens an endpoint with tokens to its token while it is valid', () => {
    expect(opensAt(100, { value: 't', expiresAt: 101 })).toEqual(['t']);
  });

  it('opens an endpoint with tokens to the one before as well, until that expires', () => {
    const first = nextToken(undefined, 0);
    const second = nextToken(first, first.refreshAfter);

    expect(opensAt(first.refreshAfter, second)).toEqual([second.value, first.value]);
    expect(opensAt(first.expiresAt, second)).toEqual([second.value]);
  });

  it('opens an endpoint with tokens to nobody once none is valid, not to the keys that it had before', () => {
    const secret = expect.stringMatching(/^[\w-]{43}$/) as string;

    expect(opensAt(100, { value: 't', expiresAt: 100 })).toEqual([secret]);
  });
});
