import { expect, it } from 'vitest';
import { lengthAt, type Seen, pointsOf } from './points.js';

const history = (...events: readonly (readonly [what: string, atMs: number])[]): readonly Seen[] =>
  events.map(([what, atMs], i) => ({ id: i + 1, what, atMs }));
const momentsOf = (events: readonly Seen[]) =>
  pointsOf(events).map(({ at, afterMs = 0, between }) => `${at} + ${afterMs}: ${between}`);

/** As Temporal's server writes it: what begins a transaction, and what stands in it. */
const ABORT = history(
  ['WorkflowExecutionStarted', 0],
  ['WorkflowTaskScheduled', 0],
  ['WorkflowTaskStarted', 10],
  // The machine was busy.
  ['WorkflowTaskCompleted', 620],
  ['ActivityTaskScheduled createDeployment', 620],
  ['ActivityTaskStarted createDeployment', 630],
  ['ActivityTaskCompleted createDeployment', 3_020],
  ['WorkflowTaskScheduled', 3_020],
  ['WorkflowTaskStarted', 3_030],
  ['WorkflowTaskCompleted', 3_040],
  ['ActivityTaskScheduled watch', 3_040],
  ['WorkflowTaskScheduled', 4_040],
  ['WorkflowTaskStarted', 4_050],
  ['WorkflowTaskCompleted', 4_060],
  ['WorkflowExecutionUpdateAccepted', 4_060],
  ['ActivityTaskCancelRequested watch', 4_060],
  ['WorkflowExecutionUpdateCompleted', 4_060],
  ['ActivityTaskStarted watch', 3_050],
  ['ActivityTaskCanceled watch', 4_100],
  ['WorkflowTaskScheduled', 4_100],
  ['WorkflowTaskStarted', 4_110],
  ['WorkflowTaskCompleted', 4_120],
  ['WorkflowExecutionCompleted', 4_120],
);

it('the matrix kills between any two transactions of a history, and in the middle of what lasts', () => {
  expect(momentsOf(ABORT)).toEqual([
    '2 + 0: WorkflowTaskScheduled → WorkflowTaskStarted',
    '3 + 0: WorkflowTaskStarted → WorkflowTaskCompleted',
    '5 + 0: ActivityTaskScheduled createDeployment → ActivityTaskStarted createDeployment',
    '5 + 1200: ActivityTaskScheduled createDeployment → ActivityTaskStarted createDeployment',
    '8 + 0: WorkflowTaskScheduled → WorkflowTaskStarted',
    '9 + 0: WorkflowTaskStarted → WorkflowTaskCompleted',
    '11 + 0: ActivityTaskScheduled watch → WorkflowTaskScheduled',
    '11 + 500: ActivityTaskScheduled watch → WorkflowTaskScheduled',
    '12 + 0: WorkflowTaskScheduled → WorkflowTaskStarted',
    '13 + 0: WorkflowTaskStarted → WorkflowTaskCompleted',
    '17 + 0: WorkflowExecutionUpdateCompleted → ActivityTaskStarted watch',
    '20 + 0: WorkflowTaskScheduled → WorkflowTaskStarted',
    '21 + 0: WorkflowTaskStarted → WorkflowTaskCompleted',
  ]);
});

it('the start of an activity counts for the length of a history once it is written: with its end', () => {
  expect([3_045, 3_500, 4_050, 4_099, 4_100].map((atMs) => lengthAt(ABORT, atMs))).toEqual([
    11, 11, 13, 17, 20,
  ]);
});
