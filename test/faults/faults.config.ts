import { defineConfig } from 'vitest/config';

import { BASE } from '../vitest.base.js';

/** `npm run faults`: the whole matrix alone, for as long as it takes. */
export default defineConfig({
  test: { ...BASE, include: ['test/faults/matrix.run.ts'], testTimeout: 0 },
});
