import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';

import type { RolloutActivities } from '../core/activities.js';
import type { QueueActivities } from '../core/queue.js';
import { FailureType } from '../core/failures.js';

/** How long a window of watching lasts at the most: a crash costs little, and history grows with windows only. */
export const WINDOW_MS = 20 * 60_000;

/** The longest outage of the target that a step sits out. */
export const WRITE_WITHIN_MS = 30 * 60_000;

/** A dead worker is noticed after this, and another goes on. */
const HEARTBEAT = '10s';
/** Sooner: a look changes nothing, so one that is taken over by mistake does no harm, and a breach must not wait. */
const LOOK_HEARTBEAT = '6s';

const RETRY = { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s' } as const;

/**
 * What was begun is waited for when it is cancelled: a rollback must not race with the write that it takes back, and a look
 * brings its evidence along. To be said: left out, the SDK goes on at once, whatever its comment says.
 */
const AWAITED = { cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED } as const;

/** The heartbeat makes the wait for a cancelled one short. */
const WORK = { ...AWAITED, heartbeatTimeout: HEARTBEAT, retry: RETRY } as const;

export const { preflight } = proxyActivities<Pick<RolloutActivities, 'preflight'>>({
  startToCloseTimeout: '60s',
  scheduleToCloseTimeout: '90s', // nothing is changed yet: better to refuse than to wait for long
  heartbeatTimeout: HEARTBEAT,
  retry: { ...RETRY, maximumInterval: '10s' },
});

export const { smoke } = proxyActivities<Pick<RolloutActivities, 'smoke'>>({
  startToCloseTimeout: '10m',
  scheduleToCloseTimeout: '15m',
  ...WORK,
});

export const { setTraffic, readAutoscale, setMinimum } = proxyActivities<
  Pick<RolloutActivities, 'setTraffic' | 'readAutoscale' | 'setMinimum'>
>({
  startToCloseTimeout: '5m', // the write, its operation, and reading it back
  scheduleToCloseTimeout: WRITE_WITHIN_MS,
  ...WORK,
});

export const { createDeployment, deleteDeployment, scaleDeployment } = proxyActivities<
  Pick<RolloutActivities, 'createDeployment' | 'deleteDeployment' | 'scaleDeployment'>
>({
  startToCloseTimeout: '4h', // GPU quota and image builds take their time; the activity has the step's own deadline
  scheduleToCloseTimeout: '6h',
  ...WORK,
});

// Retried without end: metrics and targets may be away for as long as they like, the gates only know less meanwhile.
export const { watch } = proxyActivities<Pick<RolloutActivities, 'watch'>>({
  startToCloseTimeout: WINDOW_MS + 120_000,
  heartbeatTimeout: LOOK_HEARTBEAT,
  ...AWAITED,
  retry: { ...RETRY, maximumInterval: '5s', nonRetryableErrorTypes: [FailureType.PortPermanent] },
});

// Retried without end: a queue waits for as long as it takes.
export const { untilFree } = proxyActivities<QueueActivities>({
  startToCloseTimeout: '7h', // a bit more than it waits by itself
  heartbeatTimeout: HEARTBEAT,
  retry: RETRY,
});
