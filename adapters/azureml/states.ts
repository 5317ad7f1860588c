import type { DeploymentState, EndpointState, ResourceState } from '../../core/endpoint.js';
import { normalTraffic, type Shares } from '../../core/traffic.js';
import type { DeploymentResource, EndpointResource } from './resources.js';

/**
 * What the endpoint host tells beside the API, in the free `properties` of a deployment: how many instances answer
 * their readiness probe, restarts since it was created, and why it failed. Azure tells only the last, in its own way.
 */
const READY_INSTANCES = 'greenlight.readyInstances';
const RESTARTS = 'greenlight.restarts';
export const FAILURE = 'greenlight.error';

/** ARM's word for what goes on. An unknown one counts as `updating`: not ready, and no reason to give up. */
export function resourceState(provisioningState: string): ResourceState {
  switch (provisioningState) {
    case 'Succeeded':
      return 'ready';
    case 'Creating':
      return 'creating';
    case 'Deleting':
      return 'deleting';
    case 'Failed':
    case 'Canceled':
      return 'failed';
    default:
      return 'updating';
  }
}

export function deploymentState(resource: DeploymentResource, error: string | undefined): DeploymentState {
  const told = resource.properties.properties;
  const state = resourceState(resource.properties.provisioningState);
  const id = resource.systemData?.createdAt;
  return {
    name: resource.name.toLowerCase(),
    ...(id ? { id } : {}),
    state,
    instances: { wanted: resource.sku?.capacity ?? 1, ready: count(told[READY_INSTANCES]) },
    restarts: count(told[RESTARTS]),
    tags: resource.tags,
    ...(state === 'failed' && error !== undefined ? { error } : {}),
  };
}

export function endpointState(
  resource: EndpointResource,
  deployments: readonly DeploymentState[],
): EndpointState {
  const { properties } = resource;
  return {
    name: resource.name.toLowerCase(),
    kind: properties.compute ? 'kubernetes' : 'managed',
    state: resourceState(properties.provisioningState),
    traffic: normalTraffic({
      live: lowerCased(properties.traffic),
      mirror: lowerCased(properties.mirrorTraffic),
    }),
    ...pendingOf(properties.provisioningState, deployments),
    deployments,
    scoringUri: properties.scoringUri ?? '',
  };
}

/**
 * Why its shares may not be in force: while a write of them runs, or after it failed, the shares shown may be those before or
 * those to come. One operation at a time runs on an endpoint, so while one of a deployment does, no write of shares does.
 */
function pendingOf(
  provisioningState: string,
  deployments: readonly DeploymentState[],
): { readonly pending?: string } {
  const state = resourceState(provisioningState);
  const ofDeployment = deployments.some(({ state: is }) => is !== 'ready' && is !== 'failed');
  if (state === 'ready' || (state === 'updating' && ofDeployment)) return {};
  return { pending: `the provisioning state of the endpoint is ${provisioningState}, not Succeeded` };
}

/** Azure ML keeps deployment names in lower case, whatever was sent. */
export function lowerCased(shares: Shares): Shares {
  return Object.fromEntries(Object.entries(shares).map(([name, percent]) => [name.toLowerCase(), percent]));
}

function count(text: string | undefined): number | null {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null;
}
