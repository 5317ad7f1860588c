import { describe, expect, it } from 'vitest';
import {
  collect,
  expectedPerBlue,
  holds,
  readingOf,
  startCollecting,
  type CollectOptions,
  type Collected,
  type CollectorState,
  type Reading,
} from '../../../core/gates/index.js';
import type { Counters } from '../../../core/metrics.js';

const OPTIONS: CollectOptions = { intervalMs: 5000, edgesMs: [100, 200], perBlue: 1 / 9, patienceMs: 30_000 };

function counters(requests: number, errors = 0, over: Partial<Counters> = {}): Counters {
  return { requests, errors, le: [requests / 2, requests, requests], active: null, ...over };
}

function reading(
  atSec: number,
  blue: Counters | null,
  green: Counters | null,
  over: Partial<Reading> = {},
): Reading {
  return { atMs: atSec * 1000, ageMs: 0, edgesMs: [100, 200], blue, green, ...over };
}

/** Takes readings in one after the other, over JSON, as a resumed attempt would. */
function follow(readings: readonly Reading[], options: CollectOptions = OPTIONS): Collected[] {
  const [first, ...rest] = readings as [Reading, ...Reading[]];
  let state: CollectorState = startCollecting(first, options);
  return rest.map((each) => {
    const got = collect(JSON.parse(JSON.stringify(state)) as CollectorState, each, options);
    state = got.state;
    return got;
  });
}

const looksOf = (readings: readonly Reading[], options?: CollectOptions) =>
  follow(readings, options).map(({ look }) => look);

describe('looks from counters', () => {
  it('are differences of both arms over the same time', () => {
    const [look] = looksOf([
      reading(0, counters(900, 9), counters(100, 1)),
      reading(5, counters(990, 10), counters(110, 3)),
    ]);

    expect(look).toEqual({
      dtSec: 5,
      blue: { n: 90, errors: 1, le: [45, 90, 90] },
      green: { n: 10, errors: 2, le: [5, 10, 10] },
      status: { blue: 'ok', green: 'ok' },
    });
  });

  it('wait for an arm that is away, and become one longer look', () => {
    const looks = looksOf([
      reading(0, counters(900), counters(100)),
      reading(5, null, counters(110)),
      reading(10, counters(1080), null),
      reading(15, counters(1170), counters(130)),
    ]);

    expect(looks.slice(0, 2)).toEqual([null, null]);
    expect(looks[2]).toMatchObject({
      dtSec: 15,
      blue: { n: 270 },
      green: { n: 30 },
      status: { blue: 'ok', green: 'ok' },
    });
  });

  it('bridge a gap in watching with one longer look: nothing is lost', () => {
    const [look] = looksOf([
      reading(0, counters(900), counters(100)),
      reading(600, counters(9900), counters(1100)),
    ]);
    expect(look).toMatchObject({ dtSec: 600, blue: { n: 9000 }, green: { n: 1000 } });
  });

  it('go on without an arm that stays away, and take it back with its edges in line', () => {
    const got = follow([
      reading(0, counters(900), counters(100)),
      reading(10, null, counters(120)),
      reading(30, null, counters(160)),
      reading(35, null, counters(170)),
      reading(40, counters(5000), counters(180)),
      reading(45, counters(5090), counters(190)),
    ]);

    expect(got[0]?.look).toBeNull();
    expect(got[1]?.look).toMatchObject({
      dtSec: 30,
      green: { n: 60 },
      status: { blue: 'missing', green: 'ok' },
    });
    expect(got[2]?.look).toMatchObject({
      dtSec: 5,
      green: { n: 10 },
      status: { blue: 'missing', green: 'ok' },
    });
    expect(got[3]?.look).toMatchObject({ dtSec: 5, status: { blue: 'missing', green: 'ok' } });
    expect(got[4]?.look).toMatchObject({
      dtSec: 5,
      blue: { n: 90 },
      green: { n: 10 },
      status: { blue: 'ok', green: 'ok' },
    });
    expect(got[2]?.signals).toContainEqual({ kind: 'missing', arm: 'blue', forSec: 25 });
    expect(got[4]?.signals).toEqual([]);
  });

  it('keep what both arms did while the source was away', () => {
    const got = follow([
      reading(0, counters(900), counters(100)),
      reading(20, null, null, { ageMs: Infinity }),
      reading(40, null, null, { ageMs: Infinity }),
      reading(45, counters(1800), counters(200)),
    ]);

    expect(got.map(({ look }) => look?.status.green ?? null)).toEqual([null, 'missing', 'ok']);
    expect(got[2]?.look).toMatchObject({ dtSec: 5, blue: { n: 900 }, green: { n: 100 } });
  });

  it.each([
    ['a bit sooner', 4.98, 5],
    ['a bit later', 5.24, 5],
    ['a bit sooner, after one that told nothing', 9.8, 10],
    ['much sooner', 4.7, 4.7],
    ['much later', 5.3, 5.3],
    ['at once', 0.001, 0.001],
  ])('last as long as was meant where they come %s', (_, atSec, dtSec) => {
    const [look] = looksOf([
      reading(0, counters(900), counters(100)),
      reading(atSec, counters(990), counters(110)),
    ]);

    expect(look?.dtSec).toBe(dtSec);
  });

  it('do not count the same data twice, nor old data at all', () => {
    const got = follow([
      reading(0, counters(900), counters(100)),
      reading(5, counters(900), counters(100), { ageMs: 5000 }),
      reading(10, counters(990), counters(110), { ageMs: 1000 }),
      reading(100, counters(9990), counters(1110), { ageMs: 61_000 }),
    ]);

    expect(got[0]?.look).toBeNull();
    expect(got[1]?.look).toMatchObject({ dtSec: 10, green: { n: 10 } });
    expect(got[2]?.look).toMatchObject({ status: { blue: 'missing', green: 'missing' } });
    expect(got[2]?.signals).toEqual([{ kind: 'stale', ageSec: 61 }]);
  });

  it('see no green until it has been seen twice', () => {
    const got = follow([
      reading(0, counters(900), null),
      reading(5, counters(990), counters(10)),
      reading(10, counters(1080), counters(20)),
    ]);

    expect(got[0]?.look).toMatchObject({ status: { blue: 'ok', green: 'missing' } });
    expect(got[1]?.look).toMatchObject({ green: { n: 10 }, status: { green: 'ok' } });
  });

  it('do without blue once there is none', () => {
    const got = follow([reading(0, null, counters(100)), reading(5, null, counters(110))], {
      ...OPTIONS,
      perBlue: null,
      alone: true,
    });
    expect(got[0]?.look).toMatchObject({ green: { n: 10 }, status: { blue: 'missing', green: 'ok' } });
    expect(got[0]?.signals).toEqual([]);
  });

  it('leave out a histogram with other edges than the gates’, and keep the errors', () => {
    const other = { edgesMs: [100, 250] };
    const [look] = looksOf([
      reading(0, counters(900), counters(100), other),
      reading(5, counters(990), counters(110, 2), other),
    ]);
    expect(look?.green).toEqual({ n: 10, errors: 2, le: [] });
  });

  it('survive a clock that went back', () => {
    const got = follow([
      reading(3600, counters(900), counters(100)),
      reading(0, counters(990), counters(110)),
      reading(5, counters(1080), counters(120)),
    ]);
    expect(got.map(({ look }) => [look?.dtSec, look?.green.n])).toEqual([
      [0, 10],
      [5, 10],
    ]);
  });
});

