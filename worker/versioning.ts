import { setTimeout as sleep } from 'node:timers/promises';
import type { NativeConnection, WorkerOptions } from '@temporalio/worker';
import { WORKER_DEPLOYMENT } from '../core/names.js';

/** The newest build becomes known to the server when its worker polls; until then it is refused. */
const KNOWN_WITHIN_MS = 30_000;
/** temporal.api.enums.v1.WorkerDeploymentVersionStatus: draining, drained. */
const REPLACED: ReadonlySet<unknown> = new Set([4, 5]);
const NOT_YET: ReadonlySet<unknown> = new Set([5 /* NOT_FOUND */, 9 /* FAILED_PRECONDITION */]);

/**
 * A rollout finishes on the build that it began with, however long that takes: pinned. Workers of that build have to
 * stay until it has drained.
 */
export function deploymentOptions(buildId: string): NonNullable<WorkerOptions['workerDeploymentOptions']> {
  return {
    version: { deploymentName: WORKER_DEPLOYMENT, buildId },
    useWorkerVersioning: true,
    defaultVersioningBehavior: 'PINNED',
  };
}

/**
 * New rollouts begin with this build from now on, unless they did before and another was made current since: an old worker
 * that is started again takes nothing back. To be called while a worker of it runs.
 *
 * @returns whether new rollouts begin with it now.
 */
export async function makeCurrent(
  { workflowService }: NativeConnection,
  namespace: string,
  buildId: string,
): Promise<boolean> {
  const deployment = { namespace, deploymentName: WORKER_DEPLOYMENT };
  for (const end = Date.now() + KNOWN_WITHIN_MS; ; await sleep(250)) {
    try {
      const { workerDeploymentInfo } = await workflowService.describeWorkerDeployment(deployment);
      const own = workerDeploymentInfo?.versionSummaries?.find(
        ({ deploymentVersion }) => deploymentVersion?.buildId === buildId,
      );
      if (REPLACED.has(own?.status)) return false;
      await workflowService.setWorkerDeploymentCurrentVersion({
        ...deployment,
        buildId,
        identity: `greenlight worker ${process.pid}`,
      });
      return true;
    } catch (error) {
      if (!NOT_YET.has((error as { readonly code?: unknown }).code) || Date.now() > end) throw error;
    }
  }
}
