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

  it('is told in the words of the port alone: what caused it may quote a secret, and a history would keep it', () => {
    const cause = new TypeError('"Bearer s3cret\n" is an invalid header value');
    const thrown = new PortError('not reached', { kind: 'transient', code: 'NotReached' }, { cause });

    const failure = classify(thrown) as ApplicationFailure;

    expect(failure.cause).toMatchObject({ message: 'not reached', stack: thrown.stack });
    expect(failure.cause?.cause).toBeUndefined();
  });

  it('without being a port’s error passes through', () => {
    const fault = new TypeError('a fault of ours');

    expect(classify(fault)).toBe(fault);
  });
});
