import { makeSecret } from '../arm/auth.js';
import { durationMs } from '../serving/duration.js';
import { settingsOf } from '../serving/settings.js';
import type { DeploymentRecord, EndpointRecord, HostState } from '../state/model.js';
import type { FaultsRecord } from '../faults/faults.js';
import type { GatewayDeployment, GatewayEndpoint, GatewayFaults, GatewayModel } from './model.js';

/** A credential that nobody is ever told. */
const NOBODYS = makeSecret();

/** What the gateway should do, given what the host knows. */
export function gatewayModel(state: HostState, nowSeconds: number, faultsAllowed: boolean): GatewayModel {
  return {
    endpoints: Object.values(state.endpoints).map((endpoint) =>
      gatewayEndpoint(endpoint, nowSeconds, faultsAllowed),
    ),
  };
}

function gatewayEndpoint(
  endpoint: EndpointRecord,
  nowSeconds: number,
  faultsAllowed: boolean,
): GatewayEndpoint {
  return {
    workspace: endpoint.workspace,
    name: endpoint.name,
    kind: endpoint.compute === undefined ? 'managed' : 'kubernetes',
    credentials: credentialsOf(endpoint, nowSeconds),
    traffic: endpoint.traffic,
    mirror: endpoint.mirror,
    deployments: Object.values(endpoint.deployments).flatMap((deployment) =>
      deployment.serving === null
        ? []
        : [gatewayDeployment(endpoint, deployment, deployment.serving, faultsAllowed)],
    ),
  };
}

function gatewayDeployment(
  endpoint: EndpointRecord,
  deployment: DeploymentRecord,
  serving: number,
  faultsAllowed: boolean,
): GatewayDeployment {
  const { capacity, requestSettings } = settingsOf(deployment, serving);
  return {
    name: deployment.name,
    requestTimeoutMs: durationMs(requestSettings.requestTimeout),
    // Azure's rule for 429: twice what the instances work on at once.
    maxRequests: 2 * requestSettings.maxConcurrentRequestsPerInstance * capacity,
    // gunicorn, which serves every score.py, is told to close; an own command does as its server does.
    keepsConnections: deployment.specs[serving]?.command != null,
    routable: endpoint.state !== 'Deleting' && deployment.state !== 'Deleting',
    ports: Object.values(deployment.instances)
      .filter((instance) => instance.generation === serving && instance.state === 'ready')
      .map((instance) => instance.port),
    ...(deployment.faults && faultsAllowed && { faults: gatewayFaults(deployment.faults) }),
  };
}

function gatewayFaults(faults: FaultsRecord): GatewayFaults {
  const { port, sinceMs, addedLatency, errorPercent = 0, errorStatus = 500 } = faults;
  const delayMs = addedLatency === undefined ? 0 : durationMs(addedLatency);
  return {
    port,
    inUse: sinceMs !== null && (delayMs > 0 || errorPercent > 0),
    delayMs,
    errorPercent,
    errorStatus,
  };
}

function credentialsOf(endpoint: EndpointRecord, nowSeconds: number): string[] {
  if (endpoint.authMode === 'Key') return [endpoint.keys.primary, endpoint.keys.secondary];
  // An endpoint without a valid token lets nobody in; Envoy wants at least one credential, so it gets nobody's.
  const { token } = endpoint;
  const valid = [token, token?.previous].flatMap((each) =>
    each && each.expiresAt > nowSeconds ? each.value : [],
  );
  return valid.length > 0 ? valid : [NOBODYS];
}
