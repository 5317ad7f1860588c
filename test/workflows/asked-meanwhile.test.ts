import { WorkflowUpdateFailedError } from '@temporalio/client';
import { expect, it } from 'vitest';

import { MemoryTarget } from '../support/memory-target.js';
import { by, CREATE, LONG, planOf } from '../support/plans.js';
import { useBench } from '../support/rollout-bench.js';

const bench = useBench();

it('who asks for the status while a worker dies, and acts on it at once, leaves a history that replays', async () => {
  const target = new MemoryTarget();
  const rollout = await bench.start(planOf('asked-meanwhile', [CREATE, LONG]), target);
  await rollout.until((s) => s.phase === 'ramping' && target.looks > 1);

  await bench.killWorker();
  target.changeTraffic({ live: { blue: 100 }, mirror: {} });
  // Many ask at once, and whoever sees the hold answers. Asked before what it saw is decided, it may be told to wait.
  let restored: string | null = null;
  const restore = (): Promise<string | null> =>
    rollout.send('resolveDrift', { ...by, choice: 'restore' }).catch((error: unknown) => {
      if (error instanceof WorkflowUpdateFailedError) return null;
      throw error;
    });
  const ask = async (): Promise<void> => {
    while (restored === null) {
      // Some are lost with the worker that dies.
      const status = await rollout.status().catch(() => null);
      if (status?.phase === 'held') restored ??= await restore();
    }
  };
  await Promise.race(Array.from({ length: 20 }, ask));
  await rollout.until((s) => s.phase === 'ramping');
  await rollout.send('abort', by);
  await rollout.failure();

  expect(await bench.replayed(rollout)).toBeNull();
});
