import { describe, expect, it } from 'vitest';
import { isDrained, SHARES_TAKEN_MS } from '../../core/drain.js';
import type { Counters, MetricsSnapshot } from '../../core/metrics.js';

const SINCE_MS = 1_000_000;
const gathered = { everyMs: 5_000, behindMs: 2_000 };
const counters = (active: number | null): Counters => ({ requests: 7, errors: 0, le: [], active });

describe('a deployment without shares', () => {
  it.each`
    what                                                     | live         | direct       | dataMs                            | cadence      | drained
    ${'nothing is under way'}                                | ${0}         | ${undefined} | ${SINCE_MS}                       | ${undefined} | ${true}
    ${'a live request is under way'}                         | ${1}         | ${0}         | ${SINCE_MS}                       | ${undefined} | ${false}
    ${'a pinned request is under way'}                       | ${0}         | ${2}         | ${SINCE_MS}                       | ${undefined} | ${false}
    ${'nobody ever saw a request of it'}                     | ${undefined} | ${undefined} | ${SINCE_MS - 60_000}              | ${gathered}  | ${true}
    ${'the source cannot tell'}                              | ${null}      | ${undefined} | ${SINCE_MS + 60_000}              | ${undefined} | ${false}
    ${'the source cannot tell of one kind'}                  | ${0}         | ${null}      | ${SINCE_MS + 60_000}              | ${gathered}  | ${false}
    ${'gathered data are of before the shares were 0'}       | ${0}         | ${0}         | ${SINCE_MS - 1}                   | ${gathered}  | ${false}
    ${'gathered data are of before a proxy must have taken'} | ${0}         | ${0}         | ${SINCE_MS + SHARES_TAKEN_MS - 1} | ${gathered}  | ${false}
    ${'gathered data are of after that'}                     | ${0}         | ${0}         | ${SINCE_MS + SHARES_TAKEN_MS}     | ${gathered}  | ${true}
    ${'gathered data tell of a request after that'}          | ${3}         | ${0}         | ${SINCE_MS + 60_000}              | ${gathered}  | ${false}
  `('is drained: $drained, when $what', ({ live, direct, dataMs, cadence, drained }) => {
    const atMs = SINCE_MS + 120_000;
    const snapshot: MetricsSnapshot = {
      atMs,
      ageMs: atMs - (dataMs as number),
      ...(cadence === undefined ? {} : { cadence: cadence as typeof gathered }),
      edgesMs: [],
      deployments: {
        green: {
          ...(live === undefined ? {} : { live: counters(live as number | null) }),
          ...(direct === undefined ? {} : { direct: counters(direct as number | null) }),
        },
        blue: { live: counters(5) },
      },
    };

    expect(isDrained(snapshot, 'green', SINCE_MS)).toBe(drained);
  });
});
