import { mergeConfig } from 'vitest/config';

import base from '../../vitest.config.js';

/** `npm run record-histories`: the recorder alone. */
const config = mergeConfig(base, {});
config.test = { ...config.test, include: ['test/replay/record.ts'] };

export default config;
