import { setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { followHistory, type Nth, type Seen } from './points.js';
import { killNow } from './world.js';

/** When to kill. */
export interface Moment {
  /** As soon as the history has so many events, or such an event. */
  readonly at: number | Nth;
  /** And then so long: a moment in the middle of an activity. */
  readonly afterMs?: number;
}

/** What the marksman is told. */
export type Order =
  /** Whose history to follow from its beginning, also before it has one; null = kill nothing. */
  | {
      readonly address: string;
      readonly namespace: string;
      readonly workflowId: string;
      readonly moment: Moment | null;
    }
  /** Processes that get SIGKILL at that moment. */
  | { readonly pids: readonly number[] }
  | 'follow no more';

/** What it tells. */
export type Told = Seen | { readonly killed: number; readonly atMs: number } | 'the history is over';

// A program of its own, before all others: whoever hears of a moment late kills at another one.
try {
  setPriority(-20);
} catch {
  // Only root may. Others hit later where the machine is busy, and the table says so.
}

let following = new AbortController();
let pids: readonly number[] = [];

const tell = (told: Told): void => void process.send?.(told);

async function follow({
  address,
  namespace,
  workflowId,
  moment,
}: Exclude<Order, string | { pids: unknown }>) {
  const { signal } = (following = new AbortController());
  const over = new AbortController();
  let shot: Promise<void> | undefined;
  const connection = await Connection.connect({ address });
  let alike = 0;
  let waiting = moment !== null;
  const reached = ({ at }: Moment, { id, what }: Seen): boolean =>
    typeof at === 'number' ? id >= at : what === at.what && ++alike === at.nth;
  const onEvent = (event: Seen): void => {
    if (waiting && moment !== null && reached(moment, event)) {
      waiting = false;
      if (moment.afterMs === undefined) shoot();
      else shot = sleep(moment.afterMs, undefined, { signal: over.signal }).then(shoot, () => undefined);
    }
    tell(event);
  };
  try {
    await followHistory(new Client({ connection, namespace }), { workflowId }, onEvent, signal);
  } finally {
    await connection.close();
  }
  // Whose moment did not come before the end: nobody would start again what is killed after it.
  over.abort();
  await shot;
  pids = [];
  tell('the history is over');
}

function shoot(): void {
  const atMs = Date.now();
  tell({ killed: pids.filter(killNow).length, atMs });
}

process.on('message', (order: Order) => {
  if (order === 'follow no more') following.abort();
  else if ('pids' in order) ({ pids } = order);
  else void follow(order);
});
process.on('disconnect', () => process.exit());
