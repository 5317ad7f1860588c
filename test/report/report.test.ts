import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { reportHtml, type ReportData } from '../../report/index.js';
import { statusOf } from '../cli/statuses.js';
import { dataOf, evidenceOf, looksOf, rolledBack, START_MS, windowOf } from './rollouts.js';

interface Page {
  readonly html: string;
  /** What is read, with one blank between words. */
  text(selector: string): string;
  count(selector: string): number;
  all(selector: string): readonly string[];
}

function pageOf(data: ReportData): Page {
  const html = reportHtml(data);
  const { document } = parseHTML(html);
  const all = (selector: string): string[] =>
    [...document.querySelectorAll(selector)].map((found) =>
      (found.textContent ?? '').replace(/\s+/g, ' ').trim(),
    );
  return {
    html,
    all,
    text: (selector) => all(selector).join(' | '),
    count: (selector) => all(selector).length,
  };
}

describe('the page of a rollout that was rolled back', () => {
  const page = pageOf(rolledBack());

  it('says first how it ended, and why with numbers', () => {
    expect(page.text('.verdict strong')).toBe('Rolled back');
    expect(page.text('.verdict')).toContain('green answered 412 of 8,033 with an error, blue 30 of 8,120');
    expect(page.text('dl')).toContain('1.8 s from the decision to the traffic read back');
    expect(page.html.indexOf('class="verdict')).toBeLessThan(page.html.indexOf('<svg'));
  });

  it('draws shares, error rate, latency and its distribution, each with words for those who do not see it', () => {
    const labels = [...page.html.matchAll(/<svg[^>]*aria-label="([^"]*)"/g)].map(([, label]) => label);

    expect(labels).toEqual([
      "Green's share of traffic over time",
      'Error rate of both deployments over time',
      'Latency, p95 of both deployments over time',
      'Share of requests answered within a time, of both deployments',
    ]);
  });

  it('marks verdicts and people on the timeline', () => {
    const [timeline = ''] = page.all('figure');

    expect([...timeline.matchAll(/[✓✗◆]/g)].map(([sign]) => sign).join('')).toContain('✓✓✗');
    expect(timeline).toContain('ada paused: an incident <elsewhere> & "here"');
  });

  it('fills the timeline up to the share, and not above it', () => {
    const [timeline = ''] = page.html.split('</svg>');
    const heights = (mark: string): number[] =>
      [
        ...(timeline.split(`aria-label="${mark}"`)[1] ?? '')
          .split('</g>')[0]!
          .matchAll(/[ML,V](\d+(?:\.\d+)?)(?=[A-Z"])/g),
      ].map(([, y]) => Number(y));

    expect(Math.min(...heights('area'))).toBe(Math.min(...heights('line')));
    expect(heights('line').length).toBeGreaterThan(3);
  });

  it('names limits where they are drawn', () => {
    expect(page.all('figure')[1]).toContain('errors: 2 pp above the baseline');
    expect(page.all('figure')[2]).toContain('slow: at most 250 ms');
  });

  it('has a table per gate: what it saw, its bounds, what is allowed', () => {
    const rows = page.all('tbody tr').filter((row) => row.includes('breach'));

    expect(rows).toEqual([
      'ramp 50 % breach 412 of 8,033 (5.13%) 30 of 8,120 (0.369%) 3.1 pp … 6.2 pp 2 pp 100 % 100 % 0 % 0 %',
    ]);
  });

  it('calls the versions by their names in it: the baseline may be the one called green', () => {
    expect(page.all('thead tr')).toContain(
      'step standing green blue excess lies between allowed to a rollback to proven',
    );
  });

  it('says who acted and why, escaped', () => {
    expect(page.all('tr').find((row) => row.includes('ada paused'))).toBe(
      '2026-11-21 14:06:46 UTC ada paused an incident <elsewhere> & "here"',
    );
    expect(page.html).not.toContain('<elsewhere>');
  });

  it('needs nothing else to be read: no script, no address that is loaded', () => {
    expect(page.count('script')).toBe(0);
    expect(/\b(src|srcset)=|url\((?!#)|@import|<link/.test(page.html)).toBe(false);
    expect(page.html).toContain("default-src 'none'");
  });

  it('stays light for a rollout of a thousand looks', () => {
    expect(reportHtml(rolledBack(1000)).length).toBeLessThan(1_000_000);
  });

  it('is the same page for the same data', () => {
    expect(reportHtml(rolledBack()) === page.html).toBe(true);
  });
});

describe('the page of a rollout under way', () => {
  const status = statusOf({
    phase: 'waiting-for-approval',
    startedAtMs: START_MS,
    verdict: 'all gates are content',
    actionsNow: ['greenlight approve diabetes'],
  });
  const looks = looksOf(12, 0.1);
  const page = pageOf(
    dataOf([windowOf({ stepIndex: 1, label: 'ramp 10 %', looks })], { ending: { kind: 'running', status } }),
  );

  it('says where it stands and what can be done', () => {
    expect(page.text('.verdict strong')).toBe('Under way: waiting for approval');
    expect(page.text('.verdict')).toContain('greenlight approve diabetes');
    expect(page.text('dl')).toContain('As of 2026-11-21 15:02:00 UTC, after 1h');
  });
});

describe('pages with little to show', () => {
  it('tells a rejected rollout without charts of what was never measured', () => {
    const { ending } = rolledBack();
    const report = {
      ...(ending.kind === 'report' ? ending.report : neverHappens()),
      outcome: 'rejected',
      steps: [],
    } as const;
    const page = pageOf(dataOf([], { ending: { kind: 'report', report }, endedAtMs: START_MS + 900 }));

    expect(page.text('.verdict strong')).toBe('Rejected before anything was changed');
    expect(page.text('p')).toContain('No look was taken');
  });

  it('warns of one that ended from outside: nothing was taken back', () => {
    const page = pageOf(
      dataOf([windowOf({ stepIndex: 1, label: 'ramp 10 %', looks: looksOf(3, 0.1) })], {
        ending: { kind: 'lost', because: 'it was terminated' },
        endedAtMs: START_MS + 60_000,
      }),
    );

    expect(page.text('.alarm')).toContain('it was terminated. Nothing was taken back');
  });

  it('shows errors alone where the source has no histogram', () => {
    const looks = looksOf(3, 0.1).map((look) => ({
      ...look,
      blue: { ...look.blue, buckets: [], timed: false },
      green: { ...look.green, buckets: [], timed: false },
    }));
    const evidence = [evidenceOf('errors')];
    const page = pageOf(
      dataOf([windowOf({ stepIndex: 1, label: 'ramp 10 %', looks, evidence, edgesMs: [] })], {
        ending: { kind: 'running', status: statusOf() },
      }),
    );

    expect(page.count('figure')).toBe(2);
    expect(page.text('figcaption')).toContain('Error rate');
  });
});

function neverHappens(): never {
  throw new Error('the sample has a report');
}
