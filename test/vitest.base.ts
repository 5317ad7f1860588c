/** What all runs of vitest have in common. Two cores and real servers: one file at a time, unless a run says otherwise. */
export const BASE = {
  globalSetup: 'test/global-setup.ts',
  // Temporal's native module wants a process of its own for each file.
  pool: 'forks',
  fileParallelism: false,
  // What only a hang exceeds: on a machine with ten times as much to do, what takes two seconds by itself has taken thirty.
  testTimeout: 120_000,
  hookTimeout: 120_000,
  // Less, so that what was waited for is told.
  expect: { poll: { timeout: 60_000 } },
} as const;
