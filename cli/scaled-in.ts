import type { CallOptions, TargetPorts } from '../adapters/ports.js';
import type { Inability } from '../core/capabilities.js';

/**
 * What a rollback may come back to where an autoscaler counts the baseline's instances, and the target has no way to hold
 * its minimum for the time of a rollout. undefined where nothing is to be feared, or it cannot be asked: `doctor` tells of
 * rights that are missing.
 */
export async function scaledIn(
  { endpoints, autoscaling }: TargetPorts,
  endpoint: string,
  baseline: string,
  options?: CallOptions,
): Promise<Inability | undefined> {
  if (autoscaling !== undefined || baseline === '') return undefined;
  const autoscaled = await endpoints.isAutoscaled(endpoint, baseline, options).catch(() => false);
  if (!autoscaled) return undefined;
  return {
    because: `an autoscaler counts the instances of ${baseline}: it takes some away once the new version serves, and a rollback sends everybody to those that are left`,
    instead: 'raise its minimum to the instances that serve now, for the time of a rollout',
  };
}
