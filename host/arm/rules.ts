import { badArgument, ArmError } from './errors.js';

const NAME = /^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/;

/** @throws {ArmError} 400 when Azure ML would not take the name. */
export function checkName(kind: 'endpoint' | 'deployment', name: string): string {
  if (name.length < 3 || name.length > 32 || !NAME.test(name)) {
    throw badArgument(
      `The ${kind} name "${name}" is not allowed: names have 3 to 32 letters, digits and dashes, begin with a letter and do not end with a dash.`,
      'name',
    );
  }
  return name.toLowerCase();
}

/** What the traffic rules have to know of a deployment. */
export interface TrafficSubject {
  readonly name: string;
  readonly state: string;
}

export interface TrafficRules {
  readonly traffic: Record<string, number>;
  readonly mirror: Record<string, number>;
}

/**
 * Azure ML's rules for traffic, which its swagger does not hold.
 *
 * Names come out in lower case and zeros are dropped: absent and 0 mean the same.
 *
 * @throws {ArmError} 400 that names the rule and the value.
 */
export function checkTraffic(
  given: TrafficRules,
  kind: 'managed' | 'kubernetes',
  deployments: readonly TrafficSubject[],
): TrafficRules {
  const traffic = normal(given.traffic, 'properties.traffic');
  const mirror = normal(given.mirror, 'properties.mirrorTraffic');
  checkSum(traffic);
  checkMirror(mirror, traffic, kind);
  for (const [field, shares] of Object.entries({ traffic, mirrorTraffic: mirror })) {
    for (const name of Object.keys(shares)) checkSubject(name, field, deployments);
  }
  return { traffic, mirror };
}

function normal(shares: Record<string, number>, target: string): Record<string, number> {
  const result: Record<string, number> = {};
  for (const [name, percent] of Object.entries(shares)) {
    if (!Number.isInteger(percent) || percent < 0 || percent > 100) {
      throw badArgument(
        `${target}.${name} is ${percent}; expected a whole percentage from 0 to 100.`,
        target,
      );
    }
    const key = name.toLowerCase();
    if (Object.hasOwn(result, key)) throw badArgument(`${target} names ${key} twice.`, target);
    Object.defineProperty(result, key, {
      value: percent,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return Object.fromEntries(Object.entries(result).filter(([, percent]) => percent > 0));
}

function checkSum(traffic: Record<string, number>): void {
  const sum = Object.values(traffic).reduce((total, percent) => total + percent, 0);
  if (sum !== 0 && sum !== 100) {
    throw badArgument(
      `The traffic percentages add up to ${sum}; they must add up to 100, or to 0 to turn traffic off.`,
      'properties.traffic',
    );
  }
}

function checkMirror(
  mirror: Record<string, number>,
  traffic: Record<string, number>,
  kind: 'managed' | 'kubernetes',
): void {
  const target = 'properties.mirrorTraffic';
  const entries = Object.entries(mirror);
  const [first] = entries;
  if (!first) return;
  const [name, percent] = first;
  if (kind === 'kubernetes') {
    throw badArgument(
      'Mirrored traffic is for managed online endpoints; this is a Kubernetes endpoint.',
      target,
    );
  }
  if (entries.length > 1) {
    throw badArgument(
      `Mirrored traffic goes to one deployment; got ${Object.keys(mirror).join(', ')}.`,
      target,
    );
  }
  if (percent > 50) {
    throw badArgument(`Mirrored traffic to ${name} is ${percent} percent; at most 50 is allowed.`, target);
  }
  if ((traffic[name] ?? 0) > 0) {
    throw badArgument(
      `Deployment ${name} has ${traffic[name]} percent of live traffic; it cannot have mirrored traffic too.`,
      target,
    );
  }
}

function checkSubject(name: string, field: string, deployments: readonly TrafficSubject[]): void {
  const deployment = deployments.find((candidate) => candidate.name === name);
  if (!deployment) {
    throw badArgument(
      `properties.${field} names deployment ${name}, which does not exist on this endpoint.`,
      `properties.${field}`,
    );
  }
  if (deployment.state !== 'Succeeded') {
    throw badArgument(
      `properties.${field} names deployment ${name}, whose provisioning state is ${deployment.state}; traffic goes to deployments that are Succeeded.`,
      `properties.${field}`,
    );
  }
}

/** @throws {ArmError} 400 when a deployment still gets requests of clients. */
export function checkDeletable(name: string, rules: TrafficRules): void {
  const live = rules.traffic[name] ?? 0;
  const mirrored = rules.mirror[name] ?? 0;
  if (live > 0 || mirrored > 0) {
    throw new ArmError(
      400,
      'DeploymentHasTraffic',
      `Deployment ${name} cannot be deleted: it has ${live} percent of live traffic and ${mirrored} percent mirrored; set both to 0 first.`,
    );
  }
}
