import { describe, expect, it } from 'vitest';

import { quiet, unseen } from '../../core/gates/unseen.js';
import { enterStep, look } from '../../core/look.js';
import type { Counters, MetricsSnapshot } from '../../core/metrics.js';
import type { Gate } from '../../core/plan.js';
import { countsFromMs } from '../../core/step-clock.js';
import type { WatchInput } from '../../core/watch.js';
import { planOf, slowGate } from '../support/plans.js';

const plan = planOf('diabetes', []);
const EDGES = [10, 100, 1000];
const RPS = 200;

/** Green alone, in a bake with a limit on its latency. */
const BAKE: WatchInput = {
  target: plan.target,
  endpoint: 'diabetes',
  stepIndex: 1,
  baseline: 'blue',
  green: 'green',
  expected: { live: { green: 100 }, mirror: {} },
  written: { traffic: { live: { green: 100 }, mirror: {} }, instances: {} },
  held: null,
  kind: 'live',
  mode: 'guard',
  alone: true,
  watching: { ...plan.watching, intervalMs: 1000 },
  gates: plan.gates,
  active: ['slow'],
  dwell: { atLeastMs: 60_000, atMostMs: 60_000 },
  plannedMs: 60_000,
  windowMs: 60_000,
  blind: false,
  before: null,
  memory: null,
};

/** Every request in time; its buckets are those of `timedSec`. */
function counters(sec: number, timedSec = sec, errors = 0): Counters {
  const timed = RPS * timedSec;
  return { requests: RPS * sec, errors, le: [0, timed, timed, timed], active: 0 };
}

/** Thirty looks, a second apart; green's counters are what is given for that second. */
function watch(
  green: (sec: number) => Counters,
  more: Partial<WatchInput> = {},
  blue: (sec: number) => Counters = counters,
  source: (sec: number) => Partial<MetricsSnapshot> | null = () => ({}),
) {
  const input = { ...BAKE, ...more };
  let memory = enterStep(input, 0);
  return Array.from({ length: 31 }, (_, sec) => {
    const deployments = { blue: { live: blue(sec) }, green: { live: green(sec) } };
    const said = source(sec);
    const taken = said && { atMs: sec * 1000, ageMs: 0, edgesMs: EDGES, deployments, ...said };
    const looked = look(input, memory, taken, sec * 1000);
    memory = JSON.parse(JSON.stringify(looked.memory)) as typeof memory;
    return { ...looked, blindSinceMs: memory.blindSinceMs };
  });
}

/** From the fifth look on, a source counts requests and times none. */
const LOSES: Readonly<Record<string, (sec: number) => Counters>> = {
  'says so': (sec) => (sec < 5 ? counters(sec) : { ...counters(sec), le: [] }),
  'keeps the old ones': (sec) => counters(sec, Math.min(sec, 5)),
};

