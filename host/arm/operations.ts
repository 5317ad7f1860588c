import type { FastifyInstance } from 'fastify';
import type { HostContext } from '../context.js';
import type { Operations } from '../operations/operations.js';
import type { OperationRecord } from '../state/model.js';
import { deploymentOf } from '../state/store.js';
import { ArmError, errorBody, notFound } from './errors.js';
import { deploymentResource, endpointResource } from './resources.js';
import type { Scope } from './ids.js';

interface Params {
  readonly subscription: string;
  readonly region: string;
  readonly id: string;
}

const POLL_AFTER_S = '1';

/** Where clients ask how a long-running operation goes. Not in the swagger; the shapes are those that Azure answers. */
export function operationRoutes(
  app: FastifyInstance,
  prefix: string,
  context: HostContext,
  operations: Operations,
): void {
  app.get<{ Params: Params }>(`${prefix}/mfeOperationsStatus/:id`, (request, reply) => {
    const operation = find(operations, request.params.id);
    if (operation.status === 'InProgress') reply.header('retry-after', POLL_AFTER_S);
    return {
      id: request.url.split('?')[0],
      name: operation.id,
      status: operation.status,
      startTime: operation.startTime,
      ...(operation.endTime !== undefined && { endTime: operation.endTime }),
      ...(operation.error && errorBody(operation.error)),
    };
  });

  app.get<{ Params: Params }>(`${prefix}/mfeOperationResults/:id`, (request, reply) => {
    const operation = find(operations, request.params.id);
    if (operation.status === 'InProgress') {
      return reply
        .code(202)
        .header('retry-after', POLL_AFTER_S)
        .header('location', `${context.armUrl}${request.url}`)
        .send();
    }
    if (operation.error) throw new ArmError(400, operation.error.code, operation.error.message);
    const resource = resourceOf(operation, context, request.apiVersion);
    return resource === undefined ? reply.code(204).send() : reply.code(200).send(resource);
  });
}

/** @throws {ArmError} 404: finished operations are forgotten in the end. */
function find(operations: Operations, id: string): OperationRecord {
  const operation = operations.find(id);
  if (!operation) throw notFound(`Operation ${id}`);
  return operation;
}

/** What the operation left behind; undefined after a delete. */
function resourceOf(
  operation: OperationRecord,
  context: HostContext,
  apiVersion: string,
): Record<string, unknown> | undefined {
  const endpoint = context.store.endpoint(operation.workspace, operation.endpoint);
  if (!endpoint || operation.kind.endsWith('-delete')) return undefined;
  const [, , subscription = '', , resourceGroup = ''] = operation.resourceId.split('/');
  const scope: Scope = { subscription, resourceGroup, workspace: operation.workspace };
  if (operation.kind === 'endpoint-keys') {
    return { primaryKey: endpoint.keys.primary, secondaryKey: endpoint.keys.secondary };
  }
  if (operation.deployment === undefined)
    return endpointResource(endpoint, scope, context.gatewayUrl, apiVersion);
  const deployment = deploymentOf(endpoint, operation.deployment);
  return deployment && deploymentResource(endpoint, deployment, scope);
}
