import { describe, expect, it } from 'vitest';

import { enterStep, look, resultOf, type Looked } from '../../core/look.js';
import type { Counters, MetricsSnapshot } from '../../core/metrics.js';
import type { Gate } from '../../core/plan.js';
import { blindAfterMs, leaveStep, type WatchMemory } from '../../core/watch.js';
import { counters, input, plan, snapshot, watchFor } from './looks.js';

const slower: Gate = {
  name: 'slower',
  role: 'required',
  weight: null,
  blipMs: 1000,
  dispersion: { mode: 'auto' },
  shared: 'hold',
  metric: 'latency',
  quantile: 0.95,
  limit: { kind: 'slower-by', ratio: 10 },
};

/** What a source that lies makes of the counters of some deployments. */
function told(
  lie: (truth: Counters, atMs: number) => Partial<Counters>,
  deployments: readonly string[] = ['blue', 'green'],
) {
  return (taken: MetricsSnapshot): MetricsSnapshot => ({
    ...taken,
    deployments: Object.fromEntries(
      Object.entries(taken.deployments).map(([name, { live = counters(0) }]) => [
        name,
        { live: deployments.includes(name) ? { ...live, ...lie(live, taken.atMs) } : live },
      ]),
    ),
  });
}

/** Fewer requests at every reading, and always fewer than there were. */
const anew = (_: Counters, atMs: number): Counters => counters(1000 - atMs / 1000);

