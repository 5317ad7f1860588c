import { describe, expect, it } from 'vitest';
import { isError, tally, tallyByDeployment } from '../../demo/tally.js';
import { answer } from './answers.js';

describe('isError', () => {
  it.each([
    ['a prediction', answer({}), false],
    ['another status', answer({ status: 424, version: null }), true],
    ['no answer at all', answer({ status: null, deployment: null, version: null }), true],
    ['a 200 without a prediction in it', answer({ version: null }), true],
  ])('judges %s', (_, given, expected) => {
    expect(isError(given)).toBe(expected);
  });
});

describe('tally', () => {
  it('takes the smallest latency that the share of answers does not exceed', () => {
    const answers = Array.from({ length: 100 }, (_, i) => answer({ latencyMs: 100 - i }));

    expect(tally(answers)).toEqual({ requests: 100, errors: 0, p50Ms: 50, p95Ms: 95 });
  });

  it('knows no latency without answers', () => {
    expect(tally([])).toEqual({ requests: 0, errors: 0, p50Ms: null, p95Ms: null });
  });

  it('counts an answer that nobody gave as nobody’s', () => {
    const answers = [
      answer({ deployment: 'green' }),
      answer({ deployment: null, status: 429, version: null }),
      answer({ deployment: 'blue' }),
    ];

    expect(tallyByDeployment(answers)).toMatchObject({
      blue: { requests: 1, errors: 0 },
      green: { requests: 1, errors: 0 },
      nobody: { requests: 1, errors: 1 },
    });
  });
});
