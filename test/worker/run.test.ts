import { expect, it } from 'vitest';
import { runWorker, shutDown } from '../../worker/run.js';

/** A worker with one task; tells what happens to it. */
class FakeWorker {
  readonly told: string[] = [];
  #state: 'INITIALIZED' | 'RUNNING' | 'DRAINING' | 'STOPPED' = 'INITIALIZED';
  #finish: () => void = () => undefined;

  getState = () => this.#state;

  async run(): Promise<void> {
    this.#state = 'RUNNING';
    await new Promise<void>((resolve) => (this.#finish = resolve));
    this.told.push('task finished');
    this.#state = 'STOPPED';
  }

  shutdown(): void {
    this.told.push('shutdown');
    this.#state = 'DRAINING';
    setImmediate(this.#finish);
  }
}

it('a worker finishes its tasks before it tells what went wrong beside it', async () => {
  const worker = new FakeWorker();
  const refusal = new Error('permission denied');

  await expect(runWorker(worker, () => Promise.reject(refusal))).rejects.toBe(refusal);

  expect(worker.told).toEqual(['shutdown', 'task finished']);
});

it('a worker runs until it is shut down, also when what is done beside it has not ended', async () => {
  const worker = new FakeWorker();
  const running = runWorker(worker, () => new Promise(() => undefined));

  shutDown(worker);
  shutDown(worker);
  await running;

  expect(worker.told).toEqual(['shutdown', 'task finished']);
});
