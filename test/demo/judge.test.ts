import { describe, expect, it } from 'vitest';
import { differences, rescue, type Seen } from '../../demo/judge.js';
import type { DoneRollout } from '../../demo/rollout.js';
import { slowGate } from '../support/plans.js';
import { answer } from './answers.js';

const CAST = { before: 'green', bad: 'orange' };
const BREACH = { sentence: 'orange is slow', evidence: [], atMs: 7000 };
const BAD = { outcome: 'rolled-back', fromMs: 5_000, breach: BREACH, backAtMs: 8_000 } as const;

describe('differences', () => {
  it('finds none when all went as promised', () => {
    expect(differences(seen({}), CAST)).toEqual([]);
  });

  it.each<[string, Seen, string]>([
    ['v2 was not promoted', seen({ good: done({ outcome: 'rolled-back' }) }), 'v2 was not promoted'],
    ['v3 was promoted', seen({ bad: done({ ...BAD, outcome: 'promoted' }) }), 'v3 was not rolled back'],
    [
      'v3 ended before a gate could judge it',
      seen({ bad: done({ ...BAD, breach: null }) }),
      'no gate found v3 in breach',
    ],
    ['the rollback was not read back', seen({ bad: done({ ...BAD, backAtMs: null }) }), 'was not read back'],
    [
      'a request failed while v2 was rolled out',
      seen({ more: [answer({ atMs: 2_000, status: 424, version: null })] }),
      '1 failed of 3 requests before v3 came',
    ],
    [
      'a request failed that v3 did not answer',
      seen({ more: [answer({ atMs: 6_500, status: 424, version: null, deployment: 'green' })] }),
      "1 requests failed during v3's rollout that v3 did not answer: 424 from green",
    ],
    [
      'v3 answered a request that came after the rollback',
      seen({ more: [answer({ atMs: 8_050, latencyMs: 10, deployment: 'orange', version: 'v3' })] }),
      '1 requests reached v3 after green was read back',
    ],
    [
      'traffic is left elsewhere',
      seen({
        atTheEnd: { traffic: { live: { green: 90, orange: 10 }, mirror: {} }, deployments: ['green'] },
      }),
      'the endpoint shows green 90 %, orange 10 % at the end',
    ],
    [
      'v3 is still there',
      seen({
        atTheEnd: { traffic: { live: { green: 100 }, mirror: {} }, deployments: ['green', 'orange'] },
      }),
      'the endpoint has the deployments green, orange',
    ],
  ])('says so when %s', (_, given, expected) => {
    const found = differences(given, CAST);

    expect(found).toHaveLength(1);
    expect(found[0]).toContain(expected);
  });
});

describe('rescue', () => {
  it('counts from the first failed answer of the bad version to the traffic read back', () => {
    expect(rescue(seen({}), CAST)).toEqual({ firstBadMs: 6_000, backMs: 8_000 });
  });

  it('counts from an answer that the gates call slow, where that came first', () => {
    const slow = answer({ atMs: 5_500, latencyMs: 101, deployment: 'orange', version: 'v3' });

    expect(rescue(seen({ more: [slow] }), CAST)).toEqual({ firstBadMs: 5_500, backMs: 8_000 });
  });

  it('is unknown when no client got a bad answer', () => {
    const calm = { ...seen({}), answers: [answer({ atMs: 6_000, deployment: 'orange' })] };

    expect(rescue(calm, CAST)).toBeNull();
  });
});

/** A demo that went as promised, but for what a test changes. `more` answers come in their order. */
function seen(changes: Partial<Omit<Seen, 'answers'>> & { readonly more?: Seen['answers'] }): Seen {
  const { more = [], ...rest } = changes;
  const answers = [
    answer({ atMs: 1_500 }),
    answer({ atMs: 3_000, deployment: 'green', version: 'v2' }),
    answer({ atMs: 6_000, status: 424, deployment: 'orange', version: null }),
    answer({ atMs: 7_000, deployment: 'orange', version: 'v3' }),
    ...more,
  ].sort((a, b) => a.atMs - b.atMs);
  return {
    good: done({ outcome: 'promoted' }),
    bad: done(BAD),
    atTheEnd: { traffic: { live: { green: 100 }, mirror: {} }, deployments: ['green'] },
    ...rest,
    answers,
  };
}

interface Done {
  readonly outcome: DoneRollout['report']['outcome'];
  readonly fromMs?: number;
  readonly breach?: DoneRollout['record']['breach'];
  readonly backAtMs?: number | null;
}

function done({ outcome, fromMs = 1_000, breach = null, backAtMs = null }: Done): DoneRollout {
  const toMs = fromMs + 3_500;
  return {
    fromMs,
    toMs,
    report: { outcome, reason: 'because', startedAtMs: fromMs, endedAtMs: toMs, rollbackMs: null },
    record: { runId: 'run', events: 50, gates: [slowGate], breach, backAtMs },
  };
}
