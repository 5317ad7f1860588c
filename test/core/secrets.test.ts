import { describe, expect, it } from 'vitest';
import { withoutSecrets } from '../../core/secrets.js';

const VALUES: Readonly<Record<string, string>> = {
  plain: 'hunter2-and-more',
  part: 'hunter2',
  key: '-----BEGIN KEY-----\n"abc"\n-----END KEY-----\n',
  stop: 'a sentence.',
  password: 'p@ss/word',
  empty: '',
};

function hidden(text: string): Promise<string> {
  const names = [...Object.keys(VALUES), 'lost'];
  const environmentVariables = Object.fromEntries(names.map((name) => [name, `\${secret:${name}}`]));
  const lookUp = (name: string): Promise<string> => {
    const value = VALUES[name];
    return value === undefined ? Promise.reject(new Error('gone')) : Promise.resolve(value);
  };
  return withoutSecrets(text, { environmentVariables }, lookUp);
}

describe('withoutSecrets hides a secret', () => {
  it.each([
    ['as it is, the longer one of two', 'a hunter2-and-more b hunter2', 'a ${secret:plain} b ${secret:part}'],
    ['on one line', 'a -----BEGIN KEY----- "abc" -----END KEY----- b', 'a ${secret:key} b'],
    ['in JSON', JSON.stringify({ key: VALUES['key'] }), '{"key":"${secret:key}"}'],
    ['at an end that lost its stop', 'a sentence', '${secret:stop}'],
    ['in an address', 'postgres://app:p%40ss%2Fword@db', 'postgres://app:${secret:password}@db'],
    ['that was cut', 'a -----BEGIN K...; ask again', 'a ${secret:key}...; ask again'],
    ['and no word that begins like it', 'a hunt... at hun', 'a ${secret:plain}... at hun'],
  ])('%s', async (_, text, shown) => {
    expect(await hidden(text)).toBe(shown);
  });
});
