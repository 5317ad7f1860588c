import { describe, expect, it } from 'vitest';
import type { TemporalPlace } from '../../client/temporal.js';
import { linkSettings, notifierOf } from '../../worker/notify.js';

const URL_SET = { GREENLIGHT_PUBLIC_URL: 'https://greenlight.example.com' };
const SECRET = { GREENLIGHT_LINKS_SECRET: 'a-secret-of-more-than-thirty-two-characters' };

describe('links', () => {
  it('are off unless it is said where people reach them', async () => {
    expect(await linkSettings(SECRET)).toBeNull();
  });

  it('are served on loopback unless told otherwise', async () => {
    expect(await linkSettings({ ...URL_SET, ...SECRET })).toMatchObject({ host: '127.0.0.1', port: 9465 });
    expect(await linkSettings({ ...URL_SET, ...SECRET, GREENLIGHT_LINKS_LISTEN: '[::1]:80' })).toMatchObject({
      host: '::1',
      port: 80,
    });
  });

  it.each<[NodeJS.ProcessEnv, string]>([
    [{ GREENLIGHT_PUBLIC_URL: 'greenlight' }, 'GREENLIGHT_PUBLIC_URL is "greenlight"; wanted'],
    [URL_SET, 'links need a secret that all workers share'],
    [{ ...URL_SET, GREENLIGHT_LINKS_SECRET: 'short' }, 'expected at least 32'],
    [{ ...URL_SET, ...SECRET, GREENLIGHT_LINKS_LISTEN: '9465' }, 'GREENLIGHT_LINKS_LISTEN is "9465"; wanted'],
  ])('do not start half set up: %j', async (env, text) => {
    await expect(linkSettings(env)).rejects.toThrow(text);
  });
});

it('a worker does not start with a list of channels that is not right', async () => {
  const place = { uiUrl: null } as TemporalPlace;

  await expect(notifierOf({ GREENLIGHT_NOTIFY: '/nowhere/notify.yml' }, null, place)).rejects.toThrow(
    'GREENLIGHT_NOTIFY names /nowhere/notify.yml:',
  );
  expect((await notifierOf({}, null, place)).forAll).toEqual([]);
});
