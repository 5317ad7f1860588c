/** What all runs of vitest have in common. Two cores and real servers: one file at a time, unless a run says otherwise. */
export const BASE = {
  globalSetup: 'test/global-setup.ts',
  // Temporal's native module wants a process of its own for each file.
  pool: 'forks',
  fileParallelism: false,
  testTimeout: 30_000,
  hookTimeout: 120_000,
  // A busy machine takes longer than the second that is vitest's own.
  expect: { poll: { timeout: 20_000 } },
} as const;
