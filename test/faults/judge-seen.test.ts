import { describe, expect, it } from 'vitest';
import type { Traffic } from '../../core/traffic.js';
import type { CellFacts } from './facts.js';
import { answer, BLUE, DOWN, HALF, look, lost, RIGHT, ROLLED_BACK, SPLIT, with_, wrote } from './right.js';
import { REFERENCE } from './specs.js';

describe('the judge of shares', () => {
  const green = { victim: 'green' } as const;
  const problem = '25 % at green, without a ready instance';

  it.each<[string, Partial<CellFacts>, readonly string[]]>([
    [
      'finds a share at nobody',
      { looks: [look(500, SPLIT, { blue: null }), look(600, SPLIT, { blue: null })] },
      ['25 % at green, missing'],
    ],
    ['takes one read that a change came into for none', { looks: [look(500, SPLIT, DOWN), look(600)] }, []],
    [
      'finds one that was there before the kill',
      { ...green, looks: [look(500, SPLIT, DOWN), look(600, SPLIT, DOWN)] },
      [problem],
    ],
    [
      'forgives what the killed part had',
      { ...green, looks: [look(900), look(1_200, SPLIT, DOWN), look(4_000, SPLIT, DOWN)] },
      [],
    ],
    [
      'and not what another part had',
      { looks: [look(900), look(1_200, SPLIT, DOWN), look(4_000, SPLIT, DOWN)] },
      [problem],
    ],
    [
      'nor for ever',
      { ...green, looks: [look(900), look(11_200, SPLIT, DOWN), look(11_300, SPLIT, DOWN)] },
      [problem],
    ],
    [
      'forgives a write that had begun before it was shown to be down',
      {
        ...green,
        events: [...wrote(1, 1_100), ...RIGHT.events.slice(2)],
        looks: [look(900, BLUE), look(1_200, BLUE, DOWN), look(1_400, SPLIT, DOWN), look(4_000, SPLIT, DOWN)],
      },
      [],
    ],
    [
      'and none that began after it',
      {
        ...green,
        events: [...wrote(1, 1_300), ...RIGHT.events.slice(2)],
        looks: [look(900, BLUE), look(1_200, BLUE, DOWN), look(1_400, SPLIT, DOWN), look(1_500, SPLIT, DOWN)],
      },
      [problem],
    ],
    [
      'nor one that takes too long to have known no better',
      {
        ...green,
        events: [...wrote(1, 1_100), ...RIGHT.events.slice(2)],
        looks: [
          look(1_200, BLUE, DOWN),
          look(3_300, BLUE, DOWN),
          look(3_400, SPLIT, DOWN),
          look(3_500, SPLIT, DOWN),
        ],
      },
      [problem],
    ],
    [
      'lets a killed blue have its share back',
      {
        victim: 'blue',
        killedAtMs: 5_000,
        looks: [
          look(5_050, SPLIT, { blue: 'updating', green: null }),
          look(5_200, BLUE, { blue: 'updating' }),
          look(5_300, BLUE, { blue: 'updating' }),
        ],
      },
      [],
    ],
  ])('%s', (_, facts, problems) => {
    expect(with_(facts)).toEqual(problems);
  });
});

