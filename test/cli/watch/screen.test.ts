import { describe, expect, it } from 'vitest';
import { bar, percentCell } from '../../../cli/watch/bars.js';
import { addLook, gateRow, sparkline, type LookHistory } from '../../../cli/watch/gate-rows.js';
import { screenOf } from '../../../cli/watch/screen.js';
import { ERRORS, START_MS, statusOf } from '../statuses.js';

const NONE: LookHistory = new Map();
const NOW_MS = START_MS + 72_000;

describe('the steps', () => {
  it('have a mark each: done, under way, to come', () => {
    expect(screenOf(statusOf(), NONE, NOW_MS).steps).toEqual([
      { mark: '✓', tone: 'good', label: 'create', text: 'green is ready (12s)' },
      { mark: '▶', tone: 'busy', label: 'ramp 10 %', text: 'for 1m' },
      { mark: '·', tone: 'quiet', label: 'approve', text: '' },
      { mark: '·', tone: 'quiet', label: 'cutover', text: '' },
    ]);
  });

  it('show that one stands still', () => {
    const paused = { by: 'ada', reason: 'lunch', sinceMs: NOW_MS - 5_000 };
    const screen = screenOf(statusOf({ paused, phase: 'paused' }), NONE, NOW_MS);

    expect(screen.steps[1]?.mark).toBe('‖');
    expect(screen.standstill).toBe('paused by ada: lunch');
  });
});

describe('what is asked for again', () => {
  const retrying = { activity: 'setTraffic', attempt: 4, sinceMs: START_MS, because: '503 gone' };

  it('is said with the last answer', () => {
    const screen = screenOf(statusOf({ phase: 'rolling-back', retrying }), NONE, NOW_MS);

    expect(screen.standstill).toBe(
      'retrying: set the traffic, attempt 4 since 2026-11-21 14:02:00 UTC; the last answer: 503 gone',
    );
  });

  it('stands below why it stands still', () => {
    const paused = { by: 'ada', reason: 'lunch', sinceMs: NOW_MS - 5_000 };
    const screen = screenOf(statusOf({ paused, phase: 'paused', retrying }), NONE, NOW_MS);

    expect(screen.standstill).toMatch(/^paused by ada: lunch\nretrying: set the traffic/);
  });
});

describe('the clock', () => {
  const times = { sinceMs: START_MS + 12_000, atLeastMs: 120_000, atMostMs: 600_000 };

  it.each`
    what                | more                                                                       | text
    ${'runs'}           | ${{ times }}                                                               | ${'1m of 2m .. 10m, 9m left'}
    ${'of a bake'}      | ${{ times: { ...times, atLeastMs: 600_000 } }}                             | ${'1m of 10m, 9m left'}
    ${'of an approval'} | ${{ times: { ...times, atLeastMs: 0 } }}                                   | ${'1m of 10m, 9m left'}
    ${'is over'}        | ${{ times: { ...times, atMostMs: 30_000, atLeastMs: 0 } }}                 | ${'1m of 30s, time is over'}
    ${'is stopped'}     | ${{ times, paused: { by: 'a', reason: 'b', sinceMs: START_MS + 42_000 } }} | ${'30s of 2m .. 10m, clock stopped'}
  `('$what: $text', ({ more, text }: { more: object; text: string }) => {
    expect(screenOf(statusOf(more), NONE, NOW_MS).clock?.text).toBe(text);
  });

  it('is not shown where the step has no times, or the worker knows none', () => {
    expect(screenOf(statusOf({ times: null }), NONE, NOW_MS).clock).toBeNull();
    expect(screenOf(statusOf(), NONE, NOW_MS).clock).toBeNull();
  });
});

