import type { DeploymentRecord, EndpointRecord, ResourceEnvelope } from '../state/model.js';
import { knowsMirror } from './api-version.js';
import { deploymentId, endpointId, PROVIDER, workspaceId, type Scope } from './ids.js';

/** Prefix of the properties that the host itself puts on a deployment; callers cannot set them. */
export const HOST_PROPERTIES = [
  'greenlight.readyInstances',
  'greenlight.restarts',
  'greenlight.error',
  'AzureAsyncOperationUri',
] as const;

export function endpointResource(
  endpoint: EndpointRecord,
  scope: Scope,
  gatewayUrl: string,
  apiVersion: string,
): Record<string, unknown> {
  const base = `${gatewayUrl}/${endpoint.workspace}/${endpoint.name}`;
  return {
    id: endpointId(scope, endpoint.name),
    name: endpoint.name,
    type: `${PROVIDER}/workspaces/onlineEndpoints`,
    ...envelope(endpoint.envelope),
    properties: {
      authMode: endpoint.authMode,
      ...(endpoint.description !== undefined && { description: endpoint.description }),
      ...(endpoint.compute !== undefined && { compute: endpoint.compute }),
      publicNetworkAccess: endpoint.publicNetworkAccess,
      properties: {
        ...endpoint.properties,
        ...(endpoint.error !== undefined && { 'greenlight.error': endpoint.error.message }),
      },
      traffic: endpoint.traffic,
      ...(knowsMirror(apiVersion) && { mirrorTraffic: endpoint.mirror }),
      provisioningState: endpoint.state,
      scoringUri: `${base}/score`,
      swaggerUri: `${base}/swagger.json`,
    },
  };
}

export function deploymentResource(
  endpoint: EndpointRecord,
  deployment: DeploymentRecord,
  scope: Scope,
): Record<string, unknown> {
  const ready = Object.values(deployment.instances).filter(
    (instance) => instance.state === 'ready' && instance.generation === deployment.serving,
  );
  return {
    id: deploymentId(scope, endpoint.name, deployment.name),
    name: deployment.name,
    type: `${PROVIDER}/workspaces/onlineEndpoints/deployments`,
    ...envelope(deployment.envelope),
    sku: deployment.sku,
    properties: {
      ...deployment.properties,
      properties: {
        ...deployment.properties.properties,
        'greenlight.readyInstances': String(ready.length),
        'greenlight.restarts': String(deployment.restarts),
        ...(deployment.error !== undefined && { 'greenlight.error': deployment.error.message }),
      },
      provisioningState: deployment.state,
    },
  };
}

function envelope(fields: ResourceEnvelope): Record<string, unknown> {
  return {
    location: fields.location,
    tags: fields.tags,
    ...(fields.kind !== undefined && { kind: fields.kind }),
    ...(fields.identity !== undefined && { identity: fields.identity }),
    systemData: {
      createdAt: fields.createdAt,
      createdBy: 'endpoint host',
      createdByType: 'Application',
      lastModifiedAt: fields.modifiedAt,
      lastModifiedBy: 'endpoint host',
      lastModifiedByType: 'Application',
    },
  };
}

/** What Microsoft's own client wants to know of a workspace before it calls an endpoint. */
export function workspaceResource(scope: Scope, armUrl: string, tenantId: string): Record<string, unknown> {
  const id = workspaceId(scope);
  return {
    id,
    name: scope.workspace,
    type: `${PROVIDER}/workspaces`,
    location: 'local',
    tags: {},
    identity: { type: 'None' },
    properties: {
      workspaceId: tenantId,
      friendlyName: scope.workspace,
      description: 'A workspace of the endpoint host on this machine',
      discoveryUrl: `${armUrl}/discovery`,
      mlFlowTrackingUri: `azureml://${armUrl.replace(/^https:\/\//, '')}/mlflow/v1.0${id}`,
      storageAccount: `/subscriptions/${scope.subscription}/resourceGroups/${scope.resourceGroup}/providers/Microsoft.Storage/storageAccounts/local`,
      tenantId,
      provisioningState: 'Succeeded',
    },
  };
}
