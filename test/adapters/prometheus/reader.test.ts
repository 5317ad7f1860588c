import { describe, expect, it } from 'vitest';
import type { RawSeries } from '../../../adapters/prometheus/ledger.js';
import { CounterReader } from '../../../adapters/prometheus/reader.js';

const HOUR = 3_600_000;
const NOON = 12 * HOUR;

/** A Prometheus that has one sample of every query each second, which counts seconds, and what it was asked. */
function world(startMs: number) {
  const asked: { readonly query: string; readonly fromMs: number; readonly toMs: number }[] = [];
  const it = { nowMs: startMs, asked, fails: (_query: string) => false };
  const samples = (query: string, fromMs: number, toMs: number): Promise<RawSeries[]> => {
    asked.push({ query, fromMs, toMs });
    if (it.fails(query)) return Promise.reject(new Error(`${query} failed`));
    const first = Math.ceil(fromMs / 1000);
    const length = Math.max(0, Math.floor(toMs / 1000) - first + 1);
    const all = Array.from({ length }, (_, i) => [(first + i) * 1000, first + i] as const);
    return Promise.resolve([{ labels: { job: 'a', instance: 'b' }, samples: all }]);
  };
  const open = () => new CounterReader({ samples }, { settleMs: 2_000, now: () => it.nowMs });
  return { it, open };
}

const totalOf = async (reader: CounterReader, query = 'q'): Promise<number | undefined> =>
  (await reader.read([query])).ledger.tallies(query)[0]?.total;

describe('counters', () => {
  it('are counted from the full hour up to a settled moment, in spans that one answer can hold', async () => {
    const { it: now, open } = world(NOON + 35 * 60_000);

    const counted = await open().read(['q']);

    expect(counted.sinceMs).toBe(NOON);
    expect(counted.ledger.tallies('q')).toMatchObject([{ total: 35 * 60 - 2, lastMs: now.nowMs - 2_000 }]);
    expect(Math.max(...now.asked.map(({ fromMs, toMs }) => toMs - fromMs))).toBeLessThanOrEqual(615_000);
  });

  it('are read on from where they were read to, and the same for a reader that has just begun', async () => {
    const { it: now, open } = world(NOON + 10 * 60_000);
    const reader = open();
    await reader.read(['q']);
    now.asked.length = 0;
    now.nowMs += 5_000;

    expect(await totalOf(reader)).toBe(10 * 60 + 3);
    expect(now.asked).toHaveLength(1);
    expect(now.asked[0]?.toMs).toBe(now.nowMs - 2_000);
    expect((now.asked[0]?.toMs ?? 0) - (now.asked[0]?.fromMs ?? 0)).toBe(20_000);
    expect(await totalOf(open())).toBe(10 * 60 + 3);
  });

  it('are read once for all who ask within half a second', async () => {
    const { it: now, open } = world(NOON + 3 * 60_000);
    const reader = open();
    await Promise.all([reader.read(['b', 'a']), reader.read(['a', 'b', 'a'])]);
    now.nowMs += 400;
    await reader.read(['a', 'b']);

    expect(now.asked.map(({ query }) => query)).toEqual(['a', 'b']);
  });

  it('begin anew two minutes into the next hour, with what it has had by then', async () => {
    const { it: now, open } = world(NOON + HOUR + 121_000);
    const reader = open();

    expect((await reader.read(['q'])).sinceMs).toBe(NOON);
    now.nowMs += 1_000;
    const next = await reader.read(['q']);
    expect(next.sinceMs).toBe(NOON + HOUR);
    expect(next.ledger.tallies('q')).toMatchObject([{ total: 120 }]);
  });

  it('of one query are never taken in without those of the others', async () => {
    const { it: now, open } = world(NOON + 5 * 60_000);
    const reader = open();
    await reader.read(['a', 'b']);
    now.nowMs += 10_000;
    now.fails = (query) => query === 'b';
    await expect(reader.read(['a', 'b'])).rejects.toThrow('b failed');
    now.fails = () => false;

    const { ledger } = await reader.read(['a', 'b']);

    expect(ledger.tallies('a')).toEqual(ledger.tallies('b'));
    expect(ledger.tallies('a')).toMatchObject([{ total: 5 * 60 + 8 }]);
  });

  it('can be given up by one reader while another waits on', async () => {
    const { open } = world(NOON + 5 * 60_000);
    const reader = open();
    const gone = new AbortController();
    const first = reader.read(['q'], gone.signal);
    const second = reader.read(['q']);
    gone.abort(new Error('gone'));

    await expect(first).rejects.toThrow('gone');
    expect((await second).ledger.tallies('q')).toHaveLength(1);
  });
});
