import { ApplicationFailure } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { classify } from '../../activities/classify.js';
import { PortError } from '../../adapters/ports.js';
import { FailureType } from '../../core/failures.js';

describe('what a port threw', () => {
  it.each([
    [
      'for good is not tried again',
      new PortError('not allowed', { kind: 'permanent', code: 'Forbidden' }),
      { type: FailureType.PortPermanent, nonRetryable: true, nextRetryDelay: undefined },
    ],
    [
      'of a busy target is tried again when that asks for it',
      new PortError('busy', { kind: 'throttled', code: 'TooManyRequests', retryAfterMs: 7_000 }),
      {
        type: FailureType.PortThrottled,
        nonRetryable: false,
        nextRetryDelay: 7_000,
        category: 'BENIGN',
      },
    ],
    [
      'of a busy target that does not say when follows the retry policy',
      new PortError('busy', { kind: 'throttled', code: 'TooManyRequests' }),
      { type: FailureType.PortThrottled, nonRetryable: false, nextRetryDelay: undefined },
    ],
    [
      'for now follows the retry policy',
      new PortError('away', { kind: 'transient', code: 'Unavailable' }),
      { type: FailureType.PortTransient, nonRetryable: false, nextRetryDelay: undefined },
    ],
  ])('%s', (_, thrown, expected) => {
    const failure = classify(thrown, { deployment: 'green' });

    expect(failure).toBeInstanceOf(ApplicationFailure);
    expect(failure).toMatchObject({
      ...expected,
      message: thrown.message,
      details: [{ code: thrown.code, deployment: 'green' }],
      cause: thrown,
    });
  });

  it('without being a port’s error passes through', () => {
    const fault = new TypeError('a fault of ours');

    expect(classify(fault)).toBe(fault);
  });
});
