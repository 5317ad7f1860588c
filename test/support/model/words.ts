import type { Rollout } from '../rollout-bench.js';

type History = Awaited<ReturnType<Rollout['handle']['fetchHistory']>>;

/** What a run took of what people said. */
interface Words {
  /** Before its rollback began, or where it had none. */
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/**
 * What a run took, as its history has it: by name, `cancel` for a cancellation.
 *
 * A status is no proof of when it was: a worker that is asked for it before it gets the next workflow task (the one that had
 * the run has died, say) has seen the events for that task already, and tells what it makes of them. In the task itself what
 * people said meanwhile comes before them: an abort that follows the status `rolling-back` may well be taken in time.
 */
export function wordsIn({ events }: History): Words {
  const before: string[] = [];
  const after: string[] = [];
  let words = before;
  for (const event of events ?? []) {
    const phase = phaseOf(event.upsertWorkflowSearchAttributesEventAttributes);
    if (phase === 'rolling-back' || phase === 'finished') words = after;
    if (event.workflowExecutionCancelRequestedEventAttributes) words.push('cancel');
    const name = event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.input?.name;
    if (name) words.push(name);
  }
  return { before, after };
}

type Upsert = NonNullable<History['events']>[number]['upsertWorkflowSearchAttributesEventAttributes'];

function phaseOf(upsert: Upsert): string | undefined {
  const data = upsert?.searchAttributes?.indexedFields?.['RolloutPhase']?.data;
  return data ? (JSON.parse(Buffer.from(data).toString()) as string) : undefined;
}