describe('the judge of answers', () => {
  const count = (facts: Partial<CellFacts>): number => with_(facts).length;

  it('finds an error of a client while only a worker was away', () => {
    expect(with_({ answers: [answer, { ...answer, atMs: 1_500, status: 503, version: null }] })).toEqual([
      '1 of 2 requests failed that need not: 503 of blue (500 to 500 ms after the kill)',
    ]);
  });

  it('forgives errors of what was killed while it was dead, and no others', () => {
    expect(count({ victim: 'envoy', answers: [answer, lost] })).toBe(0);
    expect(count({ victim: 'envoy', answers: [answer, { ...lost, atMs: 30_000 }] })).toBe(1);
    expect(count({ victim: 'host', answers: [answer, lost] })).toBe(1);
  });

  it('forgives them no longer than until shortly after its first good answer', () => {
    const back = { ...answer, atMs: 3_000, deployment: 'green', version: 'green' };
    const failed = { ...lost, atMs: 6_000, status: 503, deployment: 'green' };

    expect(count({ victim: 'green', answers: [answer, failed] })).toBe(0);
    expect(count({ victim: 'green', answers: [answer, back, { ...failed, atMs: 4_900 }] })).toBe(0);
    expect(count({ victim: 'green', answers: [answer, back, { ...failed, atMs: 5_100 }] })).toBe(1);
    // Asked before the kill, and only read so late.
    expect(count({ victim: 'green', answers: [{ ...back, latencyMs: 2_100 }, failed] })).toBe(0);
  });

  it('charges answers of nobody to a killed green only while it had a share', () => {
    const looks = (from: Traffic) => [look(900, from), look(1_400, from)];

    expect(count({ victim: 'green', answers: [answer, lost], looks: looks(SPLIT) })).toBe(0);
    expect(count({ victim: 'green', answers: [answer, lost], looks: looks(BLUE) })).toBe(1);
  });

  describe('of clients that were left with a bad green', () => {
    const failed = { ...answer, deployment: 'green', status: 424, version: null };
    const from = (...timesMs: readonly number[]) => [answer, ...timesMs.map((atMs) => ({ ...failed, atMs }))];
    const breached = (atMs: number): Partial<CellFacts> => ({
      ...ROLLED_BACK,
      events: [
        ...wrote(1, 500, HALF),
        { id: 3, what: 'ActivityTaskCompleted watch', atMs },
        ...wrote(4, atMs + 100, BLUE),
      ],
    });
    const late = (tookMs: number, limitMs: number): readonly string[] => [
      `clients were left with a bad green for ${tookMs} ms; at most ${limitMs} ms`,
    ];

    it('counts from the first bad answer, and not from the verdict', () => {
      const seen = { ...breached(59_000), answers: from(2_005, 59_000) };

      expect(with_(seen)).toEqual(late(57_200, 20_000));
      expect(with_({ ...seen, victim: 'blue' })).toEqual(late(57_200, 18_000));
      expect(with_({ ...seen, victim: null, killedAtMs: null })).toEqual(late(57_200, 10_000));
      expect(
        with_({ ...breached(7_000), victim: null, killedAtMs: null, answers: from(505, 7_000) }),
      ).toEqual([]);
    });

    it('gives what was killed meanwhile its time from the kill on, and one killed later none', () => {
      const seen = { ...breached(59_000), answers: from(2_005, 59_000) };

      expect(with_({ ...seen, killedAtMs: 45_000, mendedAtMs: 46_000 })).toEqual([]);
      expect(with_({ ...seen, killedAtMs: 60_000, mendedAtMs: 61_000 })).toEqual(late(57_200, 10_000));
    });

    it('forgives no error of a green that nobody has broken yet', () => {
      const back = {
        ...breached(5_000),
        brokeAtMs: 3_000,
        spec: { ...REFERENCE['roll-back'], badGreen: false },
      };

      expect(with_({ ...back, answers: from(3_000, 5_000) })).toEqual([]);
      expect(with_({ ...back, answers: from(2_500, 3_000) })).toEqual([
        '1 of 3 requests failed that need not: 424 of green (1500 to 1500 ms after the kill)',
      ]);
    });
  });

  it('hears nothing from green a second after the rollback was read back', () => {
    const green = { ...answer, deployment: 'green', status: 500, version: null };

    expect(with_({ ...ROLLED_BACK, answers: [answer, { ...green, atMs: 6_100 }] })).toEqual([]);
    expect(with_({ ...ROLLED_BACK, answers: [answer, { ...green, atMs: 6_300 }] })).toEqual([
      'green answered 1 requests after its traffic was read back to be gone, the last 1100 ms',
    ]);
  });
});
