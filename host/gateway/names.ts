/** How a request reaches a deployment: by its live share, as a mirrored copy, or pinned by header. */
export const TRAFFIC_KINDS = ['live', 'mirror', 'direct'] as const;
export type TrafficKind = (typeof TRAFFIC_KINDS)[number];

/**
 * How the Envoy cluster of a deployment and kind of traffic is called.
 *
 * No dots: Envoy would split the name into statistics tags. `~` cannot occur in the names themselves.
 */
export const CLUSTER_PATTERN = '{workspace}~{endpoint}~{deployment}~{kind}';

export function clusterName(
  workspace: string,
  endpoint: string,
  deployment: string,
  kind: TrafficKind,
): string {
  return `${workspace}~${endpoint}~${deployment}~${kind}`;
}

/** Names the instances of a deployment, which its three clusters share. */
export function serviceName(workspace: string, endpoint: string, deployment: string): string {
  return `${workspace}~${endpoint}~${deployment}`;
}

/** Names the cluster behind the listener of copies: where the copies for a deployment really go. */
export function behindCopies(workspace: string, endpoint: string, deployment: string): string {
  return `${serviceName(workspace, endpoint, deployment)}~copies`;
}

/** Names the cluster, and its instances, that a listener with faults sends to; none of the kinds that are counted. */
export function behindFaults(workspace: string, endpoint: string, deployment: string): string {
  return `${serviceName(workspace, endpoint, deployment)}~behind-faults`;
}