describe('look', () => {
  it('passes a healthy green once every required gate is proven, and not before the least time', () => {
    const { looked, verdicts } = watchFor(60, 0, input());

    expect(looked?.verdict).toBe('pass');
    expect(verdicts.length).toBeGreaterThan(2);
    expect(looked?.sentence).toMatch(/^errors proven: green answered 0 of [\d,]+ with an error/);
  });

  it('breaches when green breaks its gate, within a few blips', () => {
    const { looked, verdicts } = watchFor(60, 0.5, input());

    expect(looked?.verdict).toBe('breach');
    expect(verdicts.length).toBeLessThan(12);
  });

  it('passes no green that fails everything while its baseline is down, and breaches when that is back', () => {
    const limit = { kind: 'worse-by', share: 0.3, ratio: 1 } as const;
    const given = input({
      gates: plan.gates.map((gate) => (gate.name === 'errors' ? { ...gate, limit } : gate) as Gate),
    });
    let memory = enterStep(given, 0);
    const at = (s: number, down: number): Looked => {
      const taken = snapshot(s * 1000, counters(1000 * s, 1000 * down), counters(200 * s, 200 * s));
      const looked = look(given, memory, taken, s * 1000);
      memory = JSON.parse(JSON.stringify(looked.memory)) as WatchMemory;
      return looked;
    };

    const downFor = 30;
    const down = Array.from({ length: downFor }, (_, s) => at(s, s));
    const back: Looked['verdict'][] = [];
    while (back.length < 30 && back.at(-1) !== 'breach')
      back.push(at(downFor + back.length, downFor).verdict);

    expect(new Set(down.map(({ verdict }) => verdict))).toEqual(new Set(['window-over']));
    expect(down.at(-1)?.sentence).toMatch(
      /^green failed 5,800 of its 5,800 requests in this step, whatever blue did; all gates are content, /,
    );
    expect(back.at(-1)).toBe('breach');
    expect(new Set(back.slice(0, -1))).toEqual(new Set(['window-over']));
  });
  it('never passes in guard mode, and still breaches', () => {
    expect(watchFor(60, 0, input({ mode: 'guard' })).looked).toBeNull();
    expect(watchFor(60, 0.5, input({ mode: 'guard' })).looked?.verdict).toBe('breach');
  });

  it('concludes nothing from a source that is away, and is undecided when the time is over', () => {
    const given = input({ dwell: { atLeastMs: 2000, atMostMs: 20_000 } });
    let { memory } = watchFor(1, 0, given);
    const verdicts: string[] = [];
    for (let s = 2; s <= 40 && verdicts.at(-1) !== 'undecided'; s++) {
      const looked = look(given, memory, null, s * 1000);
      memory = looked.memory;
      verdicts.push(looked.verdict);
    }

    expect(new Set(verdicts)).toEqual(new Set(['window-over', 'undecided']));
    expect(memory.blindSinceMs).toBe(2000);
  });

  it.each<[string, (taken: MetricsSnapshot) => MetricsSnapshot | null, string]>([
    ['that is away', () => null, 'the metric source does not answer'],
    [
      'without green',
      (s) => ({ ...s, deployments: { blue: s.deployments['blue'] ?? {} } }),
      'no usable metrics of green',
    ],
    [
      'without blue',
      (s) => ({ ...s, deployments: { green: s.deployments['green'] ?? {} } }),
      'no usable metrics of blue',
    ],
    ['that is stale', (s) => ({ ...s, ageMs: 600_000 }), 'the newest metrics are 10 min old'],
    ['that counts anew at every reading', told(anew), 'no usable metrics of green'],
    ['that counts blue anew at every reading', told(anew, ['blue']), 'no usable metrics of blue'],
    [
      'that begins anew on purpose at every reading',
      (s) => ({ ...s, sinceMs: s.atMs }),
      'no usable metrics of green',
    ],
    ['of what is no number', told(() => ({ requests: NaN, errors: NaN })), 'no usable metrics of green'],
    ['of negative counts', told(({ requests }) => ({ requests: -requests })), 'no usable metrics of green'],
    ['beyond counting', told(() => ({ requests: 1e18, errors: 1e18 })), 'no usable metrics of green'],
    [
      'of more errors than requests',
      told(({ requests }) => ({ errors: requests + 1 })),
      'no usable metrics of green',
    ],
    ['of shrinking buckets', told(({ le }) => ({ le: [...le].reverse() })), 'no usable metrics of green'],
  ])(
    'says why nobody sees anything, after twelve looks by a source %s, and when that is over',
    (_, spoil, why) => {
      const given = input({ dwell: { atLeastMs: 400_000, atMostMs: 900_000 } });
      let { memory } = watchFor(10, 0, given);
      const saidAt = (from: number, to: number, distort: typeof spoil): [number, string | null][] => {
        const said: [number, string | null][] = [];
        for (let s = from; s <= to; s++) {
          const taken = distort(snapshot(s * 1000, counters(1000 * s), counters(200 * s)));
          const looked = look(given, memory, taken, s * 1000);
          memory = looked.memory;
          const { blind = null } = resultOf(looked, given, s * 1000);
          if (blind !== (said.at(-1)?.[1] ?? null) && (blind === null || said.length === 0))
            said.push([s, blind]);
        }
        return said;
      };

      const away = saidAt(11, 311, spoil); // five minutes
      const since = memory.blindSinceMs;
      const back = saidAt(312, 320, (taken) => taken);

      expect(away).toEqual([[23, expect.stringContaining(why) as string]]);
      expect(since).toBe(11_000);
      expect(back.at(-1)?.[1] ?? null).toBeNull(); // an arm that was away has to be seen twice
    },
  );

  it.each<[string, (taken: MetricsSnapshot) => MetricsSnapshot | null]>([
    ['that is away', () => null],
    ['without green', (s) => ({ ...s, deployments: { blue: s.deployments['blue'] ?? {} } })],
    ['without blue', (s) => ({ ...s, deployments: { green: s.deployments['green'] ?? {} } })],
    ['that counts anew at every reading', told(anew)],
    ['that counts blue anew at every reading', told(anew, ['blue'])],
    ['that begins anew on purpose at every reading', (s) => ({ ...s, sinceMs: s.atMs })],
    ['of what is no number', told(() => ({ requests: NaN, errors: NaN }))],
  ])('passes nothing by a source %s, however well it was proven before', (_, spoil) => {
    const given = input({ dwell: { atLeastMs: 45_000, atMostMs: 60_000 } });
    let { memory } = watchFor(30, 0, given);
    const verdicts: string[] = [];
    for (let s = 31; s <= 80 && verdicts.at(-1) !== 'undecided'; s++) {
      const taken = spoil(snapshot(s * 1000, counters(1000 * s), counters(200 * s)));
      const looked = look(given, memory, taken, s * 1000);
      memory = looked.memory;
      verdicts.push(looked.verdict);
    }

    expect(watchFor(60, 0, given).looked?.verdict).toBe('pass');
    expect(new Set(verdicts)).toEqual(new Set(['window-over', 'undecided']));
  });

  it.each([1000, 30_000])(
    'sees on at once after a restart of the gateway, away for a look and counting anew: looks every %i ms',
    (intervalMs) => {
      const given = input({
        watching: { ...plan.watching, intervalMs },
        dwell: { atLeastMs: 40 * intervalMs, atMostMs: 60 * intervalMs },
      });
      let memory = enterStep(given, 0);
      const verdicts: string[] = [];
      const blind = new Set<string | null | undefined>();
      for (let i = 0; (verdicts.at(-1) ?? 'window-over') === 'window-over'; i++) {
        const since = i < 38 ? i : i - 38;
        const taken = snapshot(i * intervalMs, counters(1000 * since), counters(200 * since));
        const looked = look(given, memory, i === 38 ? null : taken, i * intervalMs);
        memory = looked.memory;
        verdicts.push(looked.verdict);
        blind.add(resultOf(looked, given, i * intervalMs).blind);
      }

      expect(verdicts.at(-1)).toBe('pass');
      expect(verdicts).toHaveLength(41);
      expect(blind).toEqual(new Set([null]));
      expect(memory.blindSinceMs).toBeNull();
    },
  );

  it('of fixed length passes what was proven, though its last look finds nothing', () => {
    const given = input({ dwell: { atLeastMs: 30_000, atMostMs: 30_000 } });
    let { memory } = watchFor(24, 0, given);
    const verdicts: string[] = [];
    for (let s = 25; s <= 40 && (verdicts.at(-1) ?? 'window-over') === 'window-over'; s++) {
      const looked = look(given, memory, null, s * 1000);
      memory = looked.memory;
      verdicts.push(looked.verdict);
    }

    expect(verdicts.at(-1)).toBe('pass');
  });

  it.each([
    [100, 1_200],
    [1_000, 12_000],
    [5_000, 60_000],
    [30_000, 90_000],
  ])('of looks every %i ms is blind after %i ms', (intervalMs, afterMs) => {
    expect(blindAfterMs({ intervalMs })).toBe(afterMs);
  });

  it('is undecided in time too when the gates could never be set up', () => {
    const given = input({ dwell: { atLeastMs: 0, atMostMs: 5000 } });
    let memory = enterStep(given, 0);
    const sentences: string[] = [];
    let verdict = 'window-over';
    for (let s = 0; verdict === 'window-over' && s < 20; s++) {
      const looked = look(given, memory, null, s * 1000);
      ({ memory, verdict } = looked);
      sentences.push(looked.sentence);
    }

    expect(verdict).toBe('undecided');
    expect(sentences[0]).toBe('no gate can be judged: the metric source does not answer');
  });

  it('keeps the evidence for a breach from step to step, and reads the counters afresh', () => {
    const first = watchFor(3, 0.5, input({ kind: 'mirror' }));
    const next = enterStep({ ...input({ stepIndex: 2 }), memory: first.memory }, 5000);

    expect(next.collector).toBeNull();
    expect(next.state?.metrics['errors']?.breach.lnR).not.toBeNull();
    expect(next.state?.elapsedSec).toBe(0);
  });

  it('enters its step anew once green gets its share: with its warm-up, and without what was proven before', () => {
    const watching = { ...plan.watching, intervalMs: 1000, warmUpMs: 3000 };
    const { memory } = watchFor(20, 0, input({ mode: 'guard', watching }));
    const again = enterStep({ ...input({ watching }), memory: leaveStep(memory) }, 21_000);

    expect(enterStep({ ...input({ watching }), memory }, 21_000).state?.sinceStartSec).toBe(20);
    expect(again).toMatchObject({ stepIndex: 1, enteredAtMs: 21_000, collector: null });
    expect(again.state).toMatchObject({ elapsedSec: 0, sinceStartSec: 0 });
  });

  it('takes no mirrored counters for live ones when somebody changes how green gets its requests', () => {
    const { memory } = watchFor(5, 0, input({ kind: 'mirror' }));

    expect(enterStep({ ...input({ kind: 'mirror' }), memory }, 6000).collector).not.toBeNull();
    expect(enterStep({ ...input({ kind: 'live' }), memory }, 6000).collector).toBeNull();
  });

  it('turns relative gates into limits of what the baseline did, once green is alone', () => {
    const before = watchFor(60, 0, input());
    const alone = input({ stepIndex: 3, alone: true, mode: 'guard', memory: before.memory });
    const memory = enterStep(alone, 61_000);

    expect(memory.setup?.alone).toBe(true);
    expect(memory.setup?.config.metrics.find((m) => m.name === 'errors')).toMatchObject({ r: 0 });
  });
});