describe('the keys', () => {
  it('are those of the commands that make sense now', () => {
    const keys = (actionsNow: readonly string[]): string =>
      screenOf(statusOf({ actionsNow }), NONE, NOW_MS)
        .keys.map(({ key, name }) => `${key} ${name}`)
        .join(', ');

    expect(keys(['greenlight pause diabetes --reason …', 'greenlight abort diabetes --reason …'])).toBe(
      'p pause, x abort, q leave',
    );
    expect(keys(['greenlight approve diabetes', 'greenlight reject diabetes --reason …'])).toBe(
      'a approve, r reject, q leave',
    );
    expect(keys(['greenlight resume diabetes'])).toBe('p resume, q leave');
    expect(keys([])).toBe('q leave');
  });

  it('leave a change from outside to its two commands', () => {
    const hold = {
      kind: 'drift',
      sinceMs: START_MS,
      because: 'someone changed it',
      observed: null,
      scaled: [],
      earlier: null,
    } as const;
    const actionsNow = [
      'greenlight drift diabetes --adopt --reason …',
      'greenlight drift diabetes --restore --reason …',
    ];
    const expected = { live: { blue: 90, green: 10 }, mirror: {} };
    const screen = screenOf(statusOf({ hold: { ...hold, expected }, actionsNow }), NONE, NOW_MS);

    expect(screen.standstill).toBe(
      'held: someone changed it\n  $ greenlight drift diabetes --adopt --reason …\n  $ greenlight drift diabetes --restore --reason …',
    );
  });
});

describe('the shares', () => {
  it('are one bar per deployment and kind of traffic', () => {
    const traffic = { live: { blue: 100 }, mirror: { green: 10 } };

    expect(screenOf(statusOf({ traffic }), NONE, NOW_MS).shares).toEqual([
      { name: 'blue', percent: 100, kind: 'live', isGreen: false },
      { name: 'green', percent: 10, kind: 'mirror', isGreen: true },
    ]);
  });
});

describe('a gate', () => {
  it('says counts, bounds against what is allowed, and how far it is', () => {
    const row = gateRow({ ...ERRORS, lower: -0.0042, upper: 0.0071, towardPass: 0.71 }, [], statusOf());

    expect(row).toMatchObject({
      counts: 'green 3 of 412 (0.728%), blue 11 of 3,690 (0.298%)',
      bounds: '-0.42 pp … 0.71 pp, 0.5 pp allowed',
      limit: 'at most 0.5 pp more than blue',
      towardPass: 0.71,
    });
  });

  it('is left out while nobody listens to it', () => {
    const evidence = [{ ...ERRORS, standing: 'idle' as const }];

    expect(screenOf(statusOf({ evidence }), NONE, NOW_MS).gates).toEqual([]);
  });

  it('keeps what each new look counted, and begins anew with a step', () => {
    const look = (bad: number, requests: number, stepIndex = 1) =>
      statusOf({ stepIndex, evidence: [{ ...ERRORS, green: { bad, requests } }] });

    const history = [look(0, 10), look(0, 10), look(5, 20), look(6, 30), look(1, 4, 2)].reduce(addLook, NONE);

    expect(history.get('errors')?.shares).toEqual([0, 0.5, 0.1, 0.25]);
  });

  it('draws its looks as blocks', () => {
    expect(sparkline([0, 0.5, 1, 2, null], 1)).toBe('▁▅██ ');
    expect(sparkline([0, 0.1], 0)).toBe('▁█');
  });
});

describe('bars', () => {
  it.each`
    fraction | drawn
    ${0}     | ${'░░░░'}
    ${0.01}  | ${'▌░░░'}
    ${0.5}   | ${'██░░'}
    ${0.625} | ${'██▌░'}
    ${1}     | ${'████'}
    ${7}     | ${'████'}
  `('$fraction: $drawn', ({ fraction, drawn }: { fraction: number; drawn: string }) => {
    expect(bar(fraction, 4)).toBe(drawn);
  });

  it('are told in as many columns, whatever they are', () => {
    expect([0, 0.04, 1].map(percentCell)).toEqual(['   0 %', '   4 %', ' 100 %']);
  });
});
