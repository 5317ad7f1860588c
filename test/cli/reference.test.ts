import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { cliReference } from '../../cli/reference.js';

it('docs/cli.md is current (npm run build && npm run schema)', async () => {
  expect(await readFile('docs/cli.md', 'utf8')).toBe(cliReference());
});
