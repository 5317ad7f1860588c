import type { WorkflowInterceptors } from '@temporalio/workflow';

type Internals = NonNullable<WorkflowInterceptors['internals']>[number];
type Activation = Parameters<NonNullable<Internals['activate']>>[0]['activation'];
type Commands = Parameters<NonNullable<Internals['concludeActivation']>>[0]['commands'];

/** Where in its history a workflow was moved on. */
interface Move {
  readonly isLive: boolean;
  /** How many events it had. */
  readonly at: number;
  /** Which workflow task it is of: when that began, and the size of its history then. */
  readonly task: string;
  /** Whether it was moved without a workflow task of its own. */
  readonly isAhead: boolean;
  /** Events that its commands write for sure. */
  events: number;
}

/** A workflow task ends, and the next one is scheduled and begins. */
const BETWEEN_TASKS = 3;

/**
 * Takes back what a question has moved. A worker that does not have a workflow in memory reads its history for a status, and
 * moves it on past its last workflow task, by what has come since, or by a task that a dead worker holds. Temporal keeps it
 * like that; what comes with the next task is taken after it, and not together with it, as every replay does. A person's word
 * that met it left a history that does not replay: the rollout stood still from the next worker on. Such a task fails here,
 * the worker forgets the workflow, and Temporal gives the task out again: at once, or, where a dead worker had held it, when
 * its time is over (`DECISION_WITHIN_MS`), since the SDK tells Temporal of a first failure only.
 */
export function interceptors(): WorkflowInterceptors {
  let last: Move | null = null;
  let before: Move | null = null;
  return {
    internals: [
      {
        activate(input, next) {
          const { activation } = input;
          if (movesOn(activation)) {
            const move = moveOf(last, activation);
            // What is replayed is never refused: who begins anew gets through.
            if (last?.isLive === true && move.isLive && skipsTask(last, move)) {
              throw new Error('a question has moved this rollout ahead of its history: it is replayed');
            }
            before = last;
            last = move;
          }
          next(input);
        },
        concludeActivation(input, next) {
          const concluded = next(input);
          // Temporal leaves a task out of the history that did nothing but refuse.
          if (isRefusal(concluded.commands)) last = before;
          else if (last !== null) last.events += eventsOf(concluded.commands);
          return concluded;
        },
      },
    ],
  };
}

function movesOn({ jobs }: Activation): boolean {
  return jobs?.some(({ queryWorkflow, removeFromCache }) => !queryWorkflow && !removeFromCache) === true;
}

function moveOf(last: Move | null, activation: Activation): Move {
  const { isReplaying, timestamp, historySizeBytes } = activation;
  // eslint-disable-next-line no-restricted-syntax -- it decides nothing that a replay repeats
  const at = activation.historyLength ?? 0;
  // The size, too: a workflow's clock stands still for as long as the server's was set back.
  const task = `${timestamp?.seconds?.toString()} ${timestamp?.nanos} ${historySizeBytes?.toString()}`;
  const isNext = last !== null && at > last.at;
  return {
    isLive: isReplaying !== true,
    at,
    task,
    isAhead: last !== null && (isNext ? task === last.task : last.isAhead),
    // More than once in one task: what it writes adds up.
    events: last === null || isNext ? 0 : last.events,
  };
}

/** Whether the task that `last` belongs to was never completed: its events are missing. */
function skipsTask(last: Move, { at }: Move): boolean {
  if (at <= last.at) return false;
  return last.isAhead || at < last.at + BETWEEN_TASKS + last.events;
}

function isRefusal(commands: Commands): boolean {
  return commands.length > 0 && commands.every(({ updateResponse }) => updateResponse?.rejected);
}

/** Those that write an event whatever comes. */
const WRITE = [
  'upsertWorkflowSearchAttributes',
  'modifyWorkflowProperties',
  'startChildWorkflowExecution',
] as const;

/** What is asked for and cancelled at once writes none. */
function eventsOf(commands: Commands): number {
  const asked = new Set(commands.map(({ scheduleActivity }) => scheduleActivity?.seq));
  const cancelled = new Set(commands.map(({ requestCancelActivity }) => requestCancelActivity?.seq));
  return commands.filter((command) => {
    const { scheduleActivity, requestCancelActivity } = command;
    return (
      WRITE.some((kind) => command[kind]) ||
      (scheduleActivity && !cancelled.has(scheduleActivity.seq)) ||
      (requestCancelActivity && !asked.has(requestCancelActivity.seq))
    );
  }).length;
}
