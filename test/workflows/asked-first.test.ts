import { expect, it } from 'vitest';

import { MemoryTarget } from '../support/memory-target.js';
import { bakeStep, CREATE, CUTOVER, DELETE_BASELINE, planOf } from '../support/plans.js';
import { useBench } from '../support/rollout-bench.js';

const bench = useBench({ workers: 2 });

// What is found for a workflow whose worker has died waits for that worker for three seconds; who is asked for its status
// meanwhile has all of it, and no task yet. So many, since one in four is led by the one worker and watched by the other.
const ROLLOUTS = 12;
const ASKED_EVERY_MS = 200;

it('a worker that is asked for the status before it gets its first task decides as every other one would', async () => {
  const steps = [CREATE, CUTOVER, bakeStep(2_000), DELETE_BASELINE];
  const rollouts = await Promise.all(
    Array.from({ length: ROLLOUTS }, (_, i) =>
      bench.start(planOf(`asked-first-${i}`, steps), new MemoryTarget()),
    ),
  );
  await Promise.all(rollouts.map((rollout) => rollout.until((s) => s.phase === 'baking')));
  await bench.killWorker();
  const asked: Promise<unknown>[] = [];
  const asking = setInterval(() => {
    asked.push(...rollouts.map((rollout) => rollout.status().catch(() => undefined)));
  }, ASKED_EVERY_MS);

  const reports = await Promise.all(rollouts.map((rollout) => rollout.promoted())).finally(() =>
    clearInterval(asking),
  );
  await Promise.all(asked);

  expect(new Set(reports.map(({ outcome }) => outcome))).toEqual(new Set(['promoted']));
  expect(await Promise.all(rollouts.map((rollout) => bench.replayed(rollout)))).toEqual(
    rollouts.map(() => null),
  );
});
