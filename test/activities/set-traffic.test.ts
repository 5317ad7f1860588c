import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, it } from 'vitest';
import { setTraffic } from '../../activities/set-traffic.js';
import type { WriteOptions } from '../../adapters/ports.js';
import type { SetTrafficInput } from '../../core/activities.js';
import type { Traffic } from '../../core/traffic.js';

const blue = { live: { blue: 100 }, mirror: {} };
const half = { live: { blue: 50, green: 50 }, mirror: {} };

describe('a write of traffic', () => {
  it.each<[string, Pick<SetTrafficInput, 'from' | 'takeOver'>, WriteOptions]>([
    ['a step', { from: half }, { takeOver: false, goesBack: false }],
    [
      'the first step after a change was adopted',
      { from: half, takeOver: true },
      { takeOver: true, goesBack: false },
    ],
    ['a rollback, or a restore', { from: null }, { takeOver: true, goesBack: true }],
  ])('says whether it takes over and goes back: %s', async (_, input, expected) => {
    const written: WriteOptions[] = [];
    let traffic: Traffic = half;
    const endpoints = {
      read: () => Promise.resolve({ traffic }),
      writeTraffic: (_name: string, to: Traffic, options: WriteOptions) => {
        traffic = to;
        written.push(options);
        return Promise.resolve();
      },
    };

    await new MockActivityEnvironment().run(() =>
      setTraffic({ endpoints } as never, {
        target: { kind: 'kubernetes', namespace: 'models' },
        endpoint: 'diabetes',
        to: blue,
        ...input,
      }),
    );

    expect(written).toMatchObject([expected]);
  });
});
