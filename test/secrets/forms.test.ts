import { expect, it } from 'vitest';
import { formsOf } from './forms.js';

const SECRET = 'planted/secret+of~some?length>';
const seen = (text: string): boolean => formsOf(SECRET).some((form) => text.includes(form));

it.each([
  ['as it is', `token=${SECRET};`],
  ['in an address', `https://host/?t=${encodeURIComponent(SECRET)}&u=1`],
  ...['', 'a', 'ab', 'abc', 'user:'].flatMap((before) =>
    ['', 'x', 'xy', 'xyz'].flatMap((after) => {
      const bytes = Buffer.from(`${before}${SECRET}${after}`);
      return [
        [`in base64 between "${before}" and "${after}"`, bytes.toString('base64')],
        [`in base64 for addresses between "${before}" and "${after}"`, bytes.toString('base64url')],
      ];
    }),
  ),
])('a secret is seen %s', (_where, text) => {
  expect(seen(text)).toBe(true);
});

it('and is not seen where only its like stands', () => {
  const other = SECRET.replace('some', 'any');

  expect(seen(`${other} ${encodeURIComponent(other)} ${Buffer.from(other).toString('base64')}`)).toBe(false);
});
