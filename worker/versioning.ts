import { setTimeout as sleep } from 'node:timers/promises';
import type { NativeConnection, WorkerOptions } from '@temporalio/worker';

/** Name of the Worker Deployment that all workers of rollouts belong to. */
export const DEPLOYMENT_NAME = 'greenlight';

/** The newest build becomes known to the server when its worker polls; until then it is refused. */
const KNOWN_WITHIN_MS = 30_000;
const NOT_YET: ReadonlySet<unknown> = new Set([5 /* NOT_FOUND */, 9 /* FAILED_PRECONDITION */]);

/**
 * A rollout finishes on the build that it began with, however long that takes: pinned. Workers of that build have to
 * stay until it has drained.
 */
export function deploymentOptions(buildId: string): NonNullable<WorkerOptions['workerDeploymentOptions']> {
  return {
    version: { deploymentName: DEPLOYMENT_NAME, buildId },
    useWorkerVersioning: true,
    defaultVersioningBehavior: 'PINNED',
  };
}

/** New rollouts begin with this build from now on. To be called while a worker of it runs. */
export async function makeCurrent(
  { workflowService }: NativeConnection,
  namespace: string,
  buildId: string,
): Promise<void> {
  for (const end = Date.now() + KNOWN_WITHIN_MS; ; await sleep(250)) {
    try {
      await workflowService.setWorkerDeploymentCurrentVersion({
        namespace,
        deploymentName: DEPLOYMENT_NAME,
        buildId,
        identity: `greenlight worker ${process.pid}`,
      });
      return;
    } catch (error) {
      if (!NOT_YET.has((error as { readonly code?: unknown }).code) || Date.now() > end) throw error;
    }
  }
}
