import { describe, expect, it } from 'vitest';

import { interceptors } from '../../workflows/ahead.js';

type Internals = NonNullable<ReturnType<typeof interceptors>['internals']>[number];
type Activation = Parameters<NonNullable<Internals['activate']>>[0]['activation'];
type Commands = Parameters<NonNullable<Internals['concludeActivation']>>[0]['commands'];

const WATCHED = [{ resolveActivity: {} }];
const TOLD = [{ doUpdate: {} }];
const ASKED = [{ queryWorkflow: {} }];
const SHOWS_AND_ASKS = [{ upsertWorkflowSearchAttributes: {} }, { scheduleActivity: { seq: 5 } }];
const CANCELS = [{ requestCancelActivity: { seq: 4 } }];
const STARTS_WHO_WAITED = [{ startChildWorkflowExecution: {} }];
const REMEMBERS_WHO_WAITS = [{ modifyWorkflowProperties: {} }];
const ASKS_AND_CANCELS = [{ scheduleActivity: { seq: 5 } }, { requestCancelActivity: { seq: 5 } }];
const REFUSES = [{ updateResponse: { rejected: {} } }];

/** A workflow in a worker's memory, that has been replayed up to a task of 24 events. */
function replayed() {
  const [internals] = interceptors().internals ?? [];
  const move = (
    historyLength: number,
    startedSec: number,
    jobs: Activation['jobs'],
    commands: object[] = [],
    { isReplaying = false, historySizeBytes }: { isReplaying?: boolean; historySizeBytes?: number } = {},
  ): void => {
    const timestamp = { seconds: startedSec, nanos: 5 };
    const activation = { historyLength, historySizeBytes, timestamp, jobs, isReplaying };
    internals?.activate?.(
      { activation: activation as unknown as Activation, batchIndex: 0 },
      () => undefined,
    );
    internals?.concludeActivation?.({ commands: commands as Commands }, (input) => input);
  };
  move(24, 100, WATCHED, SHOWS_AND_ASKS, { isReplaying: true, historySizeBytes: 5_000 });
  return move;
}

describe('a workflow that a question has moved ahead', () => {
  it('fails the task that comes next, where no task had begun', () => {
    const move = replayed();
    move(29, 100, WATCHED, [], { historySizeBytes: 5_000 });
    move(29, 100, ASKED);

    expect(() => move(33, 110, TOLD)).toThrow(/ahead of its history/);
  });

  it.each([
    ['asked for something', SHOWS_AND_ASKS],
    ['cancelled something', CANCELS],
    ['is a queue and started a rollout', STARTS_WHO_WAITED],
    ['is a queue and told who waits', REMEMBERS_WHO_WAITS],
  ])('fails the task that comes next, where a worker that died held one, and it %s', (_, commands) => {
    const move = replayed();
    move(30, 105, WATCHED, commands);
    move(30, 105, ASKED);

    expect(() => move(33, 110, TOLD)).toThrow(/ahead of its history/);
  });
});

describe('a workflow that nobody has moved ahead', () => {
  it.each([
    // Completed, two events of its commands, scheduled, started.
    ['the next task as soon as it can come', 35],
    ['the next task later', 41],
  ])('takes %s', (_, historyLength) => {
    const move = replayed();
    move(30, 105, WATCHED, SHOWS_AND_ASKS);

    expect(() => move(historyLength, 110, TOLD)).not.toThrow();
  });

  it('takes one task after the other where the clock of the server was set back', () => {
    const move = replayed();
    move(30, 105, WATCHED, SHOWS_AND_ASKS, { historySizeBytes: 6_000 });
    move(36, 105, WATCHED, SHOWS_AND_ASKS, { historySizeBytes: 7_200 });

    expect(() => move(42, 105, TOLD, [], { historySizeBytes: 8_400 })).not.toThrow();
  });

  it('takes the next task where nothing came of what was asked for', () => {
    const move = replayed();
    move(30, 105, WATCHED, ASKS_AND_CANCELS);

    expect(() => move(33, 110, TOLD)).not.toThrow();
  });

  it('takes more of one task', () => {
    const move = replayed();
    move(30, 105, WATCHED, SHOWS_AND_ASKS);

    expect(() => move(30, 105, WATCHED)).not.toThrow();
  });

  it('takes the task after one that did nothing but refuse, of which the history knows nothing', () => {
    const move = replayed();
    move(30, 105, WATCHED, SHOWS_AND_ASKS);
    move(35, 106, TOLD, REFUSES);

    expect(() => move(36, 110, WATCHED)).not.toThrow();
  });

  it('is replayed whatever its history looks like', () => {
    const move = replayed();

    expect(() => move(25, 101, TOLD, [], { isReplaying: true })).not.toThrow();
    expect(() => move(26, 102, TOLD)).not.toThrow();
  });
});
