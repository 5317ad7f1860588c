import { scaledIn, type Written } from './drift.js';
import { findDeployment, type DeploymentState, type EndpointState } from './endpoint.js';
import { deploymentsIn, hasTraffic, shareOf, type Traffic } from './traffic.js';

/** Deployments that are to have traffic and could not answer for it. */
export interface Unable {
  readonly deployments: readonly string[];
  /** One of them is not there any more. */
  readonly gone: boolean;
  /** Those of them that were scaled to nothing. */
  readonly off: readonly string[];
  /** Each of them has traffic as the endpoint is now. */
  readonly serving: boolean;
}

/** Who is gone, or would get a greater share by `to` without an instance that answers; null: nobody. */
export function whoCannotServe(endpoint: EndpointState, to: Traffic): Unable | null {
  const deployments = deploymentsIn(to).filter((name) => {
    const found = stays(endpoint, name);
    return found === undefined || (gains(name, endpoint.traffic, to) && found.instances.ready === 0);
  });
  if (deployments.length === 0) return null;
  return {
    deployments,
    gone: deployments.some((name) => stays(endpoint, name) === undefined),
    off: deployments.filter((name) => stays(endpoint, name)?.instances.wanted === 0),
    serving: deployments.every((name) => hasTraffic(endpoint.traffic, name)),
  };
}

/** Who would get a greater share by `to`, and was scaled to nothing since it was known with instances. */
export function whoWasSwitchedOff(
  endpoint: EndpointState,
  to: Traffic,
  known: Written['instances'],
): readonly string[] {
  return scaledIn(endpoint.deployments, known)
    .filter(({ deployment, to: left }) => left === 0 && gains(deployment, endpoint.traffic, to))
    .map(({ deployment }) => deployment);
}

/** What is being deleted answers for a moment yet. */
function stays(endpoint: EndpointState, name: string): DeploymentState | undefined {
  const found = findDeployment(endpoint, name);
  return found?.state === 'deleting' ? undefined : found;
}

function gains(deployment: string, before: Traffic, after: Traffic): boolean {
  return (
    shareOf(after.live, deployment) > shareOf(before.live, deployment) ||
    shareOf(after.mirror, deployment) > shareOf(before.mirror, deployment)
  );
}
