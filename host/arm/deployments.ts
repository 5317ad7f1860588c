import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { HostContext } from '../context.js';
import type { Operations } from '../operations/operations.js';
import { loggedInstances, tailOf } from '../serving/logs.js';
import { keepSettings, resize } from '../serving/settings.js';
import type { DeploymentProperties, DeploymentRecord, EndpointRecord } from '../state/model.js';
import { deploymentOf } from '../state/store.js';
import { takeAssets } from './assets.js';
import { accepted, scopeOf, sendPut } from './calls.js';
import { completeProperties, processSpec } from './deployment-spec.js';
import { findEndpoint } from './endpoints.js';
import { badArgument, conflict, notFound } from './errors.js';
import { deploymentId } from './ids.js';
import { deploymentResource } from './resources.js';
import { checkDeletable, checkName } from './rules.js';
import { DeploymentBody, DeploymentPatch, GetLogsBody, parseBody } from './schemas.js';

interface Params {
  readonly endpoint: string;
  readonly deployment: string;
}

const MAX_DEPLOYMENTS = 20;
const DEFAULT_LOG_LINES = 5_000;

export function deploymentRoutes(app: FastifyInstance, context: HostContext, operations: Operations): void {
  const path = '/onlineEndpoints/:endpoint/deployments';

  app.get<{ Params: Params }>(path, (request) => {
    const scope = scopeOf(request);
    const endpoint = findEndpoint(context, scope, request.params.endpoint);
    return {
      value: Object.values(endpoint.deployments).map((deployment) =>
        deploymentResource(endpoint, deployment, scope),
      ),
    };
  });

  app.get<{ Params: Params }>(`${path}/:deployment`, (request) => {
    const scope = scopeOf(request);
    const endpoint = findEndpoint(context, scope, request.params.endpoint);
    return deploymentResource(endpoint, findDeployment(endpoint, request.params.deployment), scope);
  });

  app.put<{ Params: Params }>(`${path}/:deployment`, async (request, reply) => {
    const scope = scopeOf(request);
    const endpoint = findEndpoint(context, scope, request.params.endpoint);
    const name = checkName('deployment', request.params.deployment);
    const body = parseBody(DeploymentBody, request.body);
    checkFits(endpoint, name, body);
    const release = operations.reserve(scope.workspace, endpoint.name);
    let before: DeploymentRecord | undefined;
    let deployment: DeploymentRecord;
    try {
      before = deploymentOf(endpoint, name);
      deployment = await putDeployment(context, endpoint, name, body, before);
    } finally {
      release();
    }
    endpoint.deployments[name] = deployment;
    const operation = await operations.begin({
      kind: 'deployment-put',
      workspace: scope.workspace,
      endpoint: endpoint.name,
      deployment: name,
      resourceId: deploymentId(scope, endpoint.name, name),
    });
    return sendPut(
      reply,
      request,
      context,
      operation,
      before === undefined,
      deploymentResource(endpoint, deployment, scope),
    );
  });

  app.patch<{ Params: Params }>(`${path}/:deployment`, async (request, reply) => {
    const scope = scopeOf(request);
    const endpoint = findEndpoint(context, scope, request.params.endpoint);
    const deployment = findDeployment(endpoint, request.params.deployment);
    const body = parseBody(DeploymentPatch, request.body);
    operations.checkFree(scope.workspace, endpoint.name);
    const capacity = body.sku?.capacity;
    deployment.state =
      (capacity ?? deployment.sku.capacity) === deployment.sku.capacity ? 'Updating' : 'Scaling';
    if (capacity !== undefined) resize(deployment, capacity);
    if (body.tags) deployment.envelope.tags = body.tags;
    deployment.envelope.modifiedAt = new Date().toISOString();
    context.supervisor.runner(scope.workspace, endpoint.name, deployment.name).renew();
    const operation = await operations.begin({
      kind: 'deployment-patch',
      workspace: scope.workspace,
      endpoint: endpoint.name,
      deployment: deployment.name,
      resourceId: deploymentId(scope, endpoint.name, deployment.name),
    });
    return accepted(reply, request, context, operation);
  });

  app.delete<{ Params: Params }>(`${path}/:deployment`, async (request, reply) => {
    const scope = scopeOf(request);
    const endpoint = findEndpoint(context, scope, request.params.endpoint);
    const deployment = deploymentOf(endpoint, request.params.deployment);
    if (!deployment) return reply.code(204).send();
    operations.checkFree(scope.workspace, endpoint.name);
    checkDeletable(deployment.name, endpoint);
    deployment.state = 'Deleting';
    const operation = await operations.begin({
      kind: 'deployment-delete',
      workspace: scope.workspace,
      endpoint: endpoint.name,
      deployment: deployment.name,
      resourceId: deploymentId(scope, endpoint.name, deployment.name),
    });
    return accepted(reply, request, context, operation);
  });

  app.post<{ Params: Params }>(`${path}/:deployment/getLogs`, async (request) => {
    const scope = scopeOf(request);
    const endpoint = findEndpoint(context, scope, request.params.endpoint);
    const deployment = findDeployment(endpoint, request.params.deployment);
    const { containerType, tail } = parseBody(GetLogsBody, request.body) ?? {};
    if (containerType === 'StorageInitializer') {
      return { content: 'Code and model were copied from this machine when the deployment was put.\n' };
    }
    return { content: await logsOf(context, endpoint, deployment, tail ?? DEFAULT_LOG_LINES) };
  });

  app.get<{ Params: Params }>(`${path}/:deployment/skus`, (request) => {
    const endpoint = findEndpoint(context, scopeOf(request), request.params.endpoint);
    findDeployment(endpoint, request.params.deployment);
    return {
      value: [
        {
          resourceType: 'Microsoft.MachineLearningServices/endpoints/deployments',
          sku: { name: 'Default', tier: 'Standard' },
          capacity: { minimum: 1, maximum: 50, default: 1, scaleType: 'Manual' },
        },
      ],
    };
  });
}