describe('arms that are scraped at moments of their own', () => {
  const EVERY = 15;
  /** Nine requests a second of blue and one of green, as far as each was scraped. */
  const at = (sec: number, last: Partial<Record<'blue' | 'green', number>> = {}): Reading => {
    const scraped = (phase: number) => Math.floor((sec - phase) / EVERY) * EVERY + phase;
    const { blue = scraped(0), green = scraped(7) } = last;
    const newest = Math.max(blue, green);
    const of = (perSec: number, dataSec: number) =>
      counters(1000 + perSec * dataSec, 0, dataSec < newest ? { olderByMs: (newest - dataSec) * 1000 } : {});
    return reading(sec, of(9, blue), of(1, green), { ageMs: (sec - newest) * 1000, everyMs: EVERY * 1000 });
  };
  const every5 = (from: number, to: number) =>
    Array.from({ length: (to - from) / 5 + 1 }, (_, i) => from + 5 * i);

  it('have a look once both have something new, and lose nothing', () => {
    const got = follow(every5(30, 120).map((sec) => at(sec)));

    const looks = got.flatMap(({ look }) => look ?? []);
    expect(looks.map(({ dtSec }) => dtSec)).toEqual([15, 15, 15, 15, 15, 15]);
    expect(looks.map(({ blue, green }) => [blue.n, green.n])).toEqual(looks.map(() => [135, 15]));
    expect(got.flatMap(({ signals }) => signals)).toEqual([]);
  });

  it('go on without one that has nothing new for long, and take it back with its edges in line', () => {
    const got = follow(every5(30, 90).map((sec) => at(sec, sec < 75 ? { green: 22 } : {})));

    const looks = got.flatMap(({ look }) => look ?? []);
    expect(looks.map(({ dtSec, status, green }) => [dtSec, status.green, green.n])).toEqual([
      [30, 'missing', 0],
      [15, 'missing', 0],
      [15, 'ok', 15],
    ]);
  });

  it('are read on from where a worker was that took one moment for both', () => {
    const { armsAtMs: _, ...old } = startCollecting(at(30), OPTIONS);

    const early = collect(old, at(40), OPTIONS);
    const { look } = collect(early.state, at(45), OPTIONS);

    expect(early.look).toBeNull();
    expect(look).toMatchObject({ dtSec: 15, blue: { n: 135 }, green: { n: 15 } });
  });
});

