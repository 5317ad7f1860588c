import { describe, expect, it } from 'vitest';
import { type CellFacts, problemsOf } from './judge.js';
import { REFERENCE } from './specs.js';

const BLUE = { live: { blue: 100 }, mirror: {} };
const SPLIT = { live: { blue: 75, green: 25 }, mirror: {} };
const answer = { atMs: 1_000, latencyMs: 5, status: 200, deployment: 'blue', version: 'blue' };

/** An abort as it should be, with a worker killed at 1,000 and back at 2,000. */
const RIGHT: CellFacts = {
  spec: REFERENCE.abort,
  victim: 'worker',
  killedAtMs: 1_000,
  mendedAtMs: 2_000,
  outcome: 'aborted',
  traffic: BLUE,
  deployments: ['blue'],
  way: [BLUE, SPLIT, BLUE],
  wrongSums: [],
  badShares: [],
  operations: [
    'endpoint-put',
    'deployment-put blue',
    'endpoint-put',
    'deployment-put green',
    'deployment-delete green',
  ],
  writes: 4,
  restarts: 0,
  answers: [answer],
};
const with_ = (facts: Partial<CellFacts>): readonly string[] => problemsOf({ ...RIGHT, ...facts });

describe('the judge of a cell', () => {
  it('finds nothing wrong with a rollout that went as it should', () => {
    expect(with_({})).toEqual([]);
  });

  it.each<[string, Partial<CellFacts>, string]>([
    ['no end', { outcome: 'no end' }, 'it ended as no end instead of aborted'],
    ['another outcome', { outcome: 'rolled-back' }, 'it ended as rolled-back instead of aborted'],
    [
      'traffic left at green',
      { traffic: SPLIT },
      'the endpoint shows blue 75 %, green 25 % instead of blue 100 %',
    ],
    ['green left behind', { deployments: ['blue', 'green'] }, 'it has blue, green instead of blue alone'],
    [
      'a share given twice',
      { way: [BLUE, SPLIT, BLUE, SPLIT, BLUE] },
      'its traffic went blue 100 % → blue 75 %, green 25 % → blue 100 % → blue 75 %, green 25 % → blue 100 %',
    ],
    ['a wrong sum', { wrongSums: ['90: blue 90 %'] }, 'shares summed to 90: blue 90 %'],
    [
      'a share at nobody',
      { badShares: [{ atMs: 1_500, deployment: 'green', what: '25 % at green, missing' }] },
      '25 % at green, missing',
    ],
    [
      'green created twice',
      { operations: ['deployment-put green', 'deployment-put green'] },
      'deployment-put green happened 2 times instead of 1',
    ],
    ['a model server that was restarted', { restarts: 1 }, 'its model server was restarted 1 times'],
    [
      'an error of a client while only a worker was away',
      { answers: [answer, { ...answer, atMs: 1_500, status: 503, version: null }] },
      '1 of 2 requests failed that need not: 503 of blue (first 500 ms after the kill)',
    ],
    ['no clients at all', { answers: [] }, 'no client got an answer'],
  ])('finds %s', (_, facts, problem) => {
    expect(with_(facts)).toEqual([problem]);
  });

  it('forgives errors of what was killed while it was dead, and no others', () => {
    const lost = { ...answer, atMs: 1_500, status: null, deployment: null, version: null };
    const late = { ...lost, atMs: 30_000 };

    expect(with_({ victim: 'envoy', answers: [answer, lost] })).toEqual([]);
    expect(with_({ victim: 'envoy', answers: [answer, late] })).toHaveLength(1);
    expect(with_({ victim: 'host', answers: [answer, lost] })).toHaveLength(1);
  });

  it('takes the rollback of a green whose server was killed as right', () => {
    expect(with_({ victim: 'green', outcome: 'rolled-back' })).toEqual([]);
  });
});
