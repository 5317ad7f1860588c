import { describe, expect, it } from 'vitest';
import { judgeStart, planScaling } from '../../../host/serving/plan.js';
import { countAnswer, judgeProbe, NO_ANSWERS, startDeadlineMs } from '../../../host/serving/probe.js';
import { parseDuration } from '../../../host/serving/duration.js';
import type { DeploymentRecord, InstanceRecord } from '../../../host/state/model.js';

function deployment(
  values: { capacity?: number; generation?: number; serving?: number | null; state?: string },
  instances: readonly Partial<InstanceRecord>[] = [],
): DeploymentRecord {
  return {
    sku: { name: 'Default', capacity: values.capacity ?? 1 },
    generation: values.generation ?? 1,
    serving: values.serving === undefined ? 1 : values.serving,
    state: values.state ?? 'Succeeded',
    properties: {},
    specs: {},
    instances: Object.fromEntries(
      instances.map((instance, index) => {
        const id = String(index + 1);
        return [id, { id, generation: 1, port: 1, startedAt: 0, state: 'ready', ...instance }];
      }),
    ),
  } as unknown as DeploymentRecord;
}

const ids = (instances: readonly InstanceRecord[]) => instances.map((instance) => instance.id);

describe('planScaling', () => {
  it.each([
    ['none there, two wanted', { capacity: 2 }, [], [1, 1], []],
    ['as many as wanted', { capacity: 2 }, [{}, { state: 'starting' }], [], []],
    ['one too many: the newest goes', { capacity: 1 }, [{}, {}], [], ['2']],
    ['one too many: those that serve stay', { capacity: 1 }, [{ state: 'starting' }, {}], [], ['1']],
    ['one on its way out does not count', { capacity: 1 }, [{ state: 'draining' }], [1], []],
    ['a new generation comes beside the old', { generation: 2 }, [{}], [2], []],
    [
      'a new generation that serves: the old one goes',
      { generation: 2, serving: 2 },
      [{}, { generation: 2 }],
      [],
      ['1'],
    ],
    [
      'a new generation that the gateway may not have taken yet: the old one stays as it is',
      { generation: 2, serving: 2, state: 'Updating' },
      [{}, { generation: 2 }],
      [],
      [],
    ],
    [
      'a new generation that failed: the old one stays',
      { generation: 2, state: 'Failed' },
      [{}, { generation: 2 }],
      [],
      ['2'],
    ],
    [
      'a first generation that failed: nothing runs',
      { serving: null, state: 'Failed' },
      [{ state: 'starting' }],
      [],
      ['1'],
    ],
    ['one that failed to scale goes on trying', { capacity: 2, state: 'Failed' }, [{}], [1], []],
  ] as const)('%s', (_, values, instances, start, drain) => {
    const plan = planScaling(deployment(values, instances), false);

    expect(plan.start).toEqual(start);
    expect(ids(plan.drain)).toEqual(drain);
  });

  it('ends all of a retired deployment', () => {
    const updating = deployment({ generation: 2, serving: 2, state: 'Updating' }, [{}, { generation: 2 }]);

    expect(ids(planScaling(deployment({}, [{}, { state: 'starting' }]), true).drain)).toEqual(['1', '2']);
    expect(ids(planScaling(updating, true).drain)).toEqual(['1', '2']);
  });
});

describe('judgeStart', () => {
  const facts = { failedStarts: 0, lastExit: undefined, watchedSinceMs: 0, wantedSinceMs: 5_000 };

  it('is ready when as many as wanted are', () => {
    expect(judgeStart(deployment({ capacity: 2 }, [{}, {}]), facts, 1000, 0)).toEqual({ is: 'ready' });
  });

  it('counts only the wanted generation', () => {
    expect(judgeStart(deployment({ generation: 2 }, [{}]), facts, 1000, 0)).toEqual({ is: 'waiting' });
  });

  it('has failed when instances ended three times before they were ready', () => {
    expect(
      judgeStart(deployment({}), { ...facts, failedStarts: 3, lastExit: 'exit code 3' }, 1000, 0),
    ).toEqual({
      is: 'failed',
      reason: 'its model server ended 3 times before it was ready (last: exit code 3)',
    });
  });

  it('has failed when one is not ready by its deadline', () => {
    const late = deployment({ capacity: 2 }, [{}, { state: 'starting', startedAt: 5_000 }]);

    expect(judgeStart(late, facts, 1000, 6_000)).toEqual({ is: 'waiting' });
    expect(judgeStart(late, facts, 1000, 6_001)).toEqual({
      is: 'failed',
      reason: 'instance 2 did not answer its readiness probe within 1 s',
    });
  });

  it('has failed when not all are ready at once in the time of three starts, as instances come and go', () => {
    const two = deployment({ capacity: 3 }, [{}, {}, { state: 'starting', startedAt: 7_900 }]);
    const killed = { ...facts, lastExit: 'SIGKILL' };

    expect(judgeStart(two, killed, 1000, 8_000)).toEqual({ is: 'waiting' });
    expect(judgeStart(two, killed, 1000, 8_001)).toEqual({
      is: 'failed',
      reason: 'only 2 of 3 instances were ready at once within 3 s (last end of one: SIGKILL)',
    });
  });
});

describe('probes', () => {
  const settings = { failureThreshold: 3, successThreshold: 2, timeout: 'PT2S', period: 'PT10S' };
  const after = (...answers: boolean[]) => judgeProbe(answers.reduce(countAnswer, NO_ANSWERS), settings);

  it.each([
    [[true], 'undecided'],
    [[true, true], 'good'],
    [[false, false], 'undecided'],
    [[false, false, false], 'bad'],
    [[false, false, true, false], 'undecided'],
  ])('%j is %s: only answers in a row count', (answers, verdict) => {
    expect(after(...answers)).toBe(verdict);
  });

  it('give an instance its initial delay and all its failures to get ready', () => {
    expect(startDeadlineMs({ ...settings, initialDelay: 'PT5S' })).toBe(35_000);
  });
});

describe('parseDuration', () => {
  it.each([
    ['PT5S', 5_000],
    ['PT0.5S', 500],
    ['PT1M30S', 90_000],
    ['PT1H', 3_600_000],
    ['P1DT2H', 93_600_000],
  ])('%s is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', 'P', 'PT', 'P1DT', '5S', 'P1M', 'P1Y', 'PT-5S', 'PT5', 'pt5s'])('"%s" is none', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});
