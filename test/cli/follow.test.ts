import { describe, expect, it } from 'vitest';
import { atTheEnd } from '../../client/events.js';
import { changes, endLines, isWorthTelling } from '../../cli/follow.js';
import { ERRORS, reportOf, START_MS, statusOf, stepOf } from './statuses.js';

describe('changes', () => {
  it('tells everything so far at the first answer', () => {
    expect(
      changes(null, statusOf({ verdict: 'gate errors is open: green answered 3 of 412 with an error' })),
    ).toEqual([
      'diabetes on host/local: blue → green, 4 steps',
      '✓ 1/4 create: green is ready (12s)',
      '▶ 2/4 ramp 10 %; next: approve, as soon as every required gate is proven',
      'traffic: blue 90 %, green 10 %',
      'verdict: gate errors is open: green answered 3 of 412 with an error',
    ]);
  });

  it('tells nothing when nothing changed', () => {
    const same = statusOf({ verdict: 'gate errors is open', notes: ['a note'] });

    expect(changes(same, { ...same })).toEqual([]);
  });

  it('tells preflight once, without a step', () => {
    const preflight = statusOf({ phase: 'preflight', baseline: '', steps: [], stepIndex: 0, traffic: null });

    expect(changes(null, preflight)).toEqual([
      'diabetes on host/local: → green, 4 steps',
      'preflight: checks the endpoint, changes nothing',
    ]);
    expect(changes(preflight, preflight)).toEqual([]);
  });

  it('tells every step that ended between two answers, and the one under way', () => {
    const before = statusOf({ stepIndex: 0, steps: [], traffic: { live: { blue: 100 }, mirror: {} } });
    const ramped = stepOf(
      'ramp 10 %',
      'errors proven: green answered 0 of 405 with an error',
      12_000,
      43_000,
    );
    const after = statusOf({
      phase: 'waiting-for-approval',
      stepIndex: 2,
      steps: [...statusOf().steps, ramped],
      verdict: 'errors proven: green answered 0 of 405 with an error',
      next: 'cutover, once approved',
      actionsNow: ['greenlight approve diabetes', 'greenlight reject diabetes --reason …'],
    });

    expect(changes(before, after)).toEqual([
      '✓ 1/4 create: green is ready (12s)',
      '✓ 2/4 ramp 10 %: errors proven: green answered 0 of 405 with an error (31s)',
      '▶ 3/4 approve; next: cutover, once approved',
      'traffic: blue 90 %, green 10 %',
      'waits for approval',
      '  $ greenlight approve diabetes',
      '  $ greenlight reject diabetes --reason …',
    ]);
  });

  it('tells of each of two approvals in a row', () => {
    const first = statusOf({
      phase: 'waiting-for-approval',
      stepLabels: ['create', 'approve', 'approve', 'cutover'],
    });
    const second = {
      ...first,
      stepIndex: 2,
      steps: [...first.steps, stepOf('approve', 'approved by ann', 12_000, 20_000)],
      next: 'cutover, once approved',
      actionsNow: ['greenlight approve diabetes'],
    };

    expect(changes(first, second)).toEqual([
      '✓ 2/4 approve: approved by ann (8s)',
      '▶ 3/4 approve; next: cutover, once approved',
      'waits for approval',
      '  $ greenlight approve diabetes',
    ]);
    expect(changes(second, { ...second })).toEqual([]);
  });

  it.each([
    [
      'a hold, with its reason and what can be done',
      statusOf(),
      statusOf({
        phase: 'held',
        verdict: 'no decision after 30 min',
        hold: { kind: 'undecided', sinceMs: START_MS, because: 'no decision after 30 min' },
        actionsNow: ['greenlight approve diabetes'],
      }),
      ['held: no decision after 30 min', '  $ greenlight approve diabetes'],
    ],
    [
      'what is asked for again, with the last answer',
      statusOf({ phase: 'rolling-back', retrying: null }),
      statusOf({
        phase: 'rolling-back',
        retrying: { activity: 'setTraffic', attempt: 2, sinceMs: START_MS, because: '503 gone' },
      }),
      ['retrying: set the traffic, attempt 2 since 2026-11-21 14:02:00 UTC; the last answer: 503 gone'],
    ],
    [
      'a pause as what somebody did',
      statusOf(),
      statusOf({
        phase: 'paused',
        paused: { by: 'ada', reason: 'lunch', sinceMs: START_MS },
        actions: [{ kind: 'pause', by: 'ada', reason: 'lunch', atMs: START_MS }],
        actionsNow: ['greenlight resume diabetes'],
      }),
      ['ada paused: lunch', '  $ greenlight resume diabetes'],
    ],
    [
      'an approval without a reason',
      statusOf(),
      statusOf({ actions: [{ kind: 'approve', by: 'ada', reason: '', atMs: START_MS }] }),
      ['ada approved'],
    ],
    [
      'a rollback whose step says why, once',
      statusOf(),
      statusOf({
        phase: 'rolling-back',
        verdict: 'green answered 37 of 412 with an error',
        steps: [
          ...statusOf().steps,
          stepOf('ramp 10 %', 'green answered 37 of 412 with an error', 12_000, 20_000, true),
        ],
        traffic: { live: { blue: 100 }, mirror: {} },
      }),
      [
        '✗ 2/4 ramp 10 %: green answered 37 of 412 with an error (8s)',
        '↩ rolling back',
        'traffic: blue 100 %',
      ],
    ],
    [
      'a rollback before its step is told',
      statusOf(),
      statusOf({ phase: 'rolling-back', verdict: 'green answered 37 of 412 with an error' }),
      ['↩ rolling back: green answered 37 of 412 with an error'],
    ],
    [
      'a note',
      statusOf(),
      statusOf({ notes: ['blue could not be deleted: no answer'] }),
      ['note: blue could not be deleted: no answer'],
    ],
  ])('tells %s', (_what, before, after, lines) => {
    expect(changes(before, after)).toEqual(lines);
  });

  it('tells at the end what no answer told before', () => {
    const last = statusOf();
    const report = reportOf({ steps: [...last.steps, stepOf('ramp 10 %', 'proven', 12_000, 13_000)] });

    expect(changes(last, atTheEnd(last, report))).toEqual(['✓ 2/4 ramp 10 %: proven (1s)']);
  });
});

