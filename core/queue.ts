import type { ActionInput } from './messages.js';
import { endpointPath, type Plan, type Target } from './plan.js';

/** The workflow's public name. Renaming it orphans running queues. */
export const QUEUE_WORKFLOW = 'rolloutQueue';

export const QueueMessage = { enqueue: 'enqueue', withdraw: 'withdraw' } as const;

/** More plans than these have no business waiting on one endpoint, and would not fit into a workflow's state. */
export const MOST_WAITING = 10;
export const MOST_BYTES = 1_000_000;

/** One queue for one endpoint, beside its lock. */
export function queueId(target: Target, endpoint: string): string {
  return `queue/${endpointPath(target, endpoint)}`;
}

/** A plan that waits, with what its rollout is started with. */
export interface QueueEntry {
  readonly id: string;
  readonly plan: Plan;
  readonly by: string;
  /** Name of the spec file, for people. */
  readonly spec: string;
  /** For Temporal's UI. */
  readonly summary: string;
  readonly details: string;
  readonly sinceMs: number;
}

export interface EnqueueInput {
  readonly entry: QueueEntry;
  /** Before all others: it supersedes the rollout that holds the endpoint. */
  readonly first: boolean;
}

export interface WithdrawInput extends ActionInput {
  readonly id: string;
}

/** What became of an entry. */
export interface Fate {
  readonly id: string;
  readonly fate: 'started' | 'withdrawn' | 'dropped';
  /** Who withdrew it and why, or why it was not started; empty for one that was started. */
  readonly because: string;
  /** Of the rollout that was started. */
  readonly runId?: string;
  /** Who waited with what, of one that was dropped: nobody may have been there to be told. */
  readonly by?: string;
  readonly spec?: string;
}

/** All that a queue remembers: plain data, so that it survives continue-as-new. */
export interface QueueState {
  readonly waiting: readonly QueueEntry[];
  /** The newest last; as many as fit the memo. */
  readonly fates: readonly Fate[];
}

/** What stands in a queue's memo: it is read without a worker, and also when the queue is over. */
export interface QueueMemo extends Record<string, unknown> {
  readonly waiting: readonly Waiting[];
  readonly fates: readonly Fate[];
}

/** A waiting plan, for people. */
export interface Waiting {
  readonly id: string;
  readonly by: string;
  readonly spec: string;
  readonly green: string;
  readonly sinceMs: number;
}

export interface UntilFreeInput {
  /** Of the rollout that holds the endpoint. */
  readonly workflowId: string;
}

/** How the rollout that held an endpoint has left it. */
export interface Freed {
  /** Why nobody has proven in which state the endpoint is; null: it is as the rollout's outcome says. */
  readonly unproven: string | null;
  /** What its gates learned, for the next one. */
  readonly dispersion: Readonly<Record<string, number>>;
}

export interface QueueActivities {
  /**
   * Waits until no rollout runs under an id. Only reads.
   *
   * @returns null when it still runs after hours: to be asked again.
   */
  untilFree(input: UntilFreeInput): Promise<Freed | null>;
}

/** Whether an entry came before: a client that got no answer asks again. */
export function isKnown({ waiting, fates }: QueueMemo | QueueState, id: string): boolean {
  return [...waiting, ...fates].some((known) => known.id === id);
}

/** Why an entry cannot wait here; undefined when it can. */
export function whyNotQueued(state: QueueState, entry: QueueEntry): string | undefined {
  const { endpoint } = entry.plan;
  if (isKnown(state, entry.id)) return undefined;
  if (state.waiting.length >= MOST_WAITING) {
    return `${state.waiting.length} rollouts wait for ${endpoint} already, which is the most; withdraw one, or wait`;
  }
  const same = state.waiting.find(({ plan }) => plan.digest === entry.plan.digest);
  if (same !== undefined) {
    return `this very spec waits for ${endpoint} already, since ${same.by} submitted it`;
  }
  const bytes = [...state.waiting, entry].reduce((sum, waiting) => sum + JSON.stringify(waiting).length, 0);
  if (bytes > MOST_BYTES) {
    return `the plans that wait for ${endpoint} would have ${bytes} bytes together, and at most ${MOST_BYTES} can wait; wait until one has started`;
  }
  return undefined;
}

/** Why an entry cannot be taken back; undefined when it can. `starting`: the one that is on its way into a rollout. */
export function whyNotWithdrawn(
  { waiting }: QueueState,
  { id, by }: WithdrawInput,
  starting: string | null,
  endpoint: string,
): string | undefined {
  if (typeof by !== 'string' || by.trim() === '') return 'withdraw needs to know who acts; give "by"';
  if (id === starting) return 'it is being started; abort the rollout instead';
  if (waiting.some((entry) => entry.id === id)) return undefined;
  return `no rollout with the id ${id} waits for ${endpoint}`;
}

/** The state with an entry more, once; one that is being started stays before all others. */
export function enqueued(
  state: QueueState,
  { entry, first }: EnqueueInput,
  starting: string | null,
): QueueState {
  if (isKnown(state, entry.id)) return state;
  const at = !first ? state.waiting.length : state.waiting[0]?.id === starting && starting !== null ? 1 : 0;
  return { ...state, waiting: state.waiting.toSpliced(at, 0, entry) };
}

const FATES = 10;

/** 1 = next, also for one that is settled already. */
export function placeOf({ waiting }: QueueMemo | QueueState, id: string): number {
  return Math.max(1, waiting.findIndex((entry) => entry.id === id) + 1);
}

/** The state without an entry, and with what became of it. */
export function settled(state: QueueState, fate: Fate): QueueState {
  return {
    waiting: state.waiting.filter(({ id }) => id !== fate.id),
    fates: [...state.fates, fate].slice(-FATES),
  };
}

export function queueMemo({ waiting, fates }: QueueState): QueueMemo {
  return {
    waiting: waiting.map(({ id, by, spec, plan, sinceMs }) => ({
      id,
      by,
      spec,
      green: plan.deployment.name,
      sinceMs,
    })),
    fates,
  };
}
