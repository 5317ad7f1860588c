import type { Client } from '@temporalio/client';
import type { AdminTargetPorts } from '../../adapters/targets.js';
import type { DeploymentSpec } from '../../core/deployment.js';
import type { Target } from '../../core/plan.js';
import type { Traffic } from '../../core/traffic.js';
import type { LoadSettings } from '../../demo/load.js';

/** What gets SIGKILL in a cell of the matrix, by target. Blue and green are their model servers. */
export const VICTIMS = {
  host: ['worker', 'temporal', 'host', 'envoy', 'green', 'blue'],
  kubernetes: [
    ...['worker', 'temporal', 'envoy', 'envoy-gateway', 'kube-apiserver', 'green', 'blue'],
    ...['etcd', 'kube-controller-manager', 'prometheus'],
  ],
} as const;
export type TargetKind = keyof typeof VICTIMS;
export type Victim = (typeof VICTIMS)[TargetKind][number];
export const TARGETS = Object.keys(VICTIMS) as readonly TargetKind[];

/** Where clients of an endpoint go. */
export type Door = Pick<LoadSettings, 'scoringUri' | 'key' | 'host'>;

/**
 * The whole product on one target, each part a process that can be killed and started again. What is killed, read and
 * judged is the same on every target; only how stands here.
 */
export interface World {
  readonly target: Target;
  readonly client: Client;
  ports(): Promise<AdminTargetPorts>;
  /** An endpoint that blue serves alone. */
  createEndpoint(name: string): Promise<Door>;
  /** With all that it has. */
  deleteEndpoint(name: string): Promise<void>;
  /** A deployment of the small model; `bad` fails every request. */
  deployment(endpoint: string, name: string, bad?: boolean): DeploymentSpec;
  /** From now on every request to the deployment fails. */
  breakDeployment(endpoint: string, name: string): Promise<void>;
  /** Finds the processes of a part beforehand, so that the kill itself loses no time; none = it is not there. */
  aim(victim: Victim, endpoint: string): Promise<readonly number[]>;
  /** Starts again what nobody else does. */
  mend(victim: Victim): Promise<void>;
  /** What happened to an endpoint by the target's own record: `endpoint-put`, `deployment-put green`, `deployment-delete green`. */
  operations(endpoint: string): Promise<readonly string[]>;
  /** How many times `endpoint-put` may be in that record when this was there before, and asked for one after the other. */
  writesOf(way: readonly Traffic[]): number;
  stop(): Promise<void>;
}

/** @returns a new one; each kind is loaded when it is wanted. */
export async function startWorld(kind: TargetKind): Promise<World> {
  if (kind === 'host') return (await import('./host-world.js')).HostWorld.start();
  return (await import('./kubernetes-world.js')).KubernetesFaultWorld.start();
}

/** @returns false when it is gone already. */
export function killNow(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
