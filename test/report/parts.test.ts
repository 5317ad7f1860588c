import * as Plot from '@observablehq/plot';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { storyOf } from '../../report/data.js';
import { html } from '../../report/html.js';
import { panelsOf } from '../../report/panels.js';
import { draw } from '../../report/plot.js';
import { binsOf } from '../../report/series.js';
import { sharesOf } from '../../report/shares.js';
import { latencyTable } from '../../report/tables.js';
import { countAbove, quantileBand, shareBand } from '../../report/statistics.js';
import { timeAxis } from '../../report/time-marks.js';
import { looksOf, rolledBack, START_MS, windowOf } from './rollouts.js';

describe('bins', () => {
  it.each([1, 59, 60, 1000])('of %i looks hold every request once, and are few', (count) => {
    const windows = [
      windowOf({ stepIndex: 1, label: 'ramp 10 %', looks: looksOf(count, 0.1) }),
      windowOf({ stepIndex: 2, label: 'ramp 50 %', looks: looksOf(count, 0.5), startedAtMs: START_MS + 1e7 }),
    ];
    const bins = binsOf(windows);
    const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

    expect(sum(bins.map(({ green }) => green?.requests ?? 0))).toBe(
      sum(windows.flatMap(({ looks }) => looks.map(({ green }) => green.n))),
    );
    expect(sum(bins.flatMap(({ blue }) => blue?.buckets ?? []))).toBe(
      sum(windows.flatMap(({ looks }) => looks.flatMap(({ blue }) => blue.buckets.map(([, n]) => n)))),
    );
    expect(bins.length).toBeLessThanOrEqual(170);
  });

  it('leave out an arm without data, and keep the other', () => {
    const [look] = looksOf(1, 0.1);
    if (look === undefined) throw new Error('a look was asked for');
    const missing = { ...look, blue: { ...look.blue, status: 'missing' as const } };

    expect(binsOf([windowOf({ stepIndex: 1, label: 'ramp', looks: [missing] })])).toMatchObject([
      { blue: null, green: { requests: look.green.n } },
    ]);
  });

  it('end where their window ends, and each begins where the last one ended', () => {
    const bins = binsOf([windowOf({ stepIndex: 1, label: 'ramp', looks: looksOf(5, 0.1) })]);

    expect(bins.at(-1)?.toMs).toBe(START_MS + 50_000);
    expect(bins.slice(1).map(({ fromMs }) => fromMs)).toEqual(bins.slice(0, -1).map(({ toMs }) => toMs));
  });
});

describe('shares over time', () => {
  it('go up with the steps, and to nothing when the rollback was read back', () => {
    const data = rolledBack();
    const points = sharesOf(data, storyOf(data)).map(({ live, mirror }) => `${live}/${mirror}`);

    expect([...new Set(points)]).toEqual(['0/0', '0/10', '10/0', '50/0']);
    expect(points.at(-1)).toBe('0/0');
  });

  it('stay where they were after a rollback that nobody could prove', () => {
    const data = rolledBack();
    if (data.ending.kind !== 'report') throw new Error('the sample has a report');
    const report = { ...data.ending.report, outcome: 'rollback-incomplete', rollbackMs: null } as const;
    const incomplete = { ...data, ending: { kind: 'report', report } as const };

    expect(sharesOf(incomplete, storyOf(incomplete)).at(-1)).toMatchObject({ live: 50 });
  });
});

describe('what can be done now', () => {
  it('is told of a rollback that is incomplete, and of no other end', () => {
    const data = rolledBack();
    if (data.ending.kind !== 'report') throw new Error('the sample has a report');
    const report = { ...data.ending.report, outcome: 'rollback-incomplete', rollbackMs: null } as const;

    expect(storyOf(data).actionsNow).toEqual([]);
    expect(storyOf({ ...data, ending: { kind: 'report', report } }).actionsNow).toEqual([
      'greenlight endpoint show diabetes',
      'greenlight revert diabetes --to blue',
    ]);
  });
});

describe('limits', () => {
  it('follow the baseline where they are relative, and are level where they are not', () => {
    const { record } = rolledBack();
    const [errors, latency] = panelsOf(record, binsOf(record.windows));

    const relative = errors?.limits[0]?.points.map(({ value }) => value) ?? [];
    expect(Math.min(...relative)).toBeGreaterThanOrEqual(0.02);
    expect(new Set(latency?.limits[0]?.points.map(({ value }) => value))).toEqual(new Set([250]));
  });
});

