import type { DeploymentRecord, InstanceRecord } from '../state/model.js';
import { settingsOf } from './settings.js';

/** Instances that a generation of a deployment should have now. */
function wantedInstances(deployment: DeploymentRecord, generation: number, retired: boolean): number {
  if (retired) return 0;
  if (generation === deployment.serving) return settingsOf(deployment, generation).capacity;
  // A generation that failed to get ready is not tried again; the one that served before goes on.
  if (generation === deployment.generation && deployment.state !== 'Failed') return deployment.sku.capacity;
  return 0;
}

export interface ScalingPlan {
  /** Generations of the instances to start, one entry each. */
  readonly start: readonly number[];
  readonly drain: readonly InstanceRecord[];
}

/**
 * What to start and what to end so that every generation has what it should have.
 *
 * What a new generation replaces stays as it is until the operation has ended: the gateway may not have taken the new one
 * yet, or may refuse it.
 */
export function planScaling(deployment: DeploymentRecord, retired: boolean): ScalingPlan {
  const staying = Object.values(deployment.instances).filter((instance) => instance.state !== 'draining');
  const generations = new Set([
    ...staying.map((instance) => instance.generation),
    deployment.generation,
    ...(deployment.serving === null ? [] : [deployment.serving]),
  ]);
  const start: number[] = [];
  const drain: InstanceRecord[] = [];
  for (const generation of generations) {
    const isReplaced = generation !== deployment.generation && generation !== deployment.serving;
    if (isReplaced && isUnderWay(deployment) && !retired) continue;
    const has = staying.filter((instance) => instance.generation === generation).sort(mostUsefulFirst);
    const wanted = wantedInstances(deployment, generation, retired);
    for (let n = has.length; n < wanted; n++) start.push(generation);
    drain.push(...has.slice(wanted));
  }
  return { start, drain };
}

function isUnderWay({ state }: DeploymentRecord): boolean {
  return state === 'Updating' || state === 'Scaling';
}

const USEFULNESS = { ready: 0, unready: 1, starting: 2, draining: 3 } as const;

/** Fewer instances: those that serve stay, the oldest of them first. */
function mostUsefulFirst(a: InstanceRecord, b: InstanceRecord): number {
  return USEFULNESS[a.state] - USEFULNESS[b.state] || Number(a.id) - Number(b.id);
}

/** Tries of one generation to get ready. */
export interface StartFacts {
  /** Instances that ended before they were ever ready, or before the generation served. */
  readonly failedStarts: number;
  /** What the last instance to end ended with. */
  readonly lastExit: string | undefined;
  /** Since when this host looks at them, milliseconds since the epoch: time without a host is no time to get ready in. */
  readonly watchedSinceMs: number;
  /** Since when they are to get ready, as far as this host has seen, milliseconds since the epoch. */
  readonly wantedSinceMs: number;
}

/** A first failure may be bad luck (a port taken in between); three in a row are the deployment's own. */
const MAX_FAILED_STARTS = 3;

export type StartVerdict =
  { readonly is: 'ready' } | { readonly is: 'waiting' } | { readonly is: 'failed'; readonly reason: string };

/** Whether the wanted generation is all there, still coming, or given up. */
export function judgeStart(
  deployment: DeploymentRecord,
  facts: StartFacts,
  deadlineMs: number,
  nowMs: number,
): StartVerdict {
  const instances = Object.values(deployment.instances).filter(
    (instance) => instance.generation === deployment.generation && instance.state !== 'draining',
  );
  const ready = instances.filter((instance) => instance.state === 'ready').length;
  if (ready >= deployment.sku.capacity) return { is: 'ready' };
  if (facts.failedStarts >= MAX_FAILED_STARTS) {
    return {
      is: 'failed',
      reason: `its model server ended ${facts.failedStarts} times before it was ready (last: ${facts.lastExit ?? 'unknown'})`,
    };
  }
  const late = instances.find(
    (instance) =>
      instance.state === 'starting' && nowMs - startingSince(instance, facts.watchedSinceMs) > deadlineMs,
  );
  if (late) {
    return {
      is: 'failed',
      reason: `instance ${late.id} did not answer its readiness probe within ${deadlineMs / 1000} s`,
    };
  }
  // As long as all the tries may take. Without it, instances that come and go would be waited for without an end.
  const limitMs = MAX_FAILED_STARTS * deadlineMs;
  if (nowMs - facts.wantedSinceMs > limitMs) {
    const last = facts.lastExit === undefined ? '' : ` (last end of one: ${facts.lastExit})`;
    return {
      is: 'failed',
      reason: `only ${ready} of ${deployment.sku.capacity} instances were ready at once within ${limitMs / 1000} s${last}`,
    };
  }
  return { is: 'waiting' };
}

/** Since when an instance that starts has had somebody who waits for it, milliseconds since the epoch. */
export function startingSince({ startedAt }: InstanceRecord, watchedSinceMs: number): number {
  return Math.max(startedAt, watchedSinceMs);
}
