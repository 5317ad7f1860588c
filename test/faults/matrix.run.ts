// The whole kill matrix, by `npm run faults`: hours. The ordinary tests run a sample of it, matrix.test.ts.
import { expect, it } from 'vitest';
import { runMatrix } from './matrix.js';
import { parseOptions } from './options.js';

const options = parseOptions(JSON.parse(process.env['GREENLIGHT_FAULTS'] ?? '[]') as string[]);

it('every cell of the kill matrix is right', async () => {
  const { text, wrong } = await runMatrix({
    ...options,
    say: (line) => process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`),
  });
  process.stdout.write(`${text}\n`);

  expect(wrong).toEqual([]);
});
