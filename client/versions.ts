import { isGrpcServiceError, type WorkflowService } from '@temporalio/client';
import { ROLLOUT_WORKFLOW } from '../core/messages.js';
import { WORKER_DEPLOYMENT } from '../core/names.js';
import { GRPC } from './errors.js';
import type { Session } from './temporal.js';
import { recentPollers } from './workers.js';

/** temporal.api.enums.v1.WorkerDeploymentVersionStatus */
const STATUS = { current: 2, ramping: 3, draining: 4, drained: 5 } as const;

/** One version of the workers, as Temporal knows it. */
export interface WorkerVersion {
  readonly buildId: string;
  /** `new`: no rollout has begun with it yet. `draining`: new ones begin with another, and older ones may still run. */
  readonly state: 'new' | 'current' | 'draining';
  /** Rollouts that run on it; null where this server cannot count them. */
  readonly rollouts: number | null;
  /** Whether a worker of it takes work. */
  readonly polls: boolean;
}

/** Every version that workers had; empty where none of them has one. */
export async function workerVersions(session: Session, nowMs: number): Promise<readonly WorkerVersion[]> {
  const { client, place } = session;
  const known = await knownVersions(client.workflowService, place.namespace);
  const pollers = known.length === 0 ? [] : await recentPollers(session, 'workflow', nowMs);
  return Promise.all(
    known.map(async ({ buildId, status }) => ({
      buildId,
      state: stateOf(status),
      rollouts: await countRollouts(session, buildId),
      polls: pollers.some(({ deploymentOptions }) => deploymentOptions?.buildId === buildId),
    })),
  );
}

async function knownVersions(
  service: WorkflowService,
  namespace: string,
): Promise<readonly { readonly buildId: string; readonly status: number }[]> {
  try {
    const { workerDeploymentInfo } = await service.describeWorkerDeployment({
      namespace,
      deploymentName: WORKER_DEPLOYMENT,
    });
    return (workerDeploymentInfo?.versionSummaries ?? []).flatMap(({ deploymentVersion, status }) =>
      deploymentVersion?.buildId ? [{ buildId: deploymentVersion.buildId, status: status ?? 0 }] : [],
    );
  } catch (error) {
    // No worker has ever had a version, or the server is older than versions are.
    if (isGrpcServiceError(error) && (error.code === GRPC.notFound || error.code === GRPC.unimplemented))
      return [];
    throw error;
  }
}

/** What is drained is counted here: the server takes minutes to say so. */
function stateOf(status: number): WorkerVersion['state'] {
  if (status === STATUS.current || status === STATUS.ramping) return 'current';
  return status === STATUS.draining || status === STATUS.drained ? 'draining' : 'new';
}

async function countRollouts({ client, place }: Session, buildId: string): Promise<number | null> {
  const version = `${WORKER_DEPLOYMENT}:${buildId}`;
  try {
    const { count } = await client.workflowService.countWorkflowExecutions({
      namespace: place.namespace,
      query: `WorkflowType = "${ROLLOUT_WORKFLOW}" AND ExecutionStatus = "Running" AND TemporalWorkerDeploymentVersion = "${version}"`,
    });
    return Number(count);
  } catch (error) {
    if (isGrpcServiceError(error) && error.code === GRPC.invalidArgument) return null;
    throw error;
  }
}
