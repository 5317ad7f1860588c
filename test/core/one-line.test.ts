import { expect, it } from 'vitest';
import { oneLine } from '../../core/one-line.js';

it('keeps foreign texts to one line of at most 600 characters', () => {
  expect(oneLine(` a\n\tb. `)).toBe('a b');
  expect(oneLine('x'.repeat(700))).toHaveLength(600);
});