describe('a gate that lacks requests of the baseline', () => {
  const given = input({ gates: [...plan.gates, slower], active: ['errors', 'slow', 'slower'] });

  /** The baseline has so many requests a second, and green as many. */
  function watchAt(
    rps: number,
    seconds: number,
    from?: { memory: WatchMemory; at: number; requests: number },
  ) {
    let memory = from?.memory ?? enterStep(given, 0);
    let last: Looked | undefined;
    const start = from?.at ?? 0;
    for (let s = start; s <= start + seconds; s++) {
      const requests = (from?.requests ?? 0) + rps * (s - start);
      const looked = look(
        given,
        memory,
        snapshot(s * 1000, counters(requests), counters(requests)),
        s * 1000,
      );
      memory = looked.memory;
      last = looked;
    }
    return { memory, last };
  }

  it('says why it cannot be judged, while the others are', () => {
    const { last } = watchAt(4, 10);

    expect(last?.verdict).toBe('window-over');
    expect(last?.sentence).toMatch(/^Gate slower: the baseline has \d+ timed requests so far, and its p95 /);
    expect(last?.evidence.find(({ gate }) => gate === 'errors')?.green.requests).toBe(40);
  });

  it('is judged as soon as there are enough, from nothing on', () => {
    const before = watchAt(4, 10);

    const after = watchAt(1000, 12, { memory: before.memory, at: 11, requests: 40 });

    expect(after.memory.setup?.pending).toEqual([]);
    expect(after.last?.sentence).toMatch(/^gate slower is open: green answered 0 of /);
    const evidence = after.last?.evidence ?? [];
    const seen = (gate: string) => evidence.find((e) => e.gate === gate)?.green.requests ?? 0;
    expect(seen('slower')).toBeGreaterThan(0);
    expect(seen('slower')).toBeLessThan(seen('errors'));
  });

  /** A look at so many requests of either version. */
  function lookAt(
    memory: WatchMemory,
    s: number,
    requests: number,
    spoil = (taken: MetricsSnapshot): MetricsSnapshot => taken,
  ) {
    const taken = snapshot(s * 1000, counters(requests), counters(requests));
    const looked = look(given, memory, spoil(taken), s * 1000);
    return {
      memory: looked.memory,
      waits: looked.memory.setup?.pending.length,
      judgedBy: looked.memory.state?.metrics['slower']?.step.nG ?? 0,
    };
  }

  it('is not judged by the look that its edges and bets were chosen by, however long that is', () => {
    const before = watchAt(4, 10);

    const completing = lookAt(before.memory, 30, 1000);
    const next = lookAt(completing.memory, 31, 1100);

    expect(completing).toMatchObject({ waits: 0, judgedBy: 0 });
    expect(next).toMatchObject({ waits: 0, judgedBy: 100 });
  });

  it.each<[string, number, (taken: MetricsSnapshot) => MetricsSnapshot]>([
    ['green is waited for', 11, ({ deployments: { blue = {} }, ...s }) => ({ ...s, deployments: { blue } })],
    ['the source is stale', 90, (s) => ({ ...s, ageMs: 61_000 })],
  ])('waits while looks do not count what there is of the baseline: %s', (_, at, spoil) => {
    const before = watchAt(4, 10);

    // Newer than what was counted last, so a later look has it.
    const uncounted = lookAt(before.memory, at, 1000, spoil);
    const completing = lookAt(uncounted.memory, at + 1, 1100);

    expect(uncounted.waits).toBe(1);
    expect(completing).toMatchObject({ waits: 0, judgedBy: 0 });
  });
});

