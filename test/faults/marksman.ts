import { setPriority } from 'node:os';
import { Client, Connection } from '@temporalio/client';
import { followHistory, type Seen } from './points.js';
import { type Moment, Shot } from './shot.js';
import { killNow } from './world.js';

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
  const connection = await Connection.connect({ address });
  const shot = moment === null ? null : new Shot(moment, shoot);
  const onEvent = (event: Seen): void => {
    shot?.see(event);
    tell(event);
  };
  try {
    await followHistory(new Client({ connection, namespace }), { workflowId }, onEvent, signal);
  } finally {
    await connection.close();
  }
  await shot?.end();
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
