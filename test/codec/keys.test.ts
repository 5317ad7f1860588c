import { describe, expect, it } from 'vitest';
import { keySource, parseKeys } from '../../codec/keys.js';

const KEY = Buffer.alloc(32, 7).toString('base64');

describe('codec keys', () => {
  it('stand one a line, with comments, or parted by commas; the first one encrypts', () => {
    expect(
      parseKeys(`# since May\nk2:${KEY}\n\nk1: ${KEY} # until May\n`, 'keys').map(({ id }) => id),
    ).toEqual(['k2', 'k1']);
    expect(parseKeys(`k2:${KEY},k1:${KEY}`, 'keys').map(({ bytes }) => bytes.length)).toEqual([32, 32]);
  });

  it.each`
    text                      | says
    ${''}                     | ${/There is no codec key in keys; make one with: echo "ID:\$\(openssl rand -base64 32\)"/}
    ${KEY}                    | ${/Codec key 1 of keys, line 1, has no id/}
    ${'k1:c2hvcnQ='}          | ${/with the id "k1", has 5 bytes; wanted: 32 random bytes/}
    ${`\nk1:${KEY}!`}         | ${/line 2, with the id "k1", is not base64/}
    ${`k1:${KEY}\nk1:${KEY}`} | ${/Codec key 2 of keys, line 2, has the id "k1", which stands there already/}
  `('are refused with the line and what to do: $says', ({ text, says }: { text: string; says: RegExp }) => {
    expect(() => parseKeys(text, 'keys')).toThrow(says);
    try {
      parseKeys(text, 'keys');
    } catch (error) {
      expect(String(error)).not.toContain(KEY);
    }
  });

  it('come from a file or from a variable, and not from both', () => {
    const both = { GREENLIGHT_CODEC_KEYS: `k:${KEY}`, GREENLIGHT_CODEC_KEYS_FILE: '/run/keys' };

    expect(() => keySource(both)).toThrow(
      'Both GREENLIGHT_CODEC_KEYS_FILE and GREENLIGHT_CODEC_KEYS are set',
    );
    expect(keySource({})).toBeUndefined();
  });

  it('are looked for by an absolute path, and a file that cannot be read is named', async () => {
    expect(() => keySource({ GREENLIGHT_CODEC_KEYS_FILE: 'keys' })).toThrow('wanted: an absolute path');
    await expect(keySource({ GREENLIGHT_CODEC_KEYS_FILE: '/nowhere/keys' })?.read()).rejects.toThrow(
      /The codec keys cannot be read: ENOENT.*\/nowhere\/keys/,
    );
  });
});
