import type { Waiter } from '../../client/through-outages.js';

/** One who waits for as long as the test does. */
export const WAITER: Waiter = {
  over: new AbortController().signal,
  away: () => undefined,
  afterwards: '',
};
