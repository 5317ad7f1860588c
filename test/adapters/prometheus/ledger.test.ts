import { describe, expect, it } from 'vitest';
import { Ledger, type RawSeries } from '../../../adapters/prometheus/ledger.js';

const INSTANCE = { job: 'envoy', instance: '10.0.0.1:9901' };

/** A sample every second from `fromSec` on; a gap where there is null. */
function series(
  values: readonly (number | null)[],
  labels: RawSeries['labels'] = INSTANCE,
  fromSec = 0,
): RawSeries {
  return {
    labels,
    samples: values.flatMap((value, i) => (value === null ? [] : [[(fromSec + i) * 1000, value] as const])),
  };
}

function total(...all: readonly RawSeries[]): number {
  const ledger = new Ledger();
  ledger.take(new Map([['q', all]]));
  return ledger.tallies('q').reduce((sum, tally) => sum + tally.total, 0);
}

describe('a counter', () => {
  it.each`
    values                    | counts | because
    ${[100, 103, 110]}        | ${10}  | ${'its first sample is where counting starts'}
    ${[100, 105, 2, 4]}       | ${9}   | ${'a process that starts anew counts from 0'}
    ${[100, 0, 0, 3]}         | ${3}   | ${'a restart to 0 takes nothing away'}
    ${[3, 2, 1]}              | ${3}   | ${'a crash loop counts what each life did'}
    ${[100, null, null, 109]} | ${9}   | ${'a gap of scrapes is one longer difference'}
    ${[100, NaN, 104]}        | ${4}   | ${'what is no number is no sample'}
    ${[100, -5, 104]}         | ${4}   | ${'no count is negative'}
    ${[100, Infinity, 104]}   | ${4}   | ${'no count is infinite'}
    ${[NaN]}                  | ${0}   | ${'nothing was counted'}
    ${[]}                     | ${0}   | ${'nothing was scraped'}
  `('counts $counts where $because', ({ values, counts }: { values: (number | null)[]; counts: number }) => {
    expect(total(series(values))).toBe(counts);
  });

  it('keeps what it counted when its instance goes, and another one comes', () => {
    const next = { job: 'envoy', instance: '10.0.0.2:9901' };

    expect(total(series([0, 50, 100]), series([0, 7], next, 3))).toBe(107);
  });

  it('counts from its first sample on at an instance that was never scraped before: it may be old', () => {
    const old = { job: 'envoy', instance: '10.0.0.9:9901' };

    expect(total(series([0, 5]), series([1_000_000, 1_000_004], old, 1))).toBe(9);
  });

  it('counts from 0 when it appears beside others of its instance that go on', () => {
    expect(total(series([10, 20, 30]), series([4, 5], { ...INSTANCE, code: '503' }, 2))).toBe(25);
  });

  it('counts from 0 also where those are told a moment later', () => {
    const late: RawSeries = {
      labels: INSTANCE,
      samples: [
        [500, 10],
        [1500, 20],
        [2500, 30],
      ],
    };
    const whole = total(late, series([4, 5], { ...INSTANCE, code: '503' }, 1));
    const ledger = new Ledger();
    for (const sec of [0, 1, 2]) {
      const error = series([4, 5].slice(sec - 1, sec), { ...INSTANCE, code: '503' }, sec);
      const one = { ...late, samples: late.samples.slice(sec, sec + 1) };
      ledger.take(new Map([['q', sec === 0 ? [one] : [one, error]]]));
    }

    expect(whole).toBe(25);
    expect(ledger.tallies('q').reduce((sum, tally) => sum + tally.total, 0)).toBe(25);
  });

  it.each([
    ['in one reading', [[0, 6]]],
    ['reading by reading', Array.from({ length: 6 }, (_, sec) => [sec, sec + 1])],
  ])('is not counted again since its process began, where its labels change: %s', (_, spans) => {
    const both = (labels: RawSeries['labels'], fromSec: number) => [
      series(
        [1e6, 1e6 + 10, 1e6 + 20].map((value) => value + 10 * fromSec),
        labels,
        fromSec,
      ),
      series([5e4, 5e4 + 1, 5e4 + 2], { ...labels, code: '503' }, fromSec),
    ];
    const all = [...both(INSTANCE, 0), ...both({ ...INSTANCE, cluster: 'eu' }, 3)];
    const ledger = new Ledger();
    for (const [from = 0, to = 0] of spans) {
      const cut = all.map(({ labels, samples }) => ({
        labels,
        samples: samples.filter(([atMs]) => atMs >= from * 1000 && atMs < to * 1000),
      }));
      ledger.take(new Map([['q', cut.filter(({ samples }) => samples.length > 0)]]));
    }

    expect(ledger.tallies('q').map(({ total: counted }) => counted)).toEqual([20, 2, 20, 2]);
  });

  it('is the same bucket however its edge is written', () => {
    const edge = (le: string, values: number[], sec: number) => series(values, { ...INSTANCE, le }, sec);

    expect(
      total(
        series([7, 7, 7, 7]),
        edge('5', [900, 910], 0),
        edge('5.0', [920, 930], 2),
        edge('+Inf', [1000, 1010, 1020, 1030], 0),
      ),
    ).toBe(60);
  });

  it('counts from 0 also when another query has seen the instance', () => {
    const ledger = new Ledger();
    ledger.take(
      new Map([
        ['requests', [series([10, 20])]],
        ['errors', [series([3], { ...INSTANCE, code: '503' }, 1)]],
      ]),
    );

    expect(ledger.tallies('errors')).toMatchObject([{ total: 3, lastMs: 1000 }]);
  });

  it('is not counted back by a replica that lags, nor by what is read twice', () => {
    const ledger = new Ledger();
    ledger.take(new Map([['q', [series([100, 110, 120])]]]));
    ledger.take(new Map([['q', [series([110, 120, 125], INSTANCE, 1)]]]));

    expect(ledger.tallies('q')).toMatchObject([{ total: 25, lastMs: 3000 }]);
  });
});

it('totals do not depend on how samples were cut into readings', () => {
  const values = [5, 9, 9, 2, 3, 30, 1, 1, 8];
  const late = { ...INSTANCE, code: '500' };
  const whole = new Ledger();
  whole.take(new Map([['q', [series(values), series([2, 4, 1], late, 4)]]]));
  const pieces = new Ledger();
  values.forEach((value, sec) => {
    const errors = [2, 4, 1][sec - 4];
    pieces.take(
      new Map([
        [
          'q',
          [series([value], INSTANCE, sec), ...(errors === undefined ? [] : [series([errors], late, sec)])],
        ],
      ]),
    );
  });

  expect(pieces.tallies('q')).toEqual(whole.tallies('q'));
  expect(whole.tallies('q').map(({ total: count }) => count)).toEqual([42, 5]);
});

it('the usual time between scrapes is not that of a gap', () => {
  const ledger = new Ledger();
  expect(ledger.everyMs()).toBeNull();

  ledger.take(new Map([['q', [series([1, 2, 3, null, null, null, 4, 5, 6])]]]));

  expect(ledger.everyMs()).toBe(1000);
});