describe('a source that loses its histograms and goes on counting', () => {
  it.each(Object.entries(LOSES))('blinds a gate on latency: one that %s', (_, green) => {
    const last = watch(green).at(-1);

    expect(last?.blindSinceMs).not.toBeNull();
    expect(last?.blind).toMatch(/^green's requests are counted, and no longer timed/);
    expect(last?.sentence).toMatch(/^green's requests are counted, and no longer timed/);
  });

  it.each(Object.entries(LOSES))('is none of the others’ business: one that %s', (_, green) => {
    const looks = watch(green, { active: ['errors'] });

    expect(looks.map(({ blindSinceMs }) => blindSinceMs)).toEqual(looks.map(() => null));
    expect(looks.at(-1)?.sentence).not.toContain('timed');
  });

  it.each(Object.entries(LOSES))(
    'of the baseline, blinds what compares with it alone: one that %s',
    (_, blue) => {
      const beside = { alone: false, expected: { live: { blue: 50, green: 50 }, mirror: {} } };
      const slower: Gate = { ...slowGate, name: 'slower', limit: { kind: 'slower-by', ratio: 10 } } as Gate;
      const gates = [...plan.gates, slower];
      const limit = watch(counters, { ...beside, gates }, blue);
      const compares = watch(counters, { ...beside, gates, active: ['slower'] }, blue);

      expect(limit.at(-1)?.blindSinceMs).toBeNull();
      expect(compares.at(-1)?.blind).toContain("blue's requests are counted, and no longer timed");
    },
  );
});

describe('requests without a time', () => {
  it.each<[string, (sec: number) => Counters]>([
    ['that is read a look later than its counter', (sec) => counters(sec, Math.max(0, sec - 1))],
    ['because they fail', (sec) => counters(sec, Math.min(sec, 5), RPS * Math.max(0, sec - 5))],
  ])('blind nothing: %s', (_, green) => {
    const looks = watch(green);

    expect(looks.map(({ blindSinceMs }) => blindSinceMs)).toEqual(looks.map(() => null));
  });
});

describe('time of which nothing was seen', () => {
  /** Nobody looks, or the source is away; after it, the source counts from another moment on, or goes on as before. */
  const gap = (sinceMs: number | undefined) => (sec: number) => {
    if (sec > 5 && sec < 15) return null;
    return sec < 15 || sinceMs === undefined ? {} : { sinceMs };
  };

  it('is what lies before counters that begin anew', () => {
    const looks = watch(counters, {}, counters, gap(15_000));

    expect(looks.slice(0, 15).map(({ memory }) => memory.lostMs ?? 0)).toEqual(new Array(15).fill(0));
    expect(looks.at(-1)?.memory.lostMs).toBe(10_000);
  });

  it('is none of it where the counters went on: one longer look has all', () => {
    expect(watch(counters, {}, counters, gap(undefined)).at(-1)?.memory.lostMs).toBe(0);
  });

  it('runs on while people are told that nobody sees anything, and counts as lost once somebody does', () => {
    const anewFor20s = (sec: number): Counters =>
      sec > 5 && sec <= 25 ? counters(1 - sec / 100) : counters(sec);
    const lostAt = watch(anewFor20s, {}, anewFor20s).map(({ memory }) => memory.lostMs);

    expect(lostAt[17]).toBe(12_000);
    expect(lostAt[25]).toBe(12_000);
    expect(lostAt[26]).toBe(20_000);
    expect(lostAt.at(-1)).toBe(20_000);
  });

  it('begins anew with each step', () => {
    const memory = watch(counters, {}, counters, gap(15_000)).at(-1)?.memory ?? null;

    expect(enterStep({ ...BAKE, memory }, 31_000).lostMs).toBe(10_000);
    expect(enterStep({ ...BAKE, stepIndex: 2, memory }, 31_000).lostMs).toBe(0);
  });
});

describe('a bake by a source that is behind', () => {
  /** Metrics of 20 s ago; the bake began at 0. */
  const behind = (sec: number): Partial<MetricsSnapshot> => ({
    ageMs: 20_000,
    cadence: { everyMs: 1000, behindMs: 20_000 },
    deployments: { green: { live: counters(1000 + sec) } },
  });
  const after = (looks: number) => watch(counters, {}, counters, behind)[looks]?.memory;
  const seenAfter = (looks: number) => {
    const { setup, state } = after(looks) ?? {};
    return setup && state ? unseen(setup.config, state, 'green') : undefined;
  };

  it('has seen nothing of green before the first of its own data', () => {
    expect(seenAfter(19)).toMatch(/no request/);
    expect(seenAfter(30)).toBeNull();
  });

  it('lasts so much longer', () => {
    const memory = after(30) ?? null;
    const clock = { stepIndex: 1, stepStartedAtMs: 0, stepPausedMs: 0, memory };
    const bake = { kind: 'bake', forMs: 60_000, gates: [], undecided: 'hold' } as const;

    expect(countsFromMs(bake, clock)).toBe(21_000);
    expect(countsFromMs({ kind: 'approve', withinMs: 60_000, gates: [] }, clock)).toBe(0);
    expect(countsFromMs(bake, { ...clock, stepIndex: 2 })).toBe(0);
  });
});

describe('a green that has no more requests', () => {
  /** So many seconds in which it had some, of the thirty that are watched. */
  const busyFor = (sec: number) => watch((now) => counters(Math.min(now, sec))).at(-1)?.memory.collector;

  it.each([
    [14, 'green had no request in the last 16 s'],
    [15, null],
    [30, null],
  ])('after %i s of thirty: %s', (sec, expected) => {
    expect(quiet(busyFor(sec) ?? null, 30_000, 'green')).toBe(expected);
  });
});