describe('a chart', () => {
  it('shortens coordinates, and no number that is read', () => {
    const { text } = draw('At most 0.125', {
      y: { domain: [0, 0.00003], tickFormat: (value: number) => `${value * 100}%` },
      marks: [Plot.text([[1 / 3, 0.00001]], { text: () => 'at most 0.125' })],
    });

    expect(text).toContain('aria-label="At most 0.125"');
    expect(text).toContain('>at most 0.125<');
    expect(text).toContain('>0.001%<');
    expect(text).not.toMatch(/(?:translate\(|,)\d+\.\d\d/);
  });
});

describe('the time axis', () => {
  const MINUTE_MS = 60_000;
  it.each([1, 9, 11, 60, 900, 1_400, 1_440, 2_000, 2_880, 4_000, 7_200, 8_200, 8_600, 8_700, 40_000])(
    'of a rollout of %i minutes has no label twice, and none over another',
    (minutes) => {
      const { text } = draw('Time', {
        x: timeAxis({ fromMs: START_MS, toMs: START_MS + minutes * MINUTE_MS }),
        marks: [],
      });
      const labels = [...text.matchAll(/<text[^>]*>([^<]+)</g)].map(([, label]) => label ?? '');

      expect(labels.length).toBeGreaterThan(2);
      expect(new Set(labels).size).toBe(labels.length);
      expect(labels.join(' ').length).toBeLessThan(150); // of six pixels
    },
  );
});

describe('statistics', () => {
  it("knows Wilson's interval", () => {
    const band = shareBand(10, 100);

    expect(band?.low).toBeCloseTo(0.0552, 4);
    expect(band?.high).toBeCloseTo(0.1744, 4);
    expect(shareBand(0, 0)).toBeNull();
  });

  it('reads a quantile between edges, with a band that gets tighter with more requests', () => {
    const few = quantileBand([10, 20, 40], [0, 10, 10, 0], 0.5);
    const many = quantileBand([10, 20, 40], [0, 1000, 1000, 0], 0.5);

    expect(few?.value).toBe(20);
    expect((many?.high ?? 0) - (many?.low ?? 0)).toBeLessThan((few?.high ?? 0) - (few?.low ?? 0));
    expect(quantileBand([10, 20], [0, 0, 5], 0.5)?.value).toBe(20);
    expect(quantileBand([10, 20], [0, 0, 0], 0.5)).toBeNull();
  });

  it('keeps bands around their value, whatever the counts', () => {
    fc.assert(
      fc.property(fc.nat({ max: 1e6 }), fc.nat({ max: 1e6 }), (bad, good) => {
        const band = shareBand(bad, bad + good);
        if (band === null) return bad + good === 0;
        return band.low >= 0 && band.low <= band.value && band.value <= band.high && band.high <= 1;
      }),
    );
  });

  it('counts what lies above an edge', () => {
    expect(countAbove([10, 20, 40], [1, 2, 3, 4], 20)).toBe(7);
  });
});

describe('the table of latencies', () => {
  it('tells no time for what took longer than the last edge, but that it did', () => {
    const arm = (buckets: number[]) => ({ requests: 100, errors: 0, buckets });
    const { text } = latencyTable(
      { edgesMs: [100, 500, 1000], blue: arm([80, 15, 5, 0]), green: arm([80, 10, 0, 10]) },
      { blue: 'blue', green: 'green' },
    );
    const cells = [...text.matchAll(/<td[^>]*>([^<]*)</g)].map(([, cell]) => cell);

    expect(cells).toEqual(
      ['blue', '100', '62.5 ms', '500 ms', '900 ms'].concat([
        'green',
        '100',
        '62.5 ms',
        'over 1 s',
        'over 1 s',
      ]),
    );
  });
});

describe('html', () => {
  it('escapes what is put in, but not what is HTML already', () => {
    const inner = html`<b>${`<&"'>`}</b>`;

    expect(html`<p title="${'"x"'}">${inner}${null}${[html`<i></i>`, 'a']}${3}</p>`.text).toBe(
      '<p title="&quot;x&quot;"><b>&lt;&amp;&quot;&#39;&gt;</b><i></i>a3</p>',
    );
  });
});
