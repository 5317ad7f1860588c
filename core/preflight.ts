import {
  DIGEST_TAG,
  findDeployment,
  isMadeBy,
  type DeploymentState,
  type EndpointState,
} from './endpoint.js';
import { plausible } from './gates/index.js';
import type { Counters, MetricsSnapshot } from './metrics.js';
import type { Plan } from './plan.js';
import { shareOf, sumShares, trafficText, wholeHolder } from './traffic.js';

/** What preflight knows of the endpoint, judged; `problems` empty = the rollout may begin. */
export interface EndpointCheck {
  readonly baseline: string;
  /** Green stands there already and is adopted. */
  readonly greenExists: boolean;
  readonly problems: readonly string[];
}

/**
 * Judges an endpoint before anything is changed.
 *
 * @param rolloutId - a green that bears it is this rollout's own.
 * @param digest - fingerprint of the plan's deployment.
 */
export function checkEndpoint(
  plan: Plan,
  endpoint: EndpointState,
  rolloutId: string,
  digest: string,
): EndpointCheck {
  const problems: string[] = [];
  if (endpoint.state !== 'ready') {
    problems.push(
      `Endpoint ${endpoint.name} is ${endpoint.state}; it must be ready. ${unreadyText(endpoint)}`,
    );
  }
  const sum = sumShares(endpoint.traffic.live);
  if (sum !== 100) {
    problems.push(
      `The live shares of ${endpoint.name} sum to ${sum} (${trafficText(endpoint.traffic)}); they must sum to 100 before a rollout begins`,
    );
  }
  if (Object.keys(endpoint.traffic.mirror).length > 0) {
    problems.push(
      `${endpoint.name} mirrors traffic already (${trafficText(endpoint.traffic)}); a rollout needs the mirror for itself. Turn it off first`,
    );
  }
  const baseline = findBaseline(plan, endpoint, problems);
  const greenExists = checkGreen(plan, endpoint, baseline, { rolloutId, digest }, problems);
  return { baseline, greenExists, problems };
}

/** Nothing runs that would end it. */
export const UPDATE_AGAIN = 'update it again (on Azure, `az ml online-endpoint update`)';

function unreadyText({ state, error }: EndpointState): string {
  if (error !== undefined) return error;
  return state === 'failed'
    ? `Its last operation failed: ${UPDATE_AGAIN}`
    : 'Wait until its operation is over';
}

/**
 * What a metric source says that cannot be true: gates would see nothing for it. A deployment that it does not know (yet)
 * is no problem: one without requests has no counters in most sources.
 *
 * @param deployments - those that gates will look at.
 */
export function absurdCounters(snapshot: MetricsSnapshot, deployments: readonly string[]): readonly string[] {
  return deployments.flatMap((name) =>
    Object.entries(snapshot.deployments[name] ?? {})
      .filter(([, counters]) => !plausible({ ...counters, n: counters.requests }))
      .map(
        ([kind, counters]) =>
          `The metric source says of ${name} (${kind}): ${countersText(counters)}; expected counts of 0 or more that can be true, no more errors than requests, and buckets that only grow. Gates can judge nothing by that: mend the source first`,
      ),
  );
}

function countersText({ requests, errors, le }: Counters): string {
  return `${requests} requests, ${errors} errors${le.length === 0 ? '' : `, buckets ${le.join(' ')}`}`;
}

function findBaseline(plan: Plan, endpoint: EndpointState, problems: string[]): string {
  const name = plan.baseline ?? wholeHolder(endpoint.traffic.live);
  if (name === undefined) {
    problems.push(
      `No deployment of ${endpoint.name} holds all live traffic (${trafficText(endpoint.traffic)}), so there is no baseline to compare with; finish the shift under way, or set the traffic to one deployment`,
    );
    return '';
  }
  const deployment = findDeployment(endpoint, name);
  if (deployment === undefined) {
    problems.push(
      `Baseline ${name} is no deployment of ${endpoint.name}; it has ${namesOf(endpoint)}. Name one of them as \`baseline\``,
    );
    return name;
  }
  // A sum that is not 100 was said already.
  if (sumShares(endpoint.traffic.live) === 100 && shareOf(endpoint.traffic.live, name) !== 100) {
    problems.push(
      `Baseline ${name} holds ${shareOf(endpoint.traffic.live, name)} % of the live traffic of ${endpoint.name} (${trafficText(endpoint.traffic)}); it must hold all of it`,
    );
  }
  if (!healthy(deployment)) {
    problems.push(
      `Baseline ${name} is ${stateText(deployment)}; a rollback would have nowhere to go. Mend it first`,
    );
  }
  return name;
}

function checkGreen(
  plan: Plan,
  endpoint: EndpointState,
  baseline: string,
  own: { readonly rolloutId: string; readonly digest: string },
  problems: string[],
): boolean {
  const { name } = plan.deployment;
  if (name === baseline) {
    problems.push(
      `The new deployment is named ${name}, like the baseline; give it a name of its own in the deployment file`,
    );
    return false;
  }
  const green = findDeployment(endpoint, name);
  if (green === undefined) {
    if (plan.steps.some((step) => step.kind === 'create')) return false;
    problems.push(
      `Deployment ${name} is not there, and the spec has no create step; ${endpoint.name} has ${namesOf(endpoint)}`,
    );
    return false;
  }
  if (isMadeBy(green, own.rolloutId)) return false;
  if (!plan.adopt) {
    problems.push(
      `${endpoint.name} has a deployment ${name} already (${stateText(green)}); delete it, take another name, or write \`adopt: true\` to roll out that very deployment`,
    );
    return false;
  }
  const theirs = green.tags[DIGEST_TAG];
  if (theirs !== undefined && theirs !== own.digest) {
    problems.push(
      `Deployment ${name} was created from another deployment file than the one in the spec; delete it, or name the file that it was created from`,
    );
  }
  return true;
}

function healthy(deployment: DeploymentState): boolean {
  const { ready } = deployment.instances;
  return deployment.state === 'ready' && (ready === null || ready > 0);
}

function stateText(deployment: DeploymentState): string {
  const { wanted, ready } = deployment.instances;
  const state =
    ready === null ? deployment.state : `${deployment.state}, ${ready} of ${wanted} instances ready`;
  return deployment.error === undefined ? state : `${state} (${deployment.error})`;
}

function namesOf(endpoint: EndpointState): string {
  return endpoint.deployments.map((d) => d.name).join(', ') || 'none';
}
