import type { DeploymentState, ResourceState } from '../../core/endpoint.js';
import { oneLine } from '../../core/one-line.js';
import { TAGS_ANNOTATION } from './names.js';
import type { Condition, KubeDeployment, Metadata, ParentRef, Pod, Route } from './objects.js';

/** Whether the gateway has taken a route as it stands now. */
export interface RouteState {
  readonly state: Extract<ResourceState, 'ready' | 'updating' | 'failed' | 'deleting'>;
  /** Why it is not ready, and what was expected. */
  readonly error?: string;
  /** The gateway refuses it as a whole: nobody knows what clients meet. Without that, a failed one is served. */
  readonly refused?: boolean;
  /** Beside a failed one that is served: who may go by other rules still. */
  readonly pending?: string;
}

/** Why what serves a route may go by other rules than these; undefined: it goes by these, whatever else is wrong. */
export function untakenOf({ state, error = '', refused = false, pending }: RouteState): string | undefined {
  return state === 'updating' || refused ? error : pending;
}

/** Both must be True for the route's current generation, by every gateway that it names. */
const WANTED = ['Accepted', 'ResolvedRefs'] as const;

/** How a route stands with its gateways. */
export function routeState({ metadata, spec, status }: Route): RouteState {
  if (metadata.deletionTimestamp !== undefined) return { state: 'deleting' };
  if (spec.parentRefs.length === 0) {
    return { state: 'failed', error: `HTTPRoute ${metadata.name} names no gateway in spec.parentRefs` };
  }
  const generation = metadata.generation ?? 0;
  let waiting: string | undefined;
  let refused: string | undefined;
  let failed: string | undefined;
  for (const parent of spec.parentRefs) {
    const answers = status.parents.filter(({ parentRef }) => sameParent(parentRef, parent, metadata));
    const gateway = `gateway ${parent.name}`;
    if (answers.length === 0) {
      waiting ??= `${gateway} has not taken note of HTTPRoute ${metadata.name}; check that it exists, that its controller runs, and that its listeners allow routes of this namespace`;
      continue;
    }
    for (const type of WANTED) {
      const said = answers.flatMap(({ conditions }) => conditions.filter((c) => c.type === type));
      const current = said.filter(({ observedGeneration = 0 }) => observedGeneration >= generation);
      const no = current.find(({ status: is }) => is === 'False');
      if (no !== undefined) {
        const error = refusalText(gateway, metadata.name, no);
        if (type === 'Accepted') refused ??= error;
        else failed ??= error;
      } else if (!current.some(({ status: is }) => is === 'True')) {
        waiting ??= `${gateway} has not said ${type} of HTTPRoute ${metadata.name} as it stands (generation ${generation})`;
      }
    }
  }
  if (refused !== undefined) return { state: 'failed', error: refused, refused: true };
  if (failed !== undefined) {
    return { state: 'failed', error: failed, ...(waiting === undefined ? {} : { pending: waiting }) };
  }
  return waiting === undefined ? { state: 'ready' } : { state: 'updating', error: waiting };
}

function refusalText(gateway: string, route: string, { type, reason, message }: Condition): string {
  return `${gateway} says ${type} is False of HTTPRoute ${route}${reason === undefined ? '' : ` (${reason})`}: ${oneLine(message ?? 'no reason')}`;
}

/** Whether two references of one route, whose metadata this is, name the same gateway or part of one. */
export function sameParent(
  a: ParentRef,
  b: ParentRef,
  { namespace }: { readonly [key: string]: unknown },
): boolean {
  return (
    a.name === b.name &&
    (a.namespace ?? namespace) === (b.namespace ?? namespace) &&
    (a.sectionName ?? '') === (b.sectionName ?? '') &&
    (a.port ?? 0) === (b.port ?? 0)
  );
}

/**
 * A deployment as its Deployment, its pods and its Service show it.
 *
 * @param answering - addresses behind its Service that are ready.
 */
