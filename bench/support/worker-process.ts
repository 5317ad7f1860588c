import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export const ROLLOUT_QUEUE = 'bench-rollouts';
export const BARE_QUEUE = 'bench-bare';

/** `reset` answers like `stats`, and begins to count anew. */
export type Question = 'reset' | 'stats' | 'stop';

interface WorkerStats {
  /** How late looks came since the last reset, milliseconds, ascending. */
  readonly looks: readonly number[];
  readonly rssBytes: number;
  /** User and system time since the process began. */
  readonly cpuMicros: number;
}

export interface BenchWorker {
  readonly pid: number;
  ask(question: 'reset' | 'stats'): Promise<WorkerStats>;
  stop(): Promise<void>;
}

/** Starts a worker in a process of its own, so that its memory and time are its own; with `bare`, one of bare workflows too. */
export async function startBenchWorker(
  address: string,
  { bare }: { readonly bare: boolean },
): Promise<BenchWorker> {
  const program = fileURLToPath(new URL('./worker.js', import.meta.url));
  const child = fork(program, ['--address', address, ...(bare ? ['--bare'] : [])], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  const first = await Promise.race([once(child, 'message'), exited.then(() => undefined)]);
  if (first === undefined) throw new Error('the worker of the bench did not start; see above');
  return {
    pid: child.pid ?? 0,
    async ask(question) {
      const answer = once(child, 'message');
      child.send(question);
      const [stats] = (await answer) as [WorkerStats];
      return stats;
    },
    async stop() {
      child.send('stop' satisfies Question);
      const late = setTimeout(() => child.kill('SIGKILL'), 30_000);
      await exited;
      clearTimeout(late);
    },
  };
}
