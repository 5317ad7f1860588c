import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // These need a cluster: `npm run test:k8s`.
    exclude: ['test/k8s/**'],
    globalSetup: ['test/global-setup.ts'],
    // Two cores, real servers, and Temporal's native module: one file at a time, each in its own process.
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 30_000,
    hookTimeout: 120_000,
  },
});