/** @throws {ArmError} 404 when there is none of that name. */
export function findDeployment(endpoint: EndpointRecord, name: string): DeploymentRecord {
  const deployment = deploymentOf(endpoint, name);
  if (!deployment) throw notFound(`Deployment ${name} of online endpoint ${endpoint.name}`);
  return deployment;
}

/** @throws {ArmError} when the endpoint cannot take such a deployment. */
function checkFits(endpoint: EndpointRecord, name: string, body: DeploymentBody): void {
  if (endpoint.state !== 'Succeeded') {
    throw conflict(
      `Cannot create a deployment in endpoint ${endpoint.name} because it is in ${endpoint.state} provisioning state.`,
    );
  }
  const wanted = endpoint.compute === undefined ? 'Managed' : 'Kubernetes';
  if (body.properties.endpointComputeType !== wanted) {
    throw badArgument(
      `properties.endpointComputeType is ${body.properties.endpointComputeType}; endpoint ${endpoint.name} takes ${wanted} deployments.`,
      'properties.endpointComputeType',
    );
  }
  if (wanted === 'Managed' && body.properties.scaleSettings?.scaleType === 'TargetUtilization') {
    throw badArgument(
      'properties.scaleSettings.scaleType is TargetUtilization, which is for Kubernetes deployments; a managed one has Default, and an autoscale setting of Azure Monitor.',
      'properties.scaleSettings',
    );
  }
  if (!deploymentOf(endpoint, name) && Object.keys(endpoint.deployments).length >= MAX_DEPLOYMENTS) {
    throw badArgument(
      `Endpoint ${endpoint.name} has ${MAX_DEPLOYMENTS} deployments, which is the most it can have.`,
    );
  }
}

/** A deployment that scales by itself keeps the size that it has, within its bounds. */
function capacityOf(
  { scaleSettings }: DeploymentProperties,
  given: number | undefined,
  before: number | undefined,
): number {
  if (scaleSettings['scaleType'] !== 'TargetUtilization') return given ?? before ?? 1;
  const [least, most] = [Number(scaleSettings['minInstances']), Number(scaleSettings['maxInstances'])];
  return Math.min(most, Math.max(least, before ?? given ?? least));
}

async function putDeployment(
  context: HostContext,
  endpoint: EndpointRecord,
  name: string,
  body: DeploymentBody,
  before: DeploymentRecord | undefined,
): Promise<DeploymentRecord> {
  const properties = completeProperties(body, before?.properties.properties ?? {});
  const next = Math.max(0, ...Object.keys(before?.specs ?? {}).map(Number)) + 1;
  const folder = context.paths.generation(endpoint.workspace, endpoint.name, name, next);
  let spec;
  try {
    spec = processSpec(properties, await takeAssets(context, endpoint.workspace, properties, before, folder));
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  const current = before?.specs[before.generation];
  const unchanged = before !== undefined && before.state !== 'Failed' && current?.digest === spec.digest;
  if (unchanged) await rm(folder, { recursive: true, force: true });
  const now = new Date().toISOString();
  const capacity = capacityOf(properties, body.sku?.capacity, before?.sku.capacity);
  const values = {
    envelope: {
      location: body.location,
      tags: body.tags ?? {},
      ...(body.kind !== undefined && { kind: body.kind }),
      ...(body.identity !== undefined && { identity: body.identity }),
      createdAt: before?.envelope.createdAt ?? now,
      modifiedAt: now,
    },
    sku: {
      name: body.sku?.name ?? 'Default',
      ...(body.sku?.tier !== undefined && { tier: body.sku.tier }),
      capacity,
    },
    properties,
    state: before ? ('Updating' as const) : ('Creating' as const),
    generation: unchanged ? before.generation : next,
  };
  if (!before) {
    return {
      name,
      ...values,
      serving: null,
      specs: { [next]: spec },
      instances: {},
      restarts: 0,
      nextInstance: 1,
    };
  }
  if (!unchanged) {
    keepSettings(before);
    before.specs[next] = spec;
  }
  // The record itself stays: whoever looks after its processes holds on to it.
  Object.assign(before, values);
  context.supervisor.runner(endpoint.workspace, endpoint.name, name).renew();
  return before;
}

async function logsOf(
  context: HostContext,
  endpoint: EndpointRecord,
  deployment: DeploymentRecord,
  lines: number,
): Promise<string> {
  const logPath = (id: string): string =>
    context.paths.instanceLog(endpoint.workspace, endpoint.name, deployment.name, id);
  const logged = await loggedInstances(join(logPath('1'), '..'));
  const running = logged.filter((id) => deployment.instances[id] !== undefined);
  const shown = running.length > 0 ? running : logged.slice(-1);
  const parts = await Promise.all(
    shown.map(async (id) => {
      const text = await tailOf(logPath(id), lines, 4 * 1024 * 1024);
      return shown.length === 1 ? text : `==> instance ${id} <==\n${text}`;
    }),
  );
  return `${parts.join('\n')}\n`;
}
