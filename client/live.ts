import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import type { RolloutStatus } from '../core/messages.js';
import type { WatchBeat } from '../core/watch.js';
import { decodePayloads } from './payloads.js';

/**
 * The newest look of the watch under way: it stands in the pending activity's heartbeat, seconds before the workflow
 * hears of it (history grows with windows, not with looks).
 *
 * @returns undefined when nothing is being watched, or its first look is still to come.
 */
export async function newestBeat(
  client: Client,
  description: WorkflowExecutionDescription,
): Promise<WatchBeat | undefined> {
  const watch = description.raw.pendingActivities?.find(
    (activity) => activity.activityType?.name === 'watch',
  );
  const payloads = watch?.heartbeatDetails?.payloads;
  const [beat] = await decodePayloads<[Partial<WatchBeat> | undefined]>(client, payloads);
  return beat?.v === 1 ? (beat as WatchBeat) : undefined;
}

/** A status with the newest look in it. Where the run stands still or rolls back, its own words weigh more. */
export function withBeat(status: RolloutStatus, beat: WatchBeat | undefined): RolloutStatus {
  if (beat === undefined || status.outcome !== null || status.phase === 'rolling-back') return status;
  if (beat.memory.stepIndex !== status.stepIndex) return status;
  return { ...status, verdict: beat.sentence, evidence: beat.evidence };
}
