import { mergeConfig } from 'vitest/config';

import base from '../../vitest.config.js';

/** `npm run test:k8s`: what needs a cluster, inside of the test bed. */
const config = mergeConfig(base, {});
config.test = {
  ...config.test,
  include: ['test/k8s/**/*.test.ts'],
  exclude: [],
  testTimeout: 120_000,
  // What is concurrent waits, most of its time.
  maxConcurrency: 8,
};

export default config;