describe('counters that cannot be true', () => {
  it.each([
    ['not a number', counters(NaN)],
    ['negative', counters(-1, 0, { le: [] })],
    ['more errors than requests', counters(5, 6)],
    ['buckets that shrink', counters(110, 0, { le: [50, 40, 110] })],
    ['beyond counting', counters(1e18)],
  ])('are no data, and the next reading mends it: %s', (_, wrong) => {
    const got = follow([
      reading(0, counters(900), counters(100)),
      reading(5, counters(990), wrong),
      reading(10, counters(1080), counters(120)),
    ]);

    expect(got[0]?.look).toBeNull();
    expect(got[1]?.look).toMatchObject({ dtSec: 10, blue: { n: 180 }, green: { n: 20 } });
  });
});

describe('a counter reset', () => {
  it('discards the look of that arm alone', () => {
    const got = follow([
      reading(0, counters(900), counters(100)),
      reading(5, counters(990), counters(4)),
      reading(10, counters(1080), counters(14)),
    ]);

    expect(got[0]?.look).toMatchObject({
      blue: { n: 90 },
      green: { n: 0 },
      status: { blue: 'ok', green: 'reset' },
    });
    expect(got[1]?.look).toMatchObject({ green: { n: 10 }, status: { green: 'ok' } });
  });

  it.each([false, true])(
    'of both at once are the source’s, and no sign of a green that restarts (alone: %s)',
    (alone) => {
      const at = (sec: number, n: number) => reading(sec, counters(n * 9), counters(n));
      const times = [0, 60, 65, 120, 125, 180, 185, 240].map((sec, i) => at(sec, i % 2 === 0 ? 100 : 1));

      const got = follow(times, { ...OPTIONS, alone });

      expect(got.at(-1)?.signals.some(({ kind }) => kind === 'restarting')).toBe(false);
    },
  );

  it('of green is none of its own where the baseline has no requests that could tell', () => {
    const at = (sec: number, n: number) => reading(sec, counters(sec === 0 ? 500_000 : 0), counters(n));
    const restarted = [60, 120, 180, 240].flatMap((sec) => [at(sec, 1), at(sec + 5, 100)]);

    const got = follow([at(0, 100), ...restarted], { ...OPTIONS, alone: true });

    expect(got.filter(({ look }) => look?.status.green === 'reset')).toHaveLength(4);
    expect(got.some(({ signals }) => signals.some(({ kind }) => kind === 'restarting'))).toBe(false);
  });

  it('of green, three times in ten minutes, is a signal of its own', () => {
    const at = (sec: number, n: number) => reading(sec, counters(10_000 + sec * 18), counters(n));
    const loop = (gapSec: number) =>
      follow([
        at(0, 100),
        at(gapSec, 1),
        at(gapSec + 5, 9),
        at(2 * gapSec, 1),
        at(2 * gapSec + 5, 9),
        at(3 * gapSec, 1),
      ]);

    const restarts = loop(60).at(-1);
    expect(restarts?.signals).toContainEqual({ kind: 'restarting', count: 3, windowSec: 120 });
    expect(holds(restarts?.signals ?? [])).toBe(true);
    expect(
      loop(60)
        .at(-2)
        ?.signals.some(({ kind }) => kind === 'restarting'),
    ).toBe(false);
    expect(
      loop(400)
        .at(-1)
        ?.signals.some(({ kind }) => kind === 'restarting'),
    ).toBe(false);
  });
});

