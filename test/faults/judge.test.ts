import { describe, expect, it } from 'vitest';
import { stepLabel } from '../../core/status-text.js';
import type { CellFacts } from './facts.js';
import { undisturbedProblems } from './judge-times.js';
import { BLUE, left, REPORT, RIGHT, ROLLED_BACK, SPLIT, step, with_, wrote } from './right.js';
import { REFERENCE } from './specs.js';

const PROMOTED: Partial<CellFacts> = {
  spec: REFERENCE.promote,
  outcome: 'promoted',
  report: {
    ...REPORT,
    outcome: 'promoted',
    reason: 'e is served by green',
    steps: REFERENCE.promote.steps.map((each) => step(stepLabel(each))),
  },
  events: [
    ...REFERENCE.promote.way.slice(1).flatMap((to, i) => wrote(2 * i + 1, i * 1_000, to)),
    ...wrote(9, 4_000, REFERENCE.promote.way.at(-1)),
    { id: 11, what: 'ActivityTaskScheduled deleteDeployment', atMs: 4_200 },
  ],
  rollbackMs: null,
  traffic: { live: { green: 100 }, mirror: {} },
  deployments: [left('green')],
  way: REFERENCE.promote.way,
  operations: ['deployment-put green', 'deployment-delete blue'],
};

const smoked = [
  { id: 1, what: 'ActivityTaskScheduled smoke', atMs: 100 },
  { id: 2, what: 'ActivityTaskCompleted smoke', atMs: 200 },
];

const unread = (fromMs: number, toMs: number): readonly number[] =>
  RIGHT.readsMs.filter((atMs) => atMs <= fromMs || atMs >= toMs);

const reported = (report: Partial<typeof REPORT>): Partial<CellFacts> => ({
  report: { ...REPORT, ...report },
});

