import type { CallOptions } from '../ports.js';
import { GATEWAYS, ROUTES, SERVICES, type KubeClient } from './client.js';
import { DEPLOYMENT_LABEL, ENDPOINT_LABEL, MADE_BY, MADE_BY_LABEL } from './names.js';
import { Gateway, Route, Service, type Rule } from './objects.js';
import { permanent } from './permanent.js';
import type { Routers } from './routers.js';
import { sameParent } from './states.js';

/**
 * An endpoint without deployments: a route that leads nowhere yet. One of any kind that is there stays as it is.
 *
 * @throws {PortError} permanent `NoGateway`, `GatewayTaken`.
 */
export async function createRoute(
  routers: Routers,
  name: string,
  gateway: string | undefined,
  options: CallOptions,
): Promise<void> {
  const { client } = routers;
  if (await routers.has(name, options)) return;
  const parent = await gatewayOf(client, gateway, options);
  await refuseShadowed(client, name, parent, options);
  await client.apply(
    {
      apiVersion: ROUTES.apiVersion,
      kind: ROUTES.kind,
      metadata: { name, labels: { [MADE_BY_LABEL]: MADE_BY } },
      spec: {
        parentRefs: [parent],
        rules: [{ matches: [{ path: { type: 'PathPrefix', value: '/' } }] }],
      },
    },
    ROUTES,
    // By a manager of its own: what a rollout applies to the route later leaves these fields alone.
    { what: `create endpoint ${name}`, manager: 'greenlight-endpoints', ...options },
  );
}

async function gatewayOf(
  client: KubeClient,
  named: string | undefined,
  options: CallOptions,
): Promise<{ readonly name: string; readonly namespace?: string }> {
  if (named !== undefined) {
    const [first = '', second] = named.split('/');
    return second === undefined ? { name: first } : { name: second, namespace: first };
  }
  const gateways = await client.list(Gateway, GATEWAYS, { what: 'look for a gateway', ...options });
  const [only, ...more] = gateways.map(({ metadata }) => metadata.name);
  if (only !== undefined && more.length === 0) return { name: only };
  throw permanent(
    'NoGateway',
    `Namespace ${client.namespace} has ${only === undefined ? 'no gateway' : `the gateways ${[only, ...more].join(', ')}`}; expected the one that new endpoints are put behind; set GREENLIGHT_GATEWAY to its NAME, or to NAMESPACE/NAME`,
  );
}

/**
 * Of two routes that take every request of a gateway, the older one gets them: clients and smoke requests of the new endpoint
 * would be answered by the other one's model, and its gates would count none.
 *
 * @throws {PortError} permanent `GatewayTaken`.
 */
async function refuseShadowed(
  client: KubeClient,
  endpoint: string,
  gateway: { readonly name: string; readonly namespace?: string },
  options: CallOptions,
): Promise<void> {
  const { namespace } = client;
  const what = `look whether another route takes every request of gateway ${gateway.name}`;
  const routes = await client.list(Route, ROUTES, { what, ...options });
  const other = routes.find(
    ({ spec }) =>
      spec.hostnames.length === 0 &&
      // One of a section or a port of its listeners leaves the others to others.
      spec.parentRefs.some(
        ({ kind = 'Gateway', ...parent }) => kind === 'Gateway' && sameParent(parent, gateway, { namespace }),
      ) &&
      spec.rules.some(takesAll),
  );
  if (other === undefined) return;
  const { name } = other.metadata;
  throw permanent(
    'GatewayTaken',
    `HTTPRoute ${name} takes every request of gateway ${gateway.name}, so it would answer the clients of ${endpoint} too; give it a host name first, by which alone its clients reach it then (\`kubectl patch httproute ${name} -n ${namespace} --type merge -p '{"spec":{"hostnames":["${name}.example.com"]}}'\`), or make HTTPRoute ${endpoint} with \`spec.hostnames\` of its own yourself, which is taken as it is`,
  );
}

function takesAll({ matches = [] }: Rule): boolean {
  return (
    matches.length === 0 ||
    matches.some(
      ({ path, headers = [], method, queryParams }) =>
        (path?.type ?? 'PathPrefix') === 'PathPrefix' &&
        (path?.value ?? '/') === '/' &&
        headers.length === 0 &&
        method === undefined &&
        queryParams === undefined,
    )
  );
}

/** Every route that was made as an endpoint, or that something bears the label of. */
export async function endpointNames(routers: Routers, options: CallOptions): Promise<readonly string[]> {
  const { client } = routers;
  const [routes, services] = await Promise.all([
    routers.list(options),
    client.list(Service, SERVICES, {
      what: 'list the services of endpoints',
      labels: `${ENDPOINT_LABEL},${DEPLOYMENT_LABEL}`,
      ...options,
    }),
  ]);
  const labelled = new Set(services.map(({ metadata }) => metadata.labels[ENDPOINT_LABEL]));
  const names = routes.filter(({ name, ours }) => ours || labelled.has(name)).map(({ name }) => name);
  return [...new Set(names)].sort();
}
