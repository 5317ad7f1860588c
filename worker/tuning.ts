import type { WorkerOptions } from '@temporalio/worker';

/** What one worker carries at once, and how fast a person's word reaches it. `bench/watchers` measures it. */
export const TUNING = {
  // Each rollout holds one slot for as long as it watches; the work itself is small.
  maxConcurrentActivityTaskExecutions: 4_000,
  // A watching rollout sleeps in its activity; one that is not kept is replayed from its short history when it is over.
  maxCachedWorkflows: 200,
  // Cancellation reaches an activity with its next heartbeat: a person who aborts waits no longer than this.
  maxHeartbeatThrottleInterval: '2s',
  defaultHeartbeatThrottleInterval: '2s',
  // Above the heartbeat interval, and below the 30 s after which platforms kill.
  shutdownGraceTime: '10s',
  shutdownForceTime: '25s',
} satisfies Partial<WorkerOptions>;
