import { expect, it } from 'vitest';
import { rollbackIn, tookMs, waitsIn } from './rollback.js';

const history = (...events: readonly (readonly [what: string, atMs: number])[]) =>
  events.map(([what, atMs], i) => ({ id: i + 1, what, atMs }));

it('a rollback lasts from its decision until it is read back, and tells what it waited for', () => {
  const rollback = rollbackIn(
    history(
      ['ActivityTaskCompleted watch', 0],
      ['ActivityTaskScheduled setTraffic', 10],
      ['ActivityTaskCompleted setTraffic', 200],
      ['ActivityTaskCompleted watch', 1_000],
      ['WorkflowTaskStarted', 1_010],
      ['WorkflowTaskTimedOut', 6_010],
      ['ActivityTaskScheduled setTraffic', 6_020],
      ['ActivityTaskCompleted setTraffic', 6_300],
      ['ActivityTaskCompleted deleteDeployment', 9_000],
    ),
  );

  expect(tookMs(rollback)).toBe(5_300);
  expect(waitsIn(rollback)).toBe('5.0 s for WorkflowTaskTimedOut');
});

it('a rollback that a person wants lasts from the word, also while the watch has not ended', () => {
  const rollback = rollbackIn(
    history(
      ['WorkflowExecutionUpdateAccepted', 0],
      ['ActivityTaskCompleted watch', 3_000],
      ['ActivityTaskScheduled setTraffic', 3_010],
      ['ActivityTaskCompleted setTraffic', 3_200],
    ),
  );

  expect(tookMs(rollback)).toBe(3_200);
});

it('what ends meanwhile is not what a rollback waits for', () => {
  const rollback = rollbackIn(
    history(
      ['WorkflowExecutionUpdateAccepted', 5_000],
      ['ActivityTaskScheduled setTraffic', 5_010],
      ['ActivityTaskStarted watch', 2_000],
      ['ActivityTaskCompleted watch', 5_100],
      ['ActivityTaskCompleted setTraffic', 5_200],
    ),
  );

  expect(waitsIn(rollback)).toBe('');
});

it('nothing is taken back where nothing was written', () => {
  const rollback = rollbackIn(history(['ActivityTaskCompleted watch', 0], ['WorkflowExecutionFailed', 10]));

  expect(tookMs(rollback)).toBeNull();
  expect(waitsIn(rollback)).toBe('');
});