describe('the judge of a cell', () => {
  it.each([
    ['an abort', {}],
    ['a promotion', PROMOTED],
    ['a rollback', ROLLED_BACK],
  ])('finds nothing wrong with %s that went as it should', (_, facts) => {
    expect(with_(facts)).toEqual([]);
  });

  it.each<[string, Partial<CellFacts>, string]>([
    ['no end', { outcome: 'no end', report: null }, 'it ended as no end instead of aborted'],
    [
      'traffic left at green',
      { traffic: SPLIT },
      'the endpoint shows blue 75 %, green 25 % instead of blue 100 %',
    ],
    [
      'green left behind',
      { deployments: [left('blue'), left('green')] },
      'it has blue, green instead of blue alone',
    ],
    [
      'a share given twice',
      { way: [BLUE, SPLIT, BLUE, SPLIT, BLUE] },
      'its traffic went blue 100 % → blue 75 %, green 25 % → blue 100 % → blue 75 %, green 25 % → blue 100 %',
    ],
    ['a rollback without a time', { rollbackMs: null }, 'its rollback was not timed'],
    ['a wrong sum', { wrongSums: ['90: blue 90 %'] }, 'shares summed to 90: blue 90 %'],
    [
      'green created twice',
      { operations: ['deployment-put green', 'deployment-put green'] },
      'deployment-put green happened 2 times instead of 1',
    ],
    [
      'an operation that no rollout of the matrix needs',
      { operations: [...RIGHT.operations, 'deployment-patch blue'] },
      'deployment-patch blue happened 1 times instead of 0',
    ],
    [
      'a share that was written, and asked for again',
      { events: [...wrote(1, 300), ...wrote(3, 500), ...RIGHT.events.slice(2)] },
      'setTraffic was scheduled again that had not failed',
    ],
    [
      'a second smoke test',
      { events: [...smoked, ...smoked, ...RIGHT.events] },
      'smoke was scheduled again that had not failed',
    ],
    [
      'a blue that does not come back',
      { deployments: [left('blue', 0)] },
      'blue is ready, 0 of 1 instances answer; it had one',
    ],
    [
      'a note of what nobody did',
      reported({ notes: ['somebody else had made the traffic green 100 %'] as never }),
      'it noted, where nothing is to be noted: somebody else had made the traffic green 100 %',
    ],
    ['a model server that was restarted', { restarts: 1 }, 'its model server was restarted 1 times'],
    [
      'a victim that was not there',
      { killedAtMs: null, missedAtMs: 1_000 },
      'worker was not there to be killed',
    ],
    [
      'a green that was not there while it served',
      {
        ...{ victim: 'green', killedAtMs: null, missedAtMs: 2_000 },
        events: [
          { id: 1, what: 'ActivityTaskCompleted createDeployment', atMs: 100 },
          ...wrote(2, 500),
          { id: 4, what: 'WorkflowExecutionUpdateAccepted', atMs: 5_000 },
          ...wrote(5, 5_100, BLUE),
          { id: 7, what: 'ActivityTaskScheduled deleteDeployment', atMs: 5_200 },
        ],
      },
      'green was not there to be killed',
    ],
    ['a moment that never came', { killedAtMs: null }, 'its moment to be killed did not come'],
    [
      'an endpoint that nobody read for a while',
      { readsMs: unread(1_500, 4_600) },
      'nobody could read it for 3100 ms',
    ],
    [
      'one that was not read any more',
      { readsMs: unread(1_500, Infinity) },
      'nobody could read it for 3700 ms',
    ],
    ['no clients at all', { answers: [] }, 'no client got an answer'],
    [
      'another reason',
      reported({ reason: 'cancelled from outside Greenlight' }),
      'its reason does not fit aborted: cancelled from outside Greenlight',
    ],
    [
      'a rollback without a breach',
      {
        ...ROLLED_BACK,
        report: { ...REPORT, ...ROLLED_BACK.report, reason: 'undecided, rolls back by policy: green …' },
      },
      'its reason does not fit rolled-back: undecided, rolls back by policy: green …',
    ],
    [
      'something left to do',
      reported({ left: ['delete green'] as never }),
      'it left something to do: delete green',
    ],
    [
      'a step left out',
      reported({ steps: [step('ramp 25 %', true)] }),
      'its steps were ramp 25 % (stopped) instead of create, ramp 25 % (stopped)',
    ],
    [
      'a share that was never asked for',
      { ...PROMOTED, events: wrote(1, 0, { live: { green: 100 }, mirror: {} }) },
      'it asked for blue 100 % → green 100 %',
    ],
    [
      'a rollback that took too long for a killed worker',
      { rollbackMs: 15_001 },
      'its rollback took 15001 ms; at most 15000 ms',
    ],
    [
      'one that took too long without any kill',
      { victim: null, killedAtMs: null, rollbackMs: 6_000 },
      'its rollback took 6000 ms; at most 5000 ms',
    ],
  ])('finds %s', (_, facts, problem) => {
    expect(with_(facts)).toEqual([problem]);
  });

  it('forgives that nobody can read while the host is dead, and not after that', () => {
    const host = { victim: 'host' } as const;
    const over = { events: [...RIGHT.events, { id: 6, what: 'WorkflowExecutionFailed', atMs: 15_000 }] };

    expect(with_({ ...host, readsMs: unread(900, 4_600) })).toEqual([]);
    expect(with_({ ...host, ...over, readsMs: unread(9_000, 12_500) })).toEqual([
      'nobody could read it for 3500 ms',
    ]);
  });

  it('takes a share for right that is asked for again after a turn', () => {
    const turn = [
      { id: 1, what: 'ActivityTaskScheduled setTraffic', atMs: 300, to: SPLIT },
      { id: 2, what: 'ActivityTaskFailed setTraffic', atMs: 400 },
    ];

    expect(with_({ events: [...turn, ...RIGHT.events] })).toEqual([]);
  });

  it('takes another outcome as right only where the killed part is what the rollout judges', () => {
    const back = { ...ROLLED_BACK, spec: REFERENCE.abort };
    const steps = { report: { ...REPORT, ...ROLLED_BACK.report, steps: [step('create', true)] } };
    const facts = { ...back, ...steps, way: [BLUE] } as Partial<CellFacts>;
    const wrong = expect.stringMatching('it ended as rolled-back');

    expect(with_({ ...facts, victim: 'green' })).toEqual([]);
    expect(with_({ ...facts, victim: 'green', killedAtMs: null })).toContainEqual(wrong);
    expect(with_({ ...facts, victim: 'worker' })).toContainEqual(wrong);
  });
});

it('twenty rollbacks without a fault take a second in the median, and three at the most', () => {
  const fast = Array<number>(19).fill(200);

  expect(undisturbedProblems([...fast, 2_900], true)).toEqual([]);
  expect(undisturbedProblems([...fast, 3_100], true)).toEqual([
    'the p99 of 20 rollbacks is 3100 ms; at most 3000 ms',
  ]);
  expect(undisturbedProblems(fast.map(() => 1_100).concat(1_100), true)).toHaveLength(1);
  expect(undisturbedProblems([60_000], false)).toEqual([]);
  expect(undisturbedProblems([200], true)).toEqual(['only 1 rollbacks were timed; at least 20']);
});
