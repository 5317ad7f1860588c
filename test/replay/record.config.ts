import { defineConfig } from 'vitest/config';

import { BASE } from '../vitest.base.js';

/** `npm run record-histories`: the recorder alone. */
export default defineConfig({
  test: { ...BASE, include: ['test/replay/record.ts'] },
});
