import { randomUUID } from 'node:crypto';
import Fastify, { type FastifyInstance } from 'fastify';
import type { HostContext } from '../context.js';
import type { Operations } from '../operations/operations.js';
import { assetRoutes } from './asset-routes.js';
import { blobRoutes } from './blob-routes.js';
import { checkApiVersion } from './api-version.js';
import { bearerToken, sameSecret } from './auth.js';
import { deploymentRoutes } from './deployments.js';
import { endpointRoutes } from './endpoints.js';
import { ArmError, errorBody } from './errors.js';
import { faultRoutes } from './fault-routes.js';
import { pairRoutes } from './pair-routes.js';
import { autoscaleRoutes, metricsRoutes } from './insights-routes.js';
import { operationRoutes } from './operations.js';
import { PROVIDER } from './ids.js';
import { scopeOf, type Query } from './calls.js';
import { workspaceResource } from './resources.js';

/** ARM bodies are small; code and models come as paths. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

const ARM_PREFIX = `/subscriptions/:subscription`;

/** The HTTPS server that answers ARM calls. */
export async function armServer(
  identity: { readonly key: string; readonly cert: string; readonly token: string },
  context: HostContext,
  operations: Operations,
): Promise<FastifyInstance> {
  const { token } = identity;
  const { workspaces } = context;
  // ARM's paths do not tell `resourceGroups` from `resourcegroups`, nor its query `$skip` from `$SKIP`.
  const app = Fastify({
    https: { key: identity.key, cert: identity.cert },
    bodyLimit: MAX_BODY_BYTES,
    routerOptions: { caseSensitive: false, querystringParser: lowerCaseQuery, maxParamLength: 512 },
    forceCloseConnections: true,
    genReqId: () => randomUUID(),
  }) as unknown as FastifyInstance;
  app.decorateRequest('armScope', null);
  app.decorateRequest('apiVersion', '');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser<string>(
    ['application/json', 'text/json'],
    { parseAs: 'string' },
    (_request, text, done) => {
      if (text.trim() === '') {
        done(null, undefined);
        return;
      }
      try {
        done(null, JSON.parse(text));
      } catch (error) {
        done(
          new ArmError(
            400,
            'InvalidRequestContent',
            `The request body is not JSON: ${(error as Error).message}`,
          ),
        );
      }
    },
  );
  const routes = collectRoutes(app);
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-ms-request-id', request.id);
    if (request.routeOptions.config.signedAddress === true) {
      done();
      return;
    }
    const given = bearerToken(request.headers.authorization);
    if (given === undefined || !sameSecret(given, token)) {
      reply.header('www-authenticate', 'Bearer realm="endpoint host"');
      done(
        new ArmError(
          401,
          'AuthenticationFailed',
          'The bearer token is missing or is not the one of this host; the file named tokenFile in host.json holds it.',
        ),
      );
      return;
    }
    try {
      const { subscription, resourcegroup, workspace } = lowerCaseKeys(request.params);
      if (request.routeOptions.config.withoutApiVersion === true) {
        done();
        return;
      }
      request.apiVersion = checkApiVersion(
        (request.query as Query)['api-version'],
        request.routeOptions.config.oldestApiVersion,
      );
      if (subscription !== undefined && resourcegroup !== undefined && workspace !== undefined) {
        if (!workspaces.includes(workspace.toLowerCase())) {
          throw new ArmError(
            404,
            'ResourceNotFound',
            `The Resource '${PROVIDER}/workspaces/${workspace}' under resource group '${resourcegroup}' was not found; this host has: ${workspaces.join(', ')}.`,
          );
        }
        request.armScope = { subscription, resourceGroup: resourcegroup, workspace: workspace.toLowerCase() };
      }
      done();
    } catch (error) {
      done(error as Error);
    }
  });
  app.addHook('onResponse', (request, reply, done) => {
    context.metrics.callAnswered(request.method, reply.statusCode);
    done();
  });
  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof ArmError && error.retryAfterS !== undefined) {
      reply.header('retry-after', String(error.retryAfterS));
    }
    return reply.code(statusOf(error)).send(errorBody(describe(error)));
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0] ?? '';
    const allowed = [...new Set(routes.filter((route) => route.matches(path)).map(({ method }) => method))];
    if (allowed.length === 0) {
      const message = `This host has no ${request.method} ${path}.`;
      return reply.code(404).send(errorBody({ code: 'InvalidResourceType', message }));
    }
    const message = `The requested resource does not support http method '${request.method}'; it has ${allowed.join(', ')}.`;
    return reply
      .code(405)
      .header('allow', allowed.join(', '))
      .send(errorBody({ code: 'MethodNotAllowed', message }));
  });
  await app.register(
    (workspace, _options, done) => {
      workspace.get('/', (request) => workspaceResource(scopeOf(request), context.armUrl, context.tenantId));
      endpointRoutes(workspace, context, operations);
      deploymentRoutes(workspace, context, operations);
      assetRoutes(workspace, context);
      metricsRoutes(workspace, context);
      faultRoutes(workspace, context);
      pairRoutes(workspace, context);
      done();
    },
    { prefix: `${ARM_PREFIX}/resourceGroups/:resourceGroup/providers/${PROVIDER}/workspaces/:workspace` },
  );
  await app.register(
    (group, _options, done) => {
      autoscaleRoutes(group, context);
      done();
    },
    { prefix: `${ARM_PREFIX}/resourceGroups/:resourceGroup` },
  );
  await app.register((signed, _options, done) => {
    blobRoutes(signed, context);
    done();
  });
  app.get('/metrics', { config: { withoutApiVersion: true } }, async (_request, reply) =>
    reply.type(context.metrics.contentType).send(await context.metrics.text()),
  );
  operationRoutes(app, `${ARM_PREFIX}/providers/${PROVIDER}/locations/:region`, context, operations);
  return app;
}

interface KnownRoute {
  readonly method: string;
  matches(path: string): boolean;
}

/** Every route that is added from now on, so that a wrong method can be told from a wrong path. */
function collectRoutes(app: FastifyInstance): readonly KnownRoute[] {
  const routes: KnownRoute[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    const pattern = new RegExp(
      `^${url.replace(/\/$/, '').replace(/:\w+/g, '[^/]+').replace(/\*/g, '.*')}/?$`,
      'i',
    );
    for (const each of [method].flat()) {
      if (each !== 'HEAD') routes.push({ method: each, matches: (path) => pattern.test(path) });
    }
  });
  return routes;
}

function lowerCaseQuery(text: string): Record<string, string> {
  return lowerCaseKeys(Object.fromEntries(new URLSearchParams(text)));
}

function lowerCaseKeys(values: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries((values ?? {}) as Record<string, string>).map(([key, value]) => [
      key.toLowerCase(),
      value,
    ]),
  );
}

function statusOf(error: unknown): number {
  if (error instanceof ArmError) return error.status;
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' && status >= 400 ? status : 500;
}

function describe(error: unknown): { code: string; message: string; target?: string | undefined } {
  if (error instanceof ArmError) return { code: error.code, message: error.message, target: error.target };
  const status = statusOf(error);
  const message = error instanceof Error ? error.message : String(error);
  if (status === 413)
    return {
      code: 'RequestContentTooLarge',
      message: `The request body is too large: at most ${MAX_BODY_BYTES} bytes are taken.`,
    };
  if (status < 500) return { code: 'InvalidRequestContent', message };
  return { code: 'InternalServerError', message };
}
