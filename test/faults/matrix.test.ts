import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Kill, runCell } from './cell.js';
import type { SpecName } from './specs.js';
import { startWorld, type World } from './world.js';

// A sample of the kill matrix: each part once, each spec at least once. The whole of it: `npm run faults`.
vi.setConfig({ testTimeout: 300_000 });

const nth = (what: string, n: number) => ({ what, nth: n });
const WRITES = 'ActivityTaskScheduled setTraffic';

const SAMPLE: readonly (readonly [string, SpecName, Kill])[] = [
  ['a worker while it rolls back', 'roll-back', { victim: 'worker', at: nth(WRITES, 2) }],
  ['Temporal as a person aborts', 'abort', { victim: 'temporal', at: nth(WRITES, 2) }],
  ['the host while shares are written', 'promote', { victim: 'host', at: nth(WRITES, 3) }],
  ['Envoy at the cutover', 'roll-back-in-bake', { victim: 'envoy', at: nth(WRITES, 2) }],
  ['green as it gets its first share', 'abort', { victim: 'green', at: nth(WRITES, 1) }],
  ['blue while green is watched', 'abort', { victim: 'blue', at: nth('ActivityTaskScheduled watch', 1) }],
];

let world: World;

beforeAll(async () => {
  world = await startWorld('host');
});

afterAll(async () => {
  await world.stop();
});

it.each(SAMPLE)('killing %s (%s) loses nothing', async (_, spec, kill) => {
  const { problems, hitAt } = await runCell(world, spec, kill);

  expect(problems).toEqual([]);
  expect(hitAt).not.toBeNull();
});
