import { defineConfig } from 'vitest/config';

import { BASE } from '../vitest.base.js';

/** `npm run test:k8s`: what needs a cluster, inside of the test bed. */
export default defineConfig({
  test: {
    ...BASE,
    include: ['test/k8s/**/*.test.ts'],
    testTimeout: 120_000,
    // What is concurrent waits, most of its time.
    maxConcurrency: 8,
  },
});
