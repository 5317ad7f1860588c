import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { HostContext } from '../context.js';
import type { Operations } from '../operations/operations.js';
import type { DeploymentRecord, EndpointRecord } from '../state/model.js';
import { endpointKey } from '../state/store.js';
import { knowsMirror } from './api-version.js';
import { makeSecret } from './auth.js';
import { ArmError, badArgument, notFound } from './errors.js';
import { endpointId, type Scope } from './ids.js';
import { mergeProperties } from './merge.js';
import { endpointResource } from './resources.js';
import { accepted, scopeOf, sendPut, tagFilter, type Query } from './calls.js';
import { checkName, checkTraffic, type TrafficSubject } from './rules.js';
import { nextToken } from './scoring-token.js';
import { EndpointBody, EndpointPatch, parseBody, RegenerateKeysBody } from './schemas.js';

interface EndpointParams {
  readonly endpoint: string;
}

export function endpointRoutes(app: FastifyInstance, context: HostContext, operations: Operations): void {
  const { store } = context;
  const show = (endpoint: EndpointRecord, request: FastifyRequest): Record<string, unknown> =>
    endpointResource(endpoint, scopeOf(request), context.gatewayUrl, request.apiVersion);

  app.get<{ Querystring: Query }>('/onlineEndpoints', (request) => {
    const scope = scopeOf(request);
    const { name, computetype: computeType, tags } = request.query;
    const value = Object.values(store.state.endpoints)
      .filter((endpoint) => endpoint.workspace === scope.workspace)
      .filter((endpoint) => name === undefined || endpoint.name === name.toLowerCase())
      .filter((endpoint) => computeType === undefined || computeType === computeTypeOf(endpoint))
      .filter((endpoint) => tagFilter(tags)(endpoint.envelope.tags))
      .map((endpoint) => show(endpoint, request));
    return { value };
  });

  app.get<{ Params: EndpointParams }>('/onlineEndpoints/:endpoint', (request) => {
    return show(findEndpoint(context, scopeOf(request), request.params.endpoint), request);
  });

  app.put<{ Params: EndpointParams }>('/onlineEndpoints/:endpoint', async (request, reply) => {
    const scope = scopeOf(request);
    const name = checkName('endpoint', request.params.endpoint);
    const body = parseBody(EndpointBody, request.body);
    operations.checkFree(scope.workspace, name);
    const before = store.endpoint(scope.workspace, name);
    const endpoint = putEndpoint(scope.workspace, name, body, before, request.apiVersion);
    store.state.endpoints[endpointKey(scope.workspace, name)] = endpoint;
    const operation = await operations.begin({
      kind: 'endpoint-put',
      workspace: scope.workspace,
      endpoint: name,
      resourceId: endpointId(scope, name),
    });
    return sendPut(reply, request, context, operation, before === undefined, show(endpoint, request));
  });

  app.patch<{ Params: EndpointParams }>('/onlineEndpoints/:endpoint', async (request, reply) => {
    const scope = scopeOf(request);
    const endpoint = findEndpoint(context, scope, request.params.endpoint);
    const body = parseBody(EndpointPatch, request.body);
    operations.checkFree(scope.workspace, endpoint.name);
    if (body.tags) endpoint.envelope.tags = body.tags;
    if (body.identity) endpoint.envelope.identity = body.identity;
    touch(endpoint);
    endpoint.state = 'Updating';
    const operation = await operations.begin({
      kind: 'endpoint-patch',
      workspace: scope.workspace,
      endpoint: endpoint.name,
      resourceId: endpointId(scope, endpoint.name),
    });
    return accepted(reply, request, context, operation);
  });

  app.delete<{ Params: EndpointParams }>('/onlineEndpoints/:endpoint', async (request, reply) => {
    const scope = scopeOf(request);
    const name = request.params.endpoint.toLowerCase();
    const endpoint = store.endpoint(scope.workspace, name);
    if (!endpoint) return reply.code(204).send();
    operations.checkFree(scope.workspace, name);
    endpoint.state = 'Deleting';
    endpoint.traffic = {};
    endpoint.mirror = {};
    for (const deployment of Object.values(endpoint.deployments)) deployment.state = 'Deleting';
    const operation = await operations.begin({
      kind: 'endpoint-delete',
      workspace: scope.workspace,
      endpoint: name,
      resourceId: endpointId(scope, name),
    });
    return accepted(reply, request, context, operation);
  });

  app.post<{ Params: EndpointParams }>('/onlineEndpoints/:endpoint/listKeys', (request) => {
    const endpoint = findEndpoint(context, scopeOf(request), request.params.endpoint);
    requireMode(endpoint, 'Key');
    return { primaryKey: endpoint.keys.primary, secondaryKey: endpoint.keys.secondary };
  });

  app.post<{ Params: EndpointParams }>(
    '/onlineEndpoints/:endpoint/regenerateKeys',
    async (request, reply) => {
      const scope = scopeOf(request);
      const endpoint = findEndpoint(context, scope, request.params.endpoint);
      requireMode(endpoint, 'Key');
      const body = parseBody(RegenerateKeysBody, request.body);
      operations.checkFree(scope.workspace, endpoint.name);
      const which = body.keyType === 'Primary' ? 'primary' : 'secondary';
      // Microsoft's client sends the present key along, and its users expect another one.
      const given = body.keyValue === endpoint.keys[which] ? undefined : body.keyValue;
      endpoint.keys[which] = given ?? makeSecret();
      endpoint.state = 'Updating';
      const operation = await operations.begin({
        kind: 'endpoint-keys',
        workspace: scope.workspace,
        endpoint: endpoint.name,
        resourceId: endpointId(scope, endpoint.name),
      });
      return accepted(reply, request, context, operation);
    },
  );

  app.post<{ Params: EndpointParams }>('/onlineEndpoints/:endpoint/token', async (request) => {
    const endpoint = findEndpoint(context, scopeOf(request), request.params.endpoint);
    requireMode(endpoint, 'AMLToken');
    const now = Math.floor(Date.now() / 1000);
    if (!endpoint.token || endpoint.token.refreshAfter <= now) {
      endpoint.token = nextToken(endpoint.token, now);
      await store.save();
      await context.gateway.sync();
    }
    return {
      accessToken: endpoint.token.value,
      tokenType: 'Bearer',
      expiryTimeUtc: endpoint.token.expiresAt,
      refreshAfterTimeUtc: endpoint.token.refreshAfter,
    };
  });
}

