import { TASK_QUEUE } from '../core/names.js';
import type { Session, TemporalPlace } from './temporal.js';

/** temporal.api.enums.v1.TaskQueueType */
const QUEUE_TYPE = { workflow: 1, activity: 2 } as const;

/** A worker asks for work anew at least once a minute; Temporal remembers one that is gone for longer than that. */
const SEEN_WITHIN_MS = 75_000;

/** Who polls the task queue for both kinds of work; empty when no worker runs. */
export async function pollingWorkers(session: Session, nowMs: number): Promise<readonly string[]> {
  const [workflows, activities] = await Promise.all(
    (['workflow', 'activity'] as const).map(async (kind) =>
      (await recentPollers(session, kind, nowMs)).map(({ identity }) => identity ?? 'unnamed'),
    ),
  );
  return (workflows ?? []).filter((identity) => activities?.includes(identity));
}

/** Whoever has asked for such work lately, of all versions. */
export async function recentPollers(
  { client, place }: Session,
  kind: keyof typeof QUEUE_TYPE,
  nowMs: number,
) {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace: place.namespace,
    taskQueue: { name: TASK_QUEUE },
    taskQueueType: QUEUE_TYPE[kind],
  });
  return (pollers ?? []).filter(
    ({ lastAccessTime }) => nowMs - Number(lastAccessTime?.seconds ?? 0) * 1_000 < SEEN_WITHIN_MS,
  );
}

/** One line that says what is missing, and one that says what to do about it. */
export function noWorkerText({ place }: Session): string {
  return (
    `No worker polls the task queue "${TASK_QUEUE}" of namespace "${place.namespace}" on Temporal at ${place.address}, so nothing would be done.\n` +
    startWorkerText(place)
  );
}

/** A worker of this machine takes what others submit, too, with this machine's credentials: no advice for a server that is shared. */
function startWorkerText({ source }: TemporalPlace): string {
  return source === 'stack'
    ? 'Run `greenlight up`, which starts one on this machine, or start a worker against that server and namespace.'
    : 'Start the workers of that server and namespace where they belong, with their own credentials (docs/operations.md, "Workers"). ' +
        "`greenlight up` would let this machine act on everybody's endpoints.";
}
