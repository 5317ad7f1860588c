import { mergeConfig } from 'vitest/config';

import base from '../../vitest.config.js';

/** `npm run faults`: the whole matrix alone, for as long as it takes. */
const config = mergeConfig(base, {});
config.test = { ...config.test, include: ['test/faults/matrix.run.ts'], testTimeout: 0 };

export default config;
