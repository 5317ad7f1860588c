import type { EndpointState } from '../core/endpoint.js';
import { shareOf, trafficText } from '../core/traffic.js';
import { indent, table } from './output.js';

/** An endpoint for people: its traffic, and what stands behind it. */
export function endpointText(endpoint: EndpointState): string {
  const rows = endpoint.deployments.map(({ name, state, instances, error }) => [
    name,
    state,
    `${shareOf(endpoint.traffic.live, name)} %`,
    `${shareOf(endpoint.traffic.mirror, name)} %`,
    instances.ready === null ? String(instances.wanted) : `${instances.ready} of ${instances.wanted} ready`,
    error ?? '',
  ]);
  const deployments =
    rows.length === 0
      ? ['no deployments']
      : table(['DEPLOYMENT', 'STATE', 'LIVE', 'MIRROR', 'INSTANCES', ''], rows).split('\n');
  return [
    `${endpoint.name} (${endpoint.kind}) is ${endpoint.state}${endpoint.error === undefined ? '' : `: ${endpoint.error}`}`,
    `Traffic  ${trafficText(endpoint.traffic)}`,
    `Address  ${endpoint.scoringUri}`,
    '',
    ...indent(deployments),
  ].join('\n');
}
