import { defineConfig } from 'vitest/config';

import { BASE } from '../vitest.base.js';

/** `npm run record-histories`: the recorder alone. Some runs wait for a target that is busy. */
export default defineConfig({
  test: { ...BASE, include: ['test/replay/record.ts'], testTimeout: 180_000 },
});
