import type { FastifyReply, FastifyRequest } from 'fastify';
import type { HostContext } from '../context.js';
import type { OperationRecord } from '../state/model.js';
import { operationUrl, type Scope } from './ids.js';

/** Query parameters, names in lower case. */
export type Query = Readonly<Record<string, string | undefined>>;

declare module 'fastify' {
  interface FastifyRequest {
    /** Set for calls inside a workspace. */
    armScope: Scope | null;
    apiVersion: string;
  }
  interface FastifyContextConfig {
    /** Whether the route's address itself says who may call it, instead of the host's token. */
    signedAddress?: boolean;
    /** Whether the route is none of ARM, and has no api-version. */
    withoutApiVersion?: boolean;
    /** Of services whose api-versions are older than those of Azure ML. */
    oldestApiVersion?: string;
  }
}

export function scopeOf(request: { readonly armScope: Scope | null }): Scope {
  if (!request.armScope) throw new Error('this call is not inside a workspace');
  return request.armScope;
}

/** Operations that outlast this are given up by clients that keep to the header. */
const OPERATION_TIMEOUT = 'PT1H';

/** How a PUT answers while its operation runs: the resource, and where to ask. */
export function sendPut(
  reply: FastifyReply,
  request: FastifyRequest,
  context: HostContext,
  operation: OperationRecord,
  created: boolean,
  resource: Record<string, unknown>,
): FastifyReply {
  return reply
    .code(created ? 201 : 200)
    .header('azure-asyncoperation', addressOf('mfeOperationsStatus', request, context, operation))
    .header('x-ms-async-operation-timeout', OPERATION_TIMEOUT)
    .send(resource);
}

/**
 * How PATCH, DELETE and key changes answer.
 *
 * Without Retry-After: the swagger wants at least 10 s there, and operations here take one or two. The addresses
 * themselves then say 1 s.
 */
export function accepted(
  reply: FastifyReply,
  request: FastifyRequest,
  context: HostContext,
  operation: OperationRecord,
): FastifyReply {
  return reply
    .code(202)
    .header('location', addressOf('mfeOperationResults', request, context, operation))
    .header('azure-asyncoperation', addressOf('mfeOperationsStatus', request, context, operation))
    .header('x-ms-async-operation-timeout', OPERATION_TIMEOUT)
    .send();
}

function addressOf(
  kind: 'mfeOperationsStatus' | 'mfeOperationResults',
  request: FastifyRequest,
  context: HostContext,
  operation: OperationRecord,
): string {
  return operationUrl(context.armUrl, scopeOf(request).subscription, kind, operation.id, request.apiVersion);
}

/** ARM's filter by tags: `a=b,c`, all of which a resource must have. */
export function tagFilter(filter: string | undefined): (tags: Readonly<Record<string, string>>) => boolean {
  const wanted = (filter ?? '').split(',').filter((part) => part !== '');
  return (tags) =>
    wanted.every((part) => {
      const [key = '', ...value] = part.split('=');
      return Object.hasOwn(tags, key) && (value.length === 0 || tags[key] === value.join('='));
    });
}