export function deploymentState(
  name: string,
  deployment: KubeDeployment,
  pods: readonly Pod[],
  answering: number,
): DeploymentState {
  const { metadata, spec, status } = deployment;
  const troubles = troublesOf(deployment, pods);
  const trouble = troubles.find(({ mayPass }) => !mayPass);
  const available = status.conditions.some(({ type, status: is }) => type === 'Available' && is === 'True');
  const current = status.observedGeneration >= (metadata.generation ?? 0);
  const deaf = status.readyReplicas > 0 && answering === 0;
  const state: ResourceState =
    metadata.deletionTimestamp !== undefined
      ? 'deleting'
      : trouble !== undefined && !available
        ? 'failed'
        : !current || !available || deaf
          ? 'creating'
          : status.updatedReplicas < status.replicas
            ? 'updating'
            : 'ready';
  const error =
    state === 'failed'
      ? trouble?.text
      : deaf
        ? 'its Service has no ready endpoints: its selector finds none of the ready pods'
        : state === 'creating'
          ? troubles[0]?.text
          : undefined;
  return {
    name,
    ...idOf(metadata),
    state,
    instances: { wanted: spec.replicas, ready: Math.min(status.readyReplicas, answering) },
    restarts: pods.reduce((sum, pod) => sum + restartsOf(pod), 0),
    tags: tagsOf(metadata.annotations),
    ...(error === undefined ? {} : { error }),
  };
}

/** What a container waits for in vain: none of these mends itself while a rollout waits. */
const HOPELESS = new Set(['InvalidImageName', 'CreateContainerConfigError', 'ErrImageNeverPull']);
/** These may pass: a registry away for a moment, a start that takes two attempts. */
const STUBBORN = new Set(['ImagePullBackOff', 'CrashLoopBackOff', 'RunContainerError']);
const STUBBORN_RESTARTS = 3;
/** A registry, or what admits pods, has this long to come back. */
const STUBBORN_MS = 120_000;

/** What keeps a deployment from being there. How long one that may pass is waited for is the rollout's to say. */
interface Trouble {
  readonly text: string;
  readonly mayPass: boolean;
}

function troublesOf({ status }: KubeDeployment, pods: readonly Pod[]): readonly Trouble[] {
  return [
    ...status.conditions.flatMap(troubleBy),
    ...pods.flatMap((pod) => containersOf(pod).flatMap((container) => hopeless(pod, container))),
  ];
}

function troubleBy({ type, status, reason, message, lastTransitionTime }: Condition): readonly Trouble[] {
  if (type === 'ReplicaFailure' && status === 'True') {
    // A webhook that restarts, a quota that is full: its controller tries again.
    const mayPass = !isStubborn(lastTransitionTime);
    return [{ text: `its pods are refused: ${oneLine(message ?? reason ?? '')}`, mayPass }];
  }
  if (type === 'Progressing' && status === 'False') {
    // Kubernetes says that after ten minutes, and goes on trying.
    const mayPass = reason === 'ProgressDeadlineExceeded';
    return [{ text: oneLine(message ?? reason ?? 'it makes no progress'), mayPass }];
  }
  return [];
}

function hopeless(
  { metadata, status }: Pod,
  { name, restartCount, state }: ReturnType<typeof containersOf>[number],
): readonly Trouble[] {
  const { reason = '', message = '' } = state?.waiting ?? {};
  const stubborn =
    STUBBORN.has(reason) && (restartCount >= STUBBORN_RESTARTS || isStubborn(status.startTime));
  if (!HOPELESS.has(reason) && !stubborn) return [];
  const times = restartCount > 0 ? `, restarted ${restartCount} times` : '';
  const text = `container ${name} of pod ${metadata.name} is in ${reason}${times}${message === '' ? '' : `: ${oneLine(message)}`}`;
  return [{ text, mayPass: false }];
}

function isStubborn(since: string | undefined): boolean {
  return Date.now() - Date.parse(since ?? '') > STUBBORN_MS;
}

function containersOf({ status }: Pod): Pod['status']['containerStatuses'] {
  return [...status.initContainerStatuses, ...status.containerStatuses];
}

function restartsOf(pod: Pod): number {
  return containersOf(pod).reduce((sum, { restartCount }) => sum + restartCount, 0);
}

export function idOf({ uid }: Metadata): Pick<DeploymentState, 'id'> {
  return uid === undefined ? {} : { id: uid };
}

export function tagsOf(annotations: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  try {
    const tags: unknown = JSON.parse(annotations[TAGS_ANNOTATION] ?? '{}');
    if (typeof tags !== 'object' || tags === null) return {};
    return Object.fromEntries(Object.entries(tags).map(([key, value]) => [key, String(value)]));
  } catch {
    return {}; // written by someone else
  }
}