describe('endLines', () => {
  it('gives outcome, time and reason', () => {
    expect(endLines(reportOf())).toEqual(['PROMOTED after 1m30s: diabetes is served by green']);
  });

  it('says how long a rollback took', () => {
    expect(
      endLines(reportOf({ outcome: 'rolled-back', reason: 'too many errors', rollbackMs: 840 })),
    ).toEqual([
      'ROLLED BACK after 1m30s: too many errors',
      '  from the decision to the traffic read back: 0.8 s',
    ]);
  });

  it('says what is left to do, and how, when a rollback is incomplete', () => {
    const report = reportOf({
      outcome: 'rollback-incomplete',
      reason: 'too many errors',
      left: ['set the traffic of diabetes to blue 100 % (no answer)'],
    });

    expect(endLines(report)).toEqual([
      'ROLLBACK INCOMPLETE after 1m30s: too many errors',
      '  left to do: set the traffic of diabetes to blue 100 % (no answer)',
      '  now: look at it with `greenlight endpoint show diabetes`, then `greenlight revert diabetes --to blue`',
    ]);
  });
});

describe('isWorthTelling', () => {
  const look = statusOf({ evidence: [ERRORS] });
  const inStep = (sec: number) => look.stepStartedAtMs + sec * 1_000;

  it.each([
    [
      'a gate changed its standing',
      statusOf({ evidence: [{ ...ERRORS, standing: 'suspicious' }] }),
      3,
      2,
      true,
    ],
    ['nothing changed since a moment ago', look, 3, 2, false],
    ['nothing changed, and five seconds passed', look, 8, 3, true],
    ['nothing changed in a step of an hour, and a minute passed', look, 3_600, 3_540, false],
    ['nothing changed in a step of an hour, and a quarter passed', look, 3_600, 2_700, true],
  ])('when %s', (_when, told, nowSec, toldSec, worth) => {
    expect(isWorthTelling(told, look, { nowMs: inStep(nowSec), lookToldAtMs: inStep(toldSec) })).toBe(worth);
  });

  it('not while green has no request yet, and then it is news', () => {
    const empty = statusOf({ evidence: [{ ...ERRORS, green: { bad: 0, requests: 0 } }] });

    expect(isWorthTelling(null, empty, { nowMs: inStep(3), lookToldAtMs: 0 })).toBe(false);
    expect(isWorthTelling(null, empty, { nowMs: inStep(11), lookToldAtMs: 0 })).toBe(true);
  });
});