/** @throws {ArmError} 404 when there is none of that name. */
export function findEndpoint(context: HostContext, scope: Scope, name: string): EndpointRecord {
  const endpoint = context.store.endpoint(scope.workspace, name);
  if (!endpoint) throw notFound(`Online endpoint ${name} in workspace ${scope.workspace}`);
  return endpoint;
}

function computeTypeOf(endpoint: EndpointRecord): string {
  return endpoint.compute === undefined ? 'Managed' : 'Kubernetes';
}

function requireMode(endpoint: EndpointRecord, mode: 'Key' | 'AMLToken'): void {
  if (endpoint.authMode === mode) return;
  throw new ArmError(
    400,
    'BadArgument',
    `Endpoint ${endpoint.name} has auth mode ${endpoint.authMode}; this call is for ${mode}.`,
  );
}

/** A PUT replaces: what the body leaves out is gone, traffic included. */
function putEndpoint(
  workspace: string,
  name: string,
  body: EndpointBody,
  before: EndpointRecord | undefined,
  apiVersion: string,
): EndpointRecord {
  const { properties } = body;
  if (properties.authMode === 'AADToken') {
    throw badArgument(
      'properties.authMode is AADToken; this host knows no directory to ask: use Key or AMLToken.',
      'properties.authMode',
    );
  }
  if (before && before.compute !== properties.compute) {
    throw badArgument('properties.compute cannot be changed; create another endpoint.', 'properties.compute');
  }
  const rules = checkTraffic(
    {
      traffic: properties.traffic ?? {},
      mirror: (knowsMirror(apiVersion) ? properties.mirrorTraffic : undefined) ?? {},
    },
    properties.compute === undefined ? 'managed' : 'kubernetes',
    Object.values(before?.deployments ?? {}).map((deployment) => trafficSubject(before, deployment)),
  );
  const now = new Date().toISOString();
  return {
    workspace,
    name,
    envelope: {
      location: body.location,
      tags: body.tags ?? {},
      ...(body.kind !== undefined && { kind: body.kind }),
      identity: body.identity ?? { type: 'SystemAssigned' },
      createdAt: before?.envelope.createdAt ?? now,
      modifiedAt: now,
    },
    authMode: properties.authMode,
    ...(properties.description !== undefined && { description: properties.description }),
    ...(properties.compute !== undefined && { compute: properties.compute }),
    publicNetworkAccess: properties.publicNetworkAccess ?? 'Enabled',
    properties: mergeProperties(before?.properties ?? {}, properties.properties ?? {}),
    ...rules,
    keys: before?.keys ?? {
      primary: properties.keys?.primaryKey ?? makeSecret(),
      secondary: properties.keys?.secondaryKey ?? makeSecret(),
    },
    ...(before?.token && { token: before.token }),
    state: before ? 'Updating' : 'Creating',
    deployments: before?.deployments ?? {},
  };
}

/** What already carries traffic and serves may go on to, whatever its last update came to: a way back must stay open. */
function trafficSubject(before: EndpointRecord | undefined, deployment: DeploymentRecord): TrafficSubject {
  const carries = ((before?.traffic[deployment.name] ?? 0) || (before?.mirror[deployment.name] ?? 0)) > 0;
  const state = carries && deployment.serving !== null ? 'Succeeded' : deployment.state;
  return { name: deployment.name, state };
}

function touch(endpoint: EndpointRecord): void {
  endpoint.envelope.modifiedAt = new Date().toISOString();
}
