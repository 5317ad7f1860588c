import { describe, expect, it } from 'vitest';
import { respelt } from '../../spec/schema/respell.js';
import * as texts from '../../spec/schema/texts.js';

describe('what a text with units was meant to be', () => {
  const duration = (text: string): boolean => texts.duration().safeParse(text).success;
  const window = (text: string): boolean => texts.window().safeParse(text).success;
  const latency = (text: string): boolean => texts.latency().safeParse(text).success;
  const share = (text: string): boolean => texts.liveShare().safeParse(text).success;
  const margin = (text: string): boolean => texts.margin().safeParse(text).success;

  it.each([
    ['5min', duration, '5m'],
    ['5 minutes', duration, '5m'],
    ['1 hour', duration, '1h'],
    ['1 hour 30 minutes', duration, '1h30m'],
    ['1h 30m', duration, '1h30m'],
    ['90 Secs', duration, '90s'],
    ['2m-20m', window, '2m .. 20m'],
    ['2 min to 20 min', window, '2m .. 20m'],
    ['2m...20m', window, '2m .. 20m'],
    ['250 ms', latency, '250ms'],
    ['250 milliseconds', latency, '250ms'],
    ['10 %', share, '10%'],
    ['10 percent', share, '10%'],
    ['0.5 points', margin, '0.5pp'],
  ] as const)('%s: %o takes %s', (found, fits, meant) => {
    expect(respelt(found, fits)).toBe(meant);
  });

  it.each([
    ['soon', duration],
    ['20m-2w', window],
    ['110 %', share],
    [`${'5'.repeat(60)}min`, duration],
  ] as const)('%s: nothing that %o takes', (found, fits) => {
    expect(respelt(found, fits)).toBeUndefined();
  });
});
