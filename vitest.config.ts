import { defineConfig } from 'vitest/config';

import { BASE } from './test/vitest.base.js';

/** Real model servers under load, judged by time or by "no client error": a neighbour would be measured, too. */
const ALONE = [
  'test/docs/commands.test.ts',
  'test/e2e/**/*.test.ts',
  'test/embedded/**/*.test.ts',
  'test/faults/**/*.test.ts',
  'test/host/azure-ai-ml/**/*.test.ts',
  'test/host/live/**/*.test.ts',
  'test/secrets/**/*.test.ts',
  'test/ui/**/*.test.ts',
];

const { globalSetup, ...base } = BASE;

export default defineConfig({
  test: {
    // Once for all: the projects get what it provides.
    globalSetup,
    projects: [
      {
        test: {
          ...base,
          name: 'side by side',
          include: ['test/**/*.test.ts'],
          // What is in test/k8s needs a cluster: `npm run test:k8s`.
          exclude: [...ALONE, 'test/k8s/**'],
          // Most of them wait: for Temporal, for looks, for windows.
          fileParallelism: true,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      // Whole processes start and stop here, one after the other: half a minute each on a busy machine.
      { test: { ...base, name: 'alone', include: ALONE, testTimeout: 180_000, sequence: { groupOrder: 1 } } },
    ],
  },
});
