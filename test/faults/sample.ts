import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { runCell } from './cell.js';
import type { Kill } from './killer.js';
import type { SpecName } from './specs.js';
import { startWorld, type World } from './world.js';

/** The nth event of that kind in a rollout's history. */
export const nth = (what: string, n: number) => ({ what, nth: n });
export const WRITES = 'ActivityTaskScheduled setTraffic';

export type SampleCell = readonly [title: string, spec: SpecName, kill: Kill | null];

/** Registers a test for each of these cells of the kill matrix on one world. */
export function testSample(target: Parameters<typeof startWorld>[0], cells: readonly SampleCell[]): void {
  vi.setConfig({ testTimeout: 300_000 });
  let world: World;

  beforeAll(async () => {
    world = await startWorld(target);
  });

  afterAll(async () => {
    await world.stop();
  });

  it.each(cells)('killing %s (%s) loses nothing', async (_, spec, kill) => {
    const { problems, hitAt } = await runCell(world, spec, kill);

    expect(problems).toEqual([]);
    expect(hitAt === null).toBe(kill === null);
  });
}
