import type { WorkerOptions } from '@temporalio/worker';

/** What one worker carries at once, and how fast a person's word reaches it. `bench/watchers` measures it. */
export const TUNING = {
  // Each rollout holds one slot for as long as it watches; the work itself is small.
  maxConcurrentActivityTaskExecutions: 4_000,
  // A watching rollout sleeps in its activity; one that is not kept is replayed from its short history when it is over.
  maxCachedWorkflows: 200,
  // A decision is told to the worker that has the rollout in memory; where that one died, any other takes it after so long
  // and not after the default of 10 s, which would come on top of the heartbeat time. A living worker that is busy for
  // longer loses no more than its place in memory: the rollout's short history is replayed.
  stickyQueueScheduleToStartTimeout: '3s',
  // Cancellation reaches an activity with its next heartbeat: a person who pauses waits no longer than this. Half of the
  // shortest heartbeat timeout; each costs Temporal a write of the whole rollout, about 2 ms.
  maxHeartbeatThrottleInterval: '3s',
  defaultHeartbeatThrottleInterval: '3s',
  // Above the heartbeat interval, and below the 30 s after which platforms kill.
  shutdownGraceTime: '10s',
  shutdownForceTime: '25s',
} satisfies Partial<WorkerOptions>;
