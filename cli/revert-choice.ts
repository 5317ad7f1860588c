import { findDeployment, ROLLOUT_TAG, type DeploymentState, type EndpointState } from '../core/endpoint.js';
import { shareOf, trafficText } from '../core/traffic.js';

export type Choice = { readonly to: string } | { readonly refused: string };

/**
 * Who is to get all live traffic.
 *
 * A name left out is filled in only where nobody else can be meant: a guess that sends everybody to an unproven version
 * is worse than a question.
 *
 * @param named - as the person named it.
 * @param force - take a deployment that does not look able to serve.
 * @param goes - the deployment that is deleted afterwards: it cannot be meant.
 */
export function chooseDestination(
  endpoint: EndpointState,
  named: string | undefined,
  force: boolean,
  goes?: string,
): Choice {
  const to = named ?? onlyOther(endpoint, goes);
  if (to === undefined) {
    return {
      refused:
        `${endpoint.name} has ${names(endpoint)}, and serves ${trafficText(endpoint.traffic)}: it is not clear which one to go back to.\n` +
        'Name it with --to DEPLOYMENT.',
    };
  }
  const deployment = findDeployment(endpoint, to);
  if (deployment === undefined) {
    return {
      refused: `${endpoint.name} has no deployment ${to}; it has ${names(endpoint)}. Name one of them with --to.`,
    };
  }
  if (to === goes) {
    return {
      refused:
        `${to} is where all traffic of ${endpoint.name} is to go: it is not deleted, and nothing was changed.\n` +
        'Name with --to who is to serve, and with --delete another one.',
    };
  }
  const why = cannotServe(deployment);
  if (why === undefined || force) return { to: deployment.name };
  return {
    refused:
      `${to} does not look able to serve: ${why}. ${endpoint.name} serves ${trafficText(endpoint.traffic)} now.\n` +
      'Name another deployment with --to, or add --force to send it there all the same.',
  };
}

function onlyOther(endpoint: EndpointState, goes: string | undefined): string | undefined {
  const { traffic } = endpoint;
  const deployments = endpoint.deployments.filter(({ name }) => name !== goes);
  const [first, second, third] = deployments;
  if (first === undefined || third !== undefined) return undefined;
  if (second === undefined) return first.name;
  // Said again, it must not go to the other one of them.
  if (goes !== undefined) return undefined;
  const whole = deployments.find(({ name }) => shareOf(traffic.live, name) === 100);
  if (whole === undefined) return undefined;
  const other = whole === first ? second : first;
  // What is only mirrored to is on trial: going back means that it stops.
  if (shareOf(traffic.mirror, other.name) > 0) return whole.name;
  // What a rollout created may be the newer one: then the one that serves is what one would go back to, or not.
  return isRolledOut(other) ? undefined : other.name;
}

/** A rollout created it. */
function isRolledOut(deployment: DeploymentState): boolean {
  return deployment.tags[ROLLOUT_TAG] !== undefined;
}

function cannotServe({ state, instances, error }: DeploymentState): string | undefined {
  if (state === 'failed' || state === 'creating' || state === 'deleting') {
    return `it is ${state}${error === undefined ? '' : ` (${error})`}`;
  }
  return instances.ready === 0 ? `none of its ${instances.wanted} instances is ready` : undefined;
}

function names(endpoint: EndpointState): string {
  const all = endpoint.deployments.map(({ name }) => name);
  return all.length === 0 ? 'no deployments' : all.join(', ');
}
