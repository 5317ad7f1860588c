import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { HostContext } from '../context.js';
import { answerMetrics, DEPLOYMENT_METRICS, ENDPOINT_METRICS } from '../metrics/monitor.js';
import { AutoscaleBody } from '../scaling/setting.js';
import type { AutoscaleRecord } from '../state/model.js';
import { scopeOf, type Query } from './calls.js';
import { findDeployment } from './deployments.js';
import { findEndpoint } from './endpoints.js';
import { ArmError, badArgument, notFound } from './errors.js';
import { deploymentId, endpointId } from './ids.js';
import { parseBody } from './schemas.js';

/** Azure Monitor has api-versions of its own, which are older. */
const OPTIONS = { config: { oldestApiVersion: '2015-04-01' } };
const METRICS = 'providers/Microsoft.Insights/metrics';

interface MetricsParams {
  readonly endpoint: string;
  readonly deployment: string;
}

/** Azure Monitor's metrics call, for an endpoint and for a deployment; inside a workspace. */
export function metricsRoutes(app: FastifyInstance, context: HostContext): void {
  const path = '/onlineEndpoints/:endpoint';
  app.get<{ Params: MetricsParams; Querystring: Query }>(`${path}/${METRICS}`, OPTIONS, (request) => {
    const scope = scopeOf(request);
    const { name, workspace } = findEndpoint(context, scope, request.params.endpoint);
    const query = { resourceId: endpointId(scope, name), metrics: ENDPOINT_METRICS, ...asked(request) };
    return answerMetrics(query, context.sampler.minutes(workspace, name), Date.now());
  });

  app.get<{ Params: MetricsParams; Querystring: Query }>(
    `${path}/deployments/:deployment/${METRICS}`,
    OPTIONS,
    (request) => {
      const scope = scopeOf(request);
      const endpoint = findEndpoint(context, scope, request.params.endpoint);
      const { name } = findDeployment(endpoint, request.params.deployment);
      const resourceId = deploymentId(scope, endpoint.name, name);
      const query = { resourceId, metrics: DEPLOYMENT_METRICS, ...asked(request) };
      return answerMetrics(
        query,
        context.sampler.minutes(endpoint.workspace, endpoint.name, name),
        Date.now(),
      );
    },
  );
}

function asked({ query }: { readonly query: Query }) {
  return {
    names: query['metricnames'],
    timespan: query['timespan'],
    interval: query['interval'],
    aggregation: query['aggregation'],
    filter: query['$filter'],
    top: query['top'],
  };
}

interface SettingParams {
  readonly subscription: string;
  readonly resourceGroup: string;
  readonly name: string;
}

/** Autoscale settings of Azure Monitor, as far as they name online deployments; inside a resource group. */
export function autoscaleRoutes(app: FastifyInstance, context: HostContext): void {
  const path = '/providers/Microsoft.Insights/autoscaleSettings';
  const { autoscale } = context.store.state;

  app.get<{ Params: SettingParams }>(path, OPTIONS, (request) => ({
    value: Object.entries(autoscale)
      .filter(([key]) => key.startsWith(keyOf({ ...request.params, name: '' })))
      .map(([, setting]) => setting.body),
  }));

  app.get<{ Params: SettingParams }>(`${path}/:name`, OPTIONS, (request) => find(request).body);

  app.put<{ Params: SettingParams }>(`${path}/:name`, OPTIONS, async (request, reply) => {
    const { properties } = parseBody(AutoscaleBody, request.body);
    const target = targetOf(properties.targetResourceUri);
    const deployment = context.store.deployment(target.workspace, target.endpoint, target.deployment);
    if (!deployment) throw notFound(`The target of the setting, ${properties.targetResourceUri},`);
    if (deployment.properties.endpointComputeType !== 'Managed') {
      throw badArgument(
        `${properties.targetResourceUri} is a Kubernetes deployment, which scales by its own scaleSettings.`,
        'properties.targetResourceUri',
      );
    }
    const key = keyOf(request.params);
    const record = { target: Object.values(target).join('/'), body: resource(request) };
    const other = Object.entries(autoscale).find(([k, each]) => k !== key && each.target === record.target);
    if (other) {
      throw new ArmError(
        409,
        'Conflict',
        `${properties.targetResourceUri} has an autoscale setting already, ${String(other[1].body['name'])}; a resource has one at most.`,
      );
    }
    const created = autoscale[key] === undefined;
    autoscale[key] = record;
    await context.store.save();
    return reply.code(created ? 201 : 200).send(record.body);
  });

  app.delete<{ Params: SettingParams }>(`${path}/:name`, OPTIONS, async (request, reply) => {
    const key = keyOf(request.params);
    if (autoscale[key] === undefined) return reply.code(204).send();
    delete autoscale[key];
    await context.store.save();
    return reply.code(200).send();
  });

  function find(request: FastifyRequest<{ Params: SettingParams }>): AutoscaleRecord {
    const setting = autoscale[keyOf(request.params)];
    if (!setting) throw notFound(`Autoscale setting ${request.params.name}`);
    return setting;
  }
}

function keyOf({ subscription, resourceGroup, name }: SettingParams): string {
  return `${subscription}/${resourceGroup}/${name}`.toLowerCase();
}

function resource(request: FastifyRequest<{ Params: SettingParams }>): Record<string, unknown> {
  const { subscription, resourceGroup, name } = request.params;
  return {
    ...(request.body as object),
    id: `/subscriptions/${subscription}/resourceGroups/${resourceGroup}/providers/microsoft.insights/autoscalesettings/${name}`,
    name,
    type: 'Microsoft.Insights/autoscaleSettings',
  };
}

/** @throws {ArmError} 400 when it is no deployment. */
function targetOf(id: string): {
  readonly workspace: string;
  readonly endpoint: string;
  readonly deployment: string;
} {
  const match = /\/workspaces\/([^/]+)\/onlineEndpoints\/([^/]+)\/deployments\/([^/]+)\/?$/i.exec(id);
  if (!match) {
    throw badArgument(
      `properties.targetResourceUri is ${id}; expected the ARM id of an online deployment.`,
      'properties.targetResourceUri',
    );
  }
  const [workspace = '', endpoint = '', deployment = ''] = match.slice(1).map((part) => part.toLowerCase());
  return { workspace, endpoint, deployment };
}
