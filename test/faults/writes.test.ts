import { expect, it } from 'vitest';
import type { Seen } from './points.js';
import { asked } from './writes.js';

const SPLIT = { live: { blue: 75, green: 25 }, mirror: {} };
const BLUE = { live: { blue: 100 }, mirror: {} };
const HISTORY: readonly Seen[] = [
  { id: 1, what: 'ActivityTaskScheduled setTraffic', atMs: 1_000, to: SPLIT },
  { id: 2, what: 'ActivityTaskCompleted setTraffic', atMs: 2_000 },
  { id: 3, what: 'ActivityTaskScheduled watch', atMs: 2_010 },
  { id: 4, what: 'ActivityTaskScheduled setTraffic', atMs: 5_000, to: BLUE },
  { id: 5, what: 'ActivityTaskCompleted setTraffic', atMs: 9_000 },
];

it.each([
  ['when nothing was killed', null, null, [SPLIT, BLUE]],
  ['when something was killed between them', 'worker', 3_000, [SPLIT, BLUE]],
  ['and twice what was under way at the kill', 'host', 1_500, [SPLIT, SPLIT, BLUE]],
  ['and twice the rollback that was under way at the kill', 'temporal', 8_000, [SPLIT, BLUE, BLUE]],
  ['and once where no write goes through what was killed', 'envoy', 8_000, [SPLIT, BLUE]],
] as const)('each traffic that was asked for counts, seen or not, %s', (_, victim, killedAtMs, writes) => {
  expect(asked({ events: HISTORY, victim, killedAtMs })).toEqual(writes);
});
