/** How an autoscaler counts the instances of one deployment. */
export interface Autoscale {
  readonly minimum: number;
  readonly maximum: number;
  /** Wanted now. */
  readonly instances: number;
}

/** A change of an autoscaler's fewest instances, as data: what it was, and what it becomes. */
export interface MinimumChange {
  readonly from: number;
  readonly to: number;
}

/**
 * Keeps the instances that a deployment has now, while its traffic goes elsewhere: without it, its autoscaler would send
 * them away, and a rollback would meet too few.
 *
 * @returns null where the autoscaler keeps as many by itself.
 */
export function heldMinimum({ minimum, maximum, instances }: Autoscale): MinimumChange | null {
  const held = Math.min(instances, maximum);
  return held > minimum ? { from: minimum, to: held } : null;
}