describe('what the baseline did since preflight', () => {
  const read = (atMs: number, requests: number, errors: number, le: readonly number[]) =>
    snapshot(atMs, { requests, errors, le: [...le, requests, requests], active: 0 }, counters(0));
  const set = (before: MetricsSnapshot | null, now: MetricsSnapshot) => {
    const given = input({ gates: [...plan.gates, slower], before });
    const { setup } = look(given, enterStep(given, 600_000), now, 600_000).memory;
    return Object.fromEntries((setup?.config.metrics ?? []).map((metric) => [metric.name, metric]));
  };

  it('is the difference, where the source counted on', () => {
    // A tenth was slow then, and nothing since: over all of it, no edge would be left for ten times that.
    const before = read(0, 10_000, 0, [0, 9_000]);

    expect(set(before, read(600_000, 12_000, 0, [0, 11_000]))['slower']).toMatchObject({
      breachEdge: { blue: 1, green: 2 },
    });
  });

  it.each([
    ['a bucket', read(0, 10_000, 0, [6_000, 9_900]), read(600_000, 12_000, 10, [4_000, 11_500])],
    ['errors', read(0, 10_000, 400, [4_000, 9_600]), read(600_000, 12_000, 10, [5_500, 11_500])],
  ])('is all that the source knows, where it began anew and has fewer in %s than then', (_, before, now) => {
    expect(set(before, now)['slower']).toMatchObject({ breachEdge: { blue: 1, green: 2 } });
    expect(set(before, now)['errors']?.bets).toEqual(set(null, now)['errors']?.bets);
  });

  it('tells nothing of the traffic where the source began anew', () => {
    const now = read(600_000, 2_000, 2, [0, 2_000]);

    expect(set(read(0, 10_000, 10, [0, 10_000]), now)).toEqual(set(null, now));
    expect(set(read(0, 1_000, 1, [0, 1_000]), now)).not.toEqual(set(null, now));
  });
});
