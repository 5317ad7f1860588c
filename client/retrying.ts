import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import type { RolloutActivities } from '../core/activities.js';
import type { Retrying } from '../core/messages.js';
import { oneLine } from '../core/one-line.js';
import { instantText } from '../core/units.js';
import { decodePayloads } from './payloads.js';
import { msOf } from './proto-time.js';

type PendingActivity = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number];
type Failure = NonNullable<PendingActivity['lastFailure']>;

/** An attempt that lasts longer does what it is for: one that is refused, or waits for what is never shown, ends sooner. */
const REFUSED_WITHIN_MS = 120_000;

/** What activities do, in words for people; `notify` asks no target for anything. */
const WORDS: Readonly<Record<Exclude<keyof RolloutActivities, 'notify'>, string>> = {
  preflight: 'preflight',
  createDeployment: 'create the deployment',
  smoke: 'send smoke requests',
  setTraffic: 'set the traffic',
  readAutoscale: 'read the autoscaler',
  setMinimum: 'set the fewest instances',
  watch: 'watch the endpoint',
  scaleDeployment: 'give instances back',
  deleteDeployment: 'delete the deployment',
};

/**
 * What is being asked for again. The workflow does not know it: Temporal repeats what fails, and keeps what the last attempt
 * failed of. Attempts that were lost with their worker are no answer of a target.
 */
export async function retryingOf(
  client: Client,
  { raw }: WorkflowExecutionDescription,
  nowMs: number,
): Promise<Retrying | null> {
  const refused = raw.pendingActivities?.find((pending) => isRefused(pending, nowMs));
  if (refused === undefined) return null;
  const { activityType, attempt, lastFailure, expirationTime, activityOptions } = refused;
  const lastsMs = msOf(activityOptions?.scheduleToCloseTimeout);
  const endsMs = msOf(expirationTime);
  return {
    activity: activityType?.name ?? '',
    attempt: attempt ?? 1,
    sinceMs: endsMs > 0 && lastsMs > 0 ? endsMs - lastsMs : null,
    because: oneLine(await wordsOf(client, lastFailure ?? {})),
  };
}

function isRefused({ activityType, lastFailure, lastStartedTime }: PendingActivity, nowMs: number): boolean {
  if (!Object.hasOwn(WORDS, activityType?.name ?? '')) return false;
  if (!lastFailure || answerIn(lastFailure).applicationFailureInfo == null) return false;
  return !lastStartedTime || nowMs - msOf(lastStartedTime) < REFUSED_WITHIN_MS;
}

/** The message of a failure whose own is a payload. */
const ENCODED = 'Encoded failure';
const NOT_KEPT = "too long for Temporal to keep under codec keys; the worker's log has it";

/** Temporal keeps the beginning of a long failure, without its payloads, as the cause of one of its own. */
function answerIn(failure: Failure): Failure {
  return failure.serverFailureInfo && failure.cause ? failure.cause : failure;
}

async function wordsOf(client: Client, failure: Failure): Promise<string> {
  const { message, encodedAttributes } = answerIn(failure);
  if (!encodedAttributes) return message === ENCODED ? NOT_KEPT : (message ?? '');
  const [attributes] = await decodePayloads<[{ readonly message?: string }]>(client, [encodedAttributes]);
  return attributes?.message ?? '';
}

/** `set the traffic, attempt 14 since 2026-11-21 14:02:07 UTC; the last answer: …`. */
export function retryingText({ activity, attempt, sinceMs, because }: Retrying): string {
  const what = Object.hasOwn(WORDS, activity) ? WORDS[activity as keyof typeof WORDS] : activity;
  const since = sinceMs === null ? '' : ` since ${instantText(sinceMs)}`;
  return `${what}, attempt ${attempt}${since}; the last answer: ${because}`;
}
