import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Kill, runCell } from '../faults/cell.js';
import type { SpecName } from '../faults/specs.js';
import { startWorld, type World } from '../faults/world.js';

// A sample of the kill matrix on this target. The whole of it: `npm run faults -- --target kubernetes`.
vi.setConfig({ testTimeout: 300_000 });

const nth = (what: string, n: number) => ({ what, nth: n });
const WRITES = 'ActivityTaskScheduled setTraffic';

const SAMPLE: readonly (readonly [string, SpecName, Kill])[] = [
  ['a worker while it rolls back', 'abort', { victim: 'worker', at: nth(WRITES, 2) }],
  [
    'Envoy Gateway as the baseline is taken out',
    'promote',
    { victim: 'envoy-gateway', at: nth('ActivityTaskScheduled deleteDeployment', 1) },
  ],
];

let world: World;

beforeAll(async () => {
  world = await startWorld('kubernetes');
});

afterAll(async () => {
  await world.stop();
});

it.each(SAMPLE)('killing %s (%s) loses nothing', async (_, spec, kill) => {
  const { problems, hitAt } = await runCell(world, spec, kill);

  expect(problems).toEqual([]);
  expect(hitAt).not.toBeNull();
});
