import { normalTraffic, type Traffic } from '../../core/traffic.js';
import type { AuthMode, EndpointResource } from './resources.js';
import { lowerCased } from './states.js';

/** An endpoint to create. */
export interface NewEndpoint {
  readonly name: string;
  readonly authMode?: AuthMode;
  readonly description?: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** ARM id of an attached Kubernetes cluster; its deployments then run there. */
  readonly compute?: string;
  /** Default: the client's own setting. */
  readonly location?: string;
}

export interface EndpointBody {
  readonly location: string;
  readonly [field: string]: unknown;
}

// What only the service writes. The list is of what to leave out, not of what to keep: PUT replaces the whole, and a
// field that a newer api-version brings must not be lost.
const READ_ONLY = new Set(['id', 'name', 'type', 'systemData', 'etag']);
const READ_ONLY_PROPERTIES = new Set(['provisioningState', 'scoringUri', 'swaggerUri', 'keys']);
const READ_ONLY_IDENTITY = new Set(['principalId', 'tenantId', 'clientId']);

/**
 * The PUT body that changes nothing of an endpoint but its traffic.
 *
 * Traffic cannot be patched, and a PUT replaces: whatever is left out is reset, live traffic to 0 among it.
 */
export function withTraffic(endpoint: EndpointResource, traffic: Traffic): EndpointBody {
  const { live, mirror } = normalTraffic({
    live: lowerCased(traffic.live),
    mirror: lowerCased(traffic.mirror),
  });
  const { identity, ...rest } = withoutNulls(without(endpoint, READ_ONLY));
  return {
    ...rest,
    location: endpoint.location,
    identity: writableIdentity(identity),
    properties: {
      ...withoutNulls(without(endpoint.properties, READ_ONLY_PROPERTIES)),
      traffic: live,
      mirrorTraffic: mirror,
    },
  };
}

export function newEndpointBody(endpoint: NewEndpoint, location: string): EndpointBody {
  return {
    location,
    tags: endpoint.tags ?? {},
    identity: SYSTEM_ASSIGNED,
    properties: {
      authMode: endpoint.authMode ?? 'Key',
      ...(endpoint.description === undefined ? {} : { description: endpoint.description }),
      ...(endpoint.compute === undefined ? {} : { compute: endpoint.compute }),
      properties: {},
      traffic: {},
      mirrorTraffic: {},
    },
  };
}

/** Optional by the API's own description; the service asks for it all the same. */
export const SYSTEM_ASSIGNED = { type: 'SystemAssigned' } as const;

function writableIdentity(identity: unknown): unknown {
  if (!isObject(identity)) return SYSTEM_ASSIGNED;
  const { userAssignedIdentities, ...rest } = without(identity, READ_ONLY_IDENTITY);
  if (!isObject(userAssignedIdentities)) return rest;
  return {
    ...rest,
    userAssignedIdentities: Object.fromEntries(Object.keys(userAssignedIdentities).map((id) => [id, {}])),
  };
}

function without(
  object: Readonly<Record<string, unknown>>,
  fields: ReadonlySet<string>,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !fields.has(key)));
}

/** The service answers null for what is not set, and does not take null for most of it. */
function withoutNulls(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
