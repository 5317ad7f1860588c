/** Where in ARM a call is: the subscription and resource group are any, the workspace is one of the host's. */
export interface Scope {
  readonly subscription: string;
  readonly resourceGroup: string;
  readonly workspace: string;
}

/** Any region would do; ARM wants one. */
const REGION = 'local';

export const PROVIDER = 'Microsoft.MachineLearningServices';

export function workspaceId(scope: Scope): string {
  const { subscription, resourceGroup, workspace } = scope;
  return `/subscriptions/${subscription}/resourceGroups/${resourceGroup}/providers/${PROVIDER}/workspaces/${workspace}`;
}

export function endpointId(scope: Scope, endpoint: string): string {
  return `${workspaceId(scope)}/onlineEndpoints/${endpoint}`;
}

export function deploymentId(scope: Scope, endpoint: string, deployment: string): string {
  return `${endpointId(scope, endpoint)}/deployments/${deployment}`;
}

export function operationUrl(
  base: string,
  subscription: string,
  kind: 'mfeOperationsStatus' | 'mfeOperationResults',
  id: string,
  apiVersion: string,
): string {
  return `${base}/subscriptions/${subscription}/providers/${PROVIDER}/locations/${REGION}/${kind}/${id}?api-version=${apiVersion}`;
}