describe('starved green', () => {
  const minute = (blue: number, green: number, options = OPTIONS, sec = 60) =>
    follow(
      Array.from({ length: sec / 5 + 1 }, (_, i) =>
        reading(i * 5, counters((blue * i) / 12), counters((green * i) / 12, 0, { active: 7 })),
      ),
      options,
    ).at(-1)?.signals ?? [];

  it.each`
    blue   | green | starved  | because
    ${900} | ${49} | ${true}  | ${'fewer than half of the 100 due came'}
    ${900} | ${50} | ${false} | ${'half of them came'}
    ${171} | ${0}  | ${false} | ${'only 19 were due'}
    ${180} | ${0}  | ${true}  | ${'20 were due'}
    ${0}   | ${0}  | ${false} | ${'there is no traffic at all'}
  `('is $starved when $because', ({ blue, green, starved }) => {
    const found = minute(blue as number, green as number);
    expect(found.some(({ kind }) => kind === 'starved')).toBe(starved);
    expect(holds(found)).toBe(starved);
  });

  it('tells what was due, what came, and what is waiting', () => {
    const [signal] = minute(900, 12);
    expect(signal).toMatchObject({ kind: 'starved', got: 12, windowSec: 60, waiting: 7 });
    expect(signal?.kind === 'starved' && signal.expected).toBeCloseTo(100, 9);
  });

  it('is not judged before a minute, nor where the share says nothing', () => {
    expect(minute(9000, 0, OPTIONS, 55)).toEqual([]);
    expect(minute(9000, 0, { ...OPTIONS, perBlue: null })).toEqual([]);
  });

  it('forgets what came at another share', () => {
    let state = startCollecting(reading(0, counters(0), counters(0)), OPTIONS);
    for (let i = 1; i <= 12; i++)
      state = collect(state, reading(i * 5, counters(i * 90), counters(0)), OPTIONS).state;
    const next = collect(state, reading(65, counters(1170), counters(0)), { ...OPTIONS, perBlue: 1 });
    expect(next.signals).toEqual([]);
  });

  it.each`
    kind        | percent | perBlue
    ${'live'}   | ${10}   | ${1 / 9}
    ${'live'}   | ${50}   | ${1}
    ${'live'}   | ${100}  | ${null}
    ${'live'}   | ${0}    | ${null}
    ${'mirror'} | ${10}   | ${0.1}
  `('$percent percent $kind are $perBlue of green for each of blue', ({ kind, percent, perBlue }) => {
    const got = expectedPerBlue(kind as 'live', percent as number);
    if (perBlue === null) expect(got).toBeNull();
    else expect(got).toBeCloseTo(perBlue as number, 12);
  });
});

describe('a source that is behind', () => {
  /** It tells of two minutes and 12 s ago; the step began at 100 s. */
  const behind = { ageMs: 12_000, everyMs: 5000, behindMs: 120_000 };
  const at = (sec: number) => reading(sec, counters(sec * 180), counters(sec), behind);
  const sec = Array.from({ length: 20 }, (_, i) => 120 + 15 * i);

  it('says when the data of a look begins, from the step’s beginning on', () => {
    const got = follow(sec.map(at), { ...OPTIONS, enteredAtMs: 100_000 });

    expect(got.slice(0, 3).map(({ look }) => look?.sinceSec)).toEqual([-112, -97, -82]);
    expect(follow(sec.map(at)).some(({ look }) => look !== null && 'sinceSec' in look)).toBe(false);
  });

  it('tells nothing of a green that starves while its data is of another share', () => {
    const starves = (enteredAtMs: number) =>
      follow(sec.slice(0, 8).map(at), { ...OPTIONS, enteredAtMs }).some(({ signals }) =>
        signals.some(({ kind }) => kind === 'starved'),
      );

    expect(starves(-100_000)).toBe(true);
    expect(starves(100_000)).toBe(false);
  });
});

describe('a source that begins anew on purpose', () => {
  const hour = (sinceMs: number) => ({ sinceMs });
  const readings = [
    reading(0, counters(900), counters(100), hour(0)),
    reading(5, counters(990), counters(110), hour(0)),
    reading(10, counters(995), counters(115), hour(3_600_000)),
    reading(15, counters(1_085), counters(125), hour(3_600_000)),
  ];

  it('costs one look, even where its totals are higher than before, and is no restart', () => {
    const got = follow(readings);

    expect(got.map(({ look }) => look?.status.green)).toEqual(['ok', 'missing', 'ok']);
    expect(got.map(({ look }) => look?.green.n)).toEqual([10, 0, 10]);
    expect(got.at(-1)?.state.greenResetsMs).toEqual([]);
    expect(got.map(({ signals }) => signals.map(({ kind }) => kind))).toEqual([
      [],
      ['missing', 'missing'],
      [],
    ]);
  });

  it('misses nothing where that takes no longer than it always does', () => {
    const got = follow(readings.map((each) => ({ ...each, everyMs: 5000 })));

    expect(got.flatMap(({ signals }) => signals)).toEqual([]);
  });
});

it('picks both arms out of a snapshot, by deployment and kind of traffic', () => {
  const snapshot = {
    atMs: 1,
    ageMs: 2,
    edgesMs: [100],
    deployments: { blue: { live: counters(9) }, green: { mirror: counters(1), live: counters(0) } },
  };

  expect(
    readingOf(snapshot, {
      blue: { deployment: 'blue', kind: 'live' },
      green: { deployment: 'green', kind: 'mirror' },
    }),
  ).toEqual({ atMs: 1, ageMs: 2, edgesMs: [100], blue: counters(9), green: counters(1) });
  expect(readingOf(snapshot, { blue: null, green: { deployment: 'teal', kind: 'live' } })).toMatchObject({
    blue: null,
    green: null,
  });
});
