import { describe, expect, it } from 'vitest';
import { activeProfile } from '../../../host/scaling/profiles.js';
import { decideByRules } from '../../../host/scaling/rules.js';
import { AutoscaleBody, type Profile } from '../../../host/scaling/setting.js';

const METRIC = '/subscriptions/s/…/onlineEndpoints/e/deployments/d';

function rule(direction: string, operator: string, threshold: number, action: object = {}): object {
  return {
    metricTrigger: {
      metricName: 'CpuUtilizationPercentage',
      metricResourceUri: METRIC,
      timeGrain: 'PT1M',
      statistic: 'Average',
      timeWindow: 'PT5M',
      timeAggregation: 'Average',
      operator,
      threshold,
    },
    scaleAction: { direction, type: 'ChangeCount', value: '1', cooldown: 'PT5M', ...action },
  };
}

function profiles(...given: object[]): Profile[] {
  const withDefaults = given.map((profile, index) => ({
    name: `p${index}`,
    capacity: { minimum: '1', maximum: '5', default: '2' },
    rules: [],
    ...profile,
  }));
  const body = { location: 'local', properties: { targetResourceUri: METRIC, profiles: withDefaults } };
  return AutoscaleBody.parse(body).properties.profiles;
}

describe('decideByRules', () => {
  const both = [rule('Increase', 'GreaterThan', 70), rule('Decrease', 'LessThan', 30)];
  const decide = (rules: object[], instances: number, cpu: number[], lastScaledMs = -Infinity) => {
    const minutes = cpu.map((average, index) => ({ atMs: index * 60_000, average }));
    return decideByRules(profiles({ rules })[0]!, instances, () => minutes, lastScaledMs, 600_000)?.instances;
  };

  it.each`
    instances | cpu         | becomes      | because
    ${2}      | ${[80, 90]} | ${3}         | ${'the mean is above'}
    ${2}      | ${[90, 40]} | ${undefined} | ${'the mean is between'}
    ${2}      | ${[10, 20]} | ${1}         | ${'the mean is below'}
    ${5}      | ${[90]}     | ${undefined} | ${'five is the maximum'}
    ${1}      | ${[10]}     | ${undefined} | ${'one is the minimum'}
    ${9}      | ${[50]}     | ${5}         | ${'bounds hold whatever is measured'}
    ${1}      | ${[]}       | ${2}         | ${'without readings there should be the default at least'}
    ${4}      | ${[]}       | ${undefined} | ${'without readings nothing is taken away'}
  `('$instances instances at $cpu % become $becomes: $because', ({ instances, cpu, becomes }) => {
    expect(decide(both, instances, cpu)).toBe(becomes);
  });

  it('waits out the cooldown', () => {
    expect(decide(both, 2, [90], 600_000 - 299_000)).toBeUndefined();
    expect(decide(both, 2, [90], 600_000 - 300_000)).toBe(3);
  });

  it('takes away only when all rules for it agree, by the smallest step', () => {
    const more = [rule('Decrease', 'LessThan', 30, { value: '3' }), rule('Decrease', 'LessThan', 20)];

    expect(decide(more, 5, [25])).toBeUndefined();
    expect(decide(more, 5, [15])).toBe(4);
  });

  it('takes nothing away that it would add again at once', () => {
    const close = [rule('Increase', 'GreaterThan', 70), rule('Decrease', 'LessThan', 60)];

    expect(decide(close, 2, [50])).toBeUndefined(); // 50 % of two are 100 % of one
    expect(decide(close, 2, [30])).toBe(1);
  });

  it('adds by a share, and goes to an exact count', () => {
    expect(
      decide([rule('Increase', 'GreaterThan', 70, { type: 'PercentChangeCount', value: '50' })], 4, [90]),
    ).toBe(5);
    expect(decide([rule('Increase', 'GreaterThan', 70, { type: 'ExactCount', value: '4' })], 1, [90])).toBe(
      4,
    );
  });
});

describe('activeProfile', () => {
  const at = (text: string): number => Date.parse(text);
  const week = (days: string[], hours: number, timeZone = 'UTC'): object => ({
    recurrence: { frequency: 'Week', schedule: { timeZone, days, hours: [hours], minutes: [0] } },
  });
  const fixed = {
    name: 'sale',
    fixedDate: {
      timeZone: 'W. Europe Standard Time',
      start: '2026-11-27T00:00:00',
      end: '2026-11-28T00:00:00',
    },
  };

  it.each`
    now                       | name       | because
    ${'2026-11-23T08:59:00Z'} | ${'night'} | ${'the day has not begun; Friday’s night goes on over the weekend'}
    ${'2026-11-23T09:00:00Z'} | ${'day'}   | ${'it begins at nine on Monday'}
    ${'2026-11-23T17:00:00Z'} | ${'night'} | ${'it begins at five'}
    ${'2026-11-26T23:00:00Z'} | ${'sale'}  | ${'it is midnight in Berlin'}
    ${'2026-11-27T22:59:59Z'} | ${'sale'}  | ${'fixed dates go before recurring ones'}
    ${'2026-11-27T23:00:00Z'} | ${'night'} | ${'it has ended'}
  `('at $now it is $name: $because', ({ now, name }) => {
    const days = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday'];
    const all = profiles(
      { name: 'usual' },
      { name: 'day', ...week(days, 9) },
      { name: 'night', ...week(days, 17) },
      fixed,
    );

    expect(activeProfile(all, at(now))?.name).toBe(name);
  });

  it('is the default without dates', () => {
    expect(activeProfile(profiles({ name: 'usual' }, fixed), at('2026-11-23T00:00:00Z'))?.name).toBe('usual');
  });

  it('follows summer time', () => {
    const all = profiles({ name: 'usual' }, { name: 'day', ...week(['Monday'], 9, 'Europe/Berlin') });

    expect(activeProfile(all, at('2026-07-06T07:00:00Z'))?.name).toBe('day');
    expect(activeProfile(all, at('2026-07-06T06:59:00Z'))?.name).toBe('day'); // of the Monday before
  });
});

describe('a setting that is not right', () => {
  it.each([
    [
      'bounds the wrong way round',
      { capacity: { minimum: '3', maximum: '1', default: '2' } },
      'minimum <= default',
    ],
    ['a time zone of its own', { fixedDate: { timeZone: 'Mars', start: 'a', end: 'b' } }, 'no time zone'],
    [
      'a count that is none',
      { capacity: { minimum: 'x', maximum: '1', default: '2' } },
      'of at least 0, got',
    ],
    [
      'a window of seconds',
      { rules: [rule('Increase', 'GreaterThan', 1, { cooldown: 'PT1S' })] },
      'at least PT1M',
    ],
  ])('%s is told', (_, profile, message) => {
    expect(() => profiles(profile)).toThrow(message);
  });
});
