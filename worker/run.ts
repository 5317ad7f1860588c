import type { Worker } from '@temporalio/worker';

type Runs = Pick<Worker, 'run' | 'shutdown' | 'getState'>;

/**
 * Runs a worker until it is shut down.
 *
 * @param beside - done while it runs; not awaited before the tasks.
 * @throws what went wrong beside it, once the worker has shut down for it and finished the tasks that it had.
 */
export async function runWorker(worker: Runs, beside: () => Promise<void>): Promise<void> {
  const running = worker.run();
  try {
    await Promise.race([beside(), running]);
  } catch (error) {
    shutDown(worker);
    await running;
    throw error;
  }
  await running;
}

/** Lets it finish the tasks that it has; nothing when it does so already. */
export function shutDown(worker: Runs): void {
  if (worker.getState() === 'RUNNING') worker.shutdown();
}
