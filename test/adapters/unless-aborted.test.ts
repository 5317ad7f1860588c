import { expect, it } from 'vitest';
import { unlessAborted } from '../../adapters/unless-aborted.js';

it('ends with the reason of the caller that gives up, and not for the others', async () => {
  let finish!: (value: string) => void;
  const work = new Promise<string>((resolve) => {
    finish = resolve;
  });
  const gaveUp = new AbortController();
  const one = unlessAborted(work, gaveUp.signal);
  const other = unlessAborted(work, new AbortController().signal);

  gaveUp.abort(new Error('no longer wanted'));
  finish('done');

  await expect(one).rejects.toThrow('no longer wanted');
  await expect(other).resolves.toBe('done');
});

it('does not begin to wait for a caller that has given up already', async () => {
  const work = Promise.reject(new Error('nobody waits for this'));

  await expect(unlessAborted(work, AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late');
});

it('passes the failure of the work on', async () => {
  const work = Promise.reject(new Error('broken'));

  await expect(unlessAborted(work, new AbortController().signal)).rejects.toThrow('broken');
});
