import type { Traffic } from './traffic.js';

/** Marks a deployment with the rollout that created it. */
export const ROLLOUT_TAG = 'greenlight.rollout';
/** Fingerprint of the deployment file that it was created from. */
export const DIGEST_TAG = 'greenlight.deployment';

export type ResourceState = 'creating' | 'updating' | 'ready' | 'failed' | 'deleting';

/** One deployment as its target shows it now. */
export interface DeploymentState {
  readonly name: string;
  /** Of this one alone, and of none that is made under its name later; left out where the target cannot tell. */
  readonly id?: string;
  readonly state: ResourceState;
  /** Instances wanted, and how many answer their readiness probe; `ready` is null where the target cannot tell. */
  readonly instances: { readonly wanted: number; readonly ready: number | null };
  /** Restarts of instances since the deployment was created; null where the target cannot tell. */
  readonly restarts: number | null;
  readonly tags: Readonly<Record<string, string>>;
  /** Why it is not ready, where the target says so. */
  readonly error?: string;
}

/** One endpoint as its target shows it now. */
export interface EndpointState {
  readonly name: string;
  readonly kind: 'managed' | 'kubernetes';
  readonly state: ResourceState;
  /** Why it is not ready, where the target says so. */
  readonly error?: string;
  readonly traffic: Traffic;
  /** Why clients do not meet this traffic yet, where the target can tell; left out: they do. */
  readonly pending?: string;
  readonly deployments: readonly DeploymentState[];
  readonly scoringUri: string;
}

export function findDeployment(endpoint: EndpointState, name: string): DeploymentState | undefined {
  return endpoint.deployments.find((d) => d.name === name);
}

/** Whether that rollout created it. */
export function isMadeBy({ tags }: DeploymentState, rolloutId: string): boolean {
  return tags[ROLLOUT_TAG] === rolloutId;
}

/** Whether one is not the other, but was made under its name later; false where the target cannot tell. */
export function isAnother(a: DeploymentState, b: DeploymentState): boolean {
  return a.id !== undefined && b.id !== undefined && a.id !== b.id;
}

/** Whether so many instances answer; left out: all that it should have. An autoscaler may want more, and they may come and go. */
export function isReady({ state, instances }: DeploymentState, atLeast = instances.wanted): boolean {
  const { wanted, ready } = instances;
  return state === 'ready' && wanted >= atLeast && (ready === null || ready >= atLeast);
}
