import { expect, it } from 'vitest';
import { setMinimum } from '../../activities/autoscale.js';
import { PortError } from '../../adapters/ports.js';
import { FailureType } from '../../core/failures.js';
import { attemptsOf } from '../support/attempts.js';

const no = new PortError('not now', { kind: 'permanent', code: 'Forbidden' });

it.each([
  ['is not the last one in a rollback', { goesBack: true }, { type: FailureType.PortTransient }],
  ['ends what goes on', {}, { kind: 'permanent' }],
])('the first no to a change of the fewest instances %s', async (_, way, expected) => {
  const autoscaling = { setMinimum: () => Promise.reject(no) };
  const input = {
    target: { kind: 'kubernetes', namespace: 'models' } as const,
    ...{ endpoint: 'diabetes', deployment: 'blue', minimum: { from: 4, to: 1 }, ...way },
  };

  const ends = await attemptsOf(5, () => setMinimum({ autoscaling } as never, input));

  expect(ends[0]).toMatchObject(expected);
  expect(ends[4]).toBe(no);
});
