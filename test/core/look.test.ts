import { describe, expect, it } from 'vitest';

import { enterStep, look, resultOf, type Looked } from '../../core/look.js';
import type { Counters, MetricsSnapshot } from '../../core/metrics.js';
import type { Gate } from '../../core/plan.js';
import { blindAfterMs, leaveStep, type WatchInput, type WatchMemory } from '../../core/watch.js';
import { planOf } from '../support/plans.js';

const EDGES = [10, 100, 1000];
const plan = planOf('diabetes', []);

function counters(requests: number, errors = 0, slow = 0): Counters {
  return { requests, errors, le: [0, requests - slow, requests, requests], active: 0 };
}

function snapshot(
  atMs: number,
  blue: Counters,
  green: Counters,
  kind: 'live' | 'mirror' = 'live',
): MetricsSnapshot {
  return { atMs, ageMs: 0, edgesMs: EDGES, deployments: { blue: { live: blue }, green: { [kind]: green } } };
}

function input(more: Partial<WatchInput> = {}): WatchInput {
  return {
    target: plan.target,
    endpoint: 'diabetes',
    stepIndex: 1,
    baseline: 'blue',
    green: 'green',
    expected: { live: { blue: 90, green: 10 }, mirror: {} },
    written: { traffic: { live: { blue: 90, green: 10 }, mirror: {} }, instances: {} },
    held: null,
    kind: 'live',
    mode: 'judge',
    alone: false,
    watching: { ...plan.watching, intervalMs: 1000 },
    gates: plan.gates,
    active: ['errors', 'slow'],
    dwell: { atLeastMs: 2000, atMostMs: 60_000 },
    plannedMs: 60_000,
    windowMs: 60_000,
    blind: false,
    before: null,
    memory: null,
    ...more,
  };
}

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

/** Looks a second apart; green has this share of errors. */
function watchFor(seconds: number, greenErrors: number, given: WatchInput, from?: WatchMemory) {
  let memory = from ?? enterStep(given, 0);
  const verdicts: string[] = [];
  for (let s = 0; s <= seconds; s++) {
    const taken = snapshot(
      s * 1000,
      counters(1000 * s),
      counters(200 * s, Math.round(200 * s * greenErrors)),
      given.kind,
    );
    const looked = look(given, memory, taken, s * 1000);
    memory = JSON.parse(JSON.stringify(looked.memory)) as WatchMemory;
    verdicts.push(looked.verdict);
    if (looked.verdict !== 'window-over') return { looked, memory, verdicts };
  }
  return { looked: null, memory, verdicts };
}

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

  it.each([
    ['passes a healthy green', 0, 'pass'],
    ['breaches on a bad one', 0.5, 'breach'],
  ])('%s by a source that gathers by the minute and is minutes behind', (_what, errors, expected) => {
    const given = input({ watching: { ...plan.watching, intervalMs: 5000 }, active: ['errors'] });
    const minutely = { ...given, gates: given.gates.filter(({ name }) => name === 'errors') };
    let memory = enterStep(minutely, 0);
    let verdict = 'window-over';
    const blind: (number | null)[] = [];
    for (let s = 0; s <= 900 && verdict === 'window-over'; s += 5) {
      const dataAtSec = Math.floor(s / 60) * 60;
      const taken: MetricsSnapshot = {
        ...snapshot(s * 1000, counters(100 * dataAtSec), counters(20 * dataAtSec, 20 * dataAtSec * errors)),
        ageMs: 180_000 + (s - dataAtSec) * 1000,
        cadence: { everyMs: 60_000, behindMs: 180_000 },
      };
      ({ memory, verdict } = look(
        { ...minutely, dwell: { atLeastMs: 2000, atMostMs: 900_000 } },
        memory,
        taken,
        s * 1000,
      ));
      blind.push(memory.blindSinceMs);
    }

    expect(verdict).toBe(expected);
    expect(blind.slice(1).every((since) => since === null)).toBe(true);
  });

  describe('by a source that is minutes behind, once green has another share', () => {
    /** Two steps, with looks every 5 s at what Azure Monitor would tell of 1000 requests a second. */
    function twoSteps(
      greenErrors: (share: number, secInStep: number) => number,
      more: Partial<WatchInput> = {},
      shares: readonly number[] = [10, 50],
    ) {
      const counted = [{ blue: 0, green: 0, errors: 0 }];
      const told: { share: number; atSec: number; dataSec: number; looked: Looked }[] = [];
      let memory: WatchMemory | null = null;
      for (const [i, share] of shares.entries()) {
        const given = input({
          stepIndex: i + 1,
          expected: { live: { blue: 100 - share, green: share }, mirror: {} },
          watching: { ...plan.watching, intervalMs: 5000, warmUpMs: 30_000 },
          gates: plan.gates.filter(({ name }) => name === 'errors'),
          active: ['errors'],
          dwell: { atLeastMs: 120_000, atMostMs: 900_000 },
          plannedMs: 1_800_000,
          ...more,
        });
        // In the middle of a minute, after ten at the share before.
        const entered = i === 0 ? 630 : counted.length - 1;
        while (counted.length <= entered) counted.push({ blue: counted.length * 1000, green: 0, errors: 0 });
        memory = enterStep({ ...given, memory: memory && leaveStep(memory) }, entered * 1000);
        for (let sec = entered; sec <= entered + 900; sec += 5) {
          const untilSec = Math.floor((sec - 180) / 60) * 60;
          const { blue, green, errors } = counted[untilSec] as (typeof counted)[0];
          const taken = {
            ...snapshot(sec * 1000, counters(blue), counters(green, Math.round(errors))),
            ageMs: (sec - untilSec) * 1000,
            cadence: { everyMs: 60_000, behindMs: 180_000 },
          };
          const looked: Looked = look(given, memory, taken, sec * 1000);
          memory = JSON.parse(JSON.stringify(looked.memory)) as WatchMemory;
          told.push({ share, atSec: sec - entered, dataSec: untilSec - entered, looked });
          if (looked.verdict !== 'window-over') break;
          for (let n = 1; n <= 5; n++) {
            const last = counted.at(-1) as (typeof counted)[0];
            const bad = share * 10 * greenErrors(share, sec - entered + n);
            counted.push({
              blue: last.blue + 1000 - share * 10,
              green: last.green + share * 10,
              errors: last.errors + bad,
            });
          }
        }
        if (told.at(-1)?.looked.verdict !== 'pass') break;
      }
      return told;
    }
    const decided = (told: ReturnType<typeof twoSteps>) =>
      told.filter(({ looked }) => looked.verdict !== 'window-over');

    it('proves each step by data of its own share, and takes so much longer', () => {
      const told = twoSteps(() => 0, { dwell: { atLeastMs: 120_000, atMostMs: 130_000 } });

      expect(decided(told)).toMatchObject([
        { share: 10, looked: { verdict: 'pass' } },
        { share: 50, looked: { verdict: 'pass' } },
      ]);
      for (const { share, dataSec, looked } of decided(told)) {
        expect(dataSec).toBeGreaterThanOrEqual(120);
        expect(dataSec).toBeLessThanOrEqual(180);
        const [errors] = looked.evidence.filter(({ gate }) => gate === 'errors');
        const requests = errors?.green.requests ?? 0;
        expect(requests).toBeGreaterThan(0);
        expect(requests % (share * 600)).toBe(0); // whole minutes of this share
      }
      const { sentence } = told.find(({ share, atSec }) => share === 50 && atSec === 60)?.looked as Looked;
      expect(sentence).toMatch(/^the newest metrics end .* before this step began: /);
      expect(told.some(({ looked }) => /hanging/.test(looked.sentence))).toBe(false);
    });

    it('does not pass a green that breaks at its new share', () => {
      // Shares so close to each other that green is not found starving at the second one, by data of the first.
      const told = twoSteps((share) => (share === 40 ? 0.5 : 0), {}, [30, 40]);

      expect(decided(told)).toMatchObject([
        { share: 30, looked: { verdict: 'pass' } },
        { share: 40, looked: { verdict: 'breach' } },
      ]);
    });

    it('counts against green what comes to light of the share before', () => {
      const told = twoSteps((share, sec) => (share === 50 || sec > 180 ? 0.6 : 0));

      const before = told.filter(({ share, dataSec }) => share === 50 && dataSec <= 0);
      const evidence = before.flatMap(({ looked }) =>
        looked.evidence.filter(({ gate }) => gate === 'errors'),
      );
      expect(evidence.at(-1)?.green.bad).toBeGreaterThan(3_000);
      expect(evidence.at(-1)?.lnBreach).toBeGreaterThan((evidence[0]?.lnBreach ?? 0) + 1);
      expect(decided(told).at(-1)).toMatchObject({ share: 50, looked: { verdict: 'breach' } });
      expect(before.some(({ looked }) => looked.sentence.includes('in this step'))).toBe(false);
    });

    it('does not charge green for its warm-up', () => {
      const told = twoSteps((_, sec) => (sec <= 30 ? 0.3 : 0));

      expect(decided(told).map(({ looked }) => looked.verdict)).toEqual(['pass', 'pass']);
    });

    it('is undecided in time where the source goes away before it tells of the step', () => {
      const given = input({ stepIndex: 3, dwell: { atLeastMs: 2000, atMostMs: 200_000 } });
      const [first] = twoSteps(() => 0).slice(-1);
      let memory = enterStep({ ...given, memory: (first as { looked: Looked }).looked.memory }, 2_000_000);
      let verdict = 'window-over';
      let sec = 2_000;
      for (; verdict === 'window-over' && sec < 3_000; sec++) {
        ({ memory, verdict } = look(given, memory, null, sec * 1000));
      }

      expect(verdict).toBe('undecided');
      expect(sec).toBeLessThan(2_210);
    });
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
});

describe('what the counters alone do not say', () => {
  /** Looks a second apart for 70 s; green's counters are what is given for that second. */
  function watchGreen(given: WatchInput, green: (s: number) => Counters, seconds = 70) {
    let memory = enterStep(given, 0);
    let looked = look(given, memory, snapshot(0, counters(0), green(0), given.kind), 0);
    for (let s = 1; s <= seconds && looked.verdict === 'window-over'; s++) {
      memory = looked.memory;
      looked = look(given, memory, snapshot(s * 1000, counters(900 * s), green(s), given.kind), s * 1000);
    }
    return looked;
  }
  const long = { dwell: { atLeastMs: 65_000, atMostMs: 300_000 } };

  it('a green whose requests hang does not pass, and it is said so with numbers', () => {
    const hangs = (s: number): Counters => ({ ...counters(40 * s), active: 60 * s });

    const { verdict, sentence } = watchGreen(input(long), hangs);

    expect(verdict).toBe('window-over');
    expect(sentence).toBe(
      'green completed 2,400 requests in 60 s where its share is 6,000, 4,200 are waiting for an answer: requests ' +
        'may be hanging, or not reach it; all gates are content, and none passes while that lasts',
    );
  });

  it('is undecided over it when the time is over, never good', () => {
    const { verdict, sentence } = watchGreen(input({ dwell: { atLeastMs: 65_000, atMostMs: 68_000 } }), (s) =>
      counters(40 * s),
    );

    expect(verdict).toBe('undecided');
    expect(sentence).toMatch(/^green completed 2,400 requests in 60 s .*; no decision after 68 s: /);
  });

  it('a mirror that delivers nothing is called that', () => {
    const mirror = input({
      ...long,
      kind: 'mirror',
      expected: { live: { blue: 100 }, mirror: { green: 10 } },
    });

    const { verdict, sentence } = watchGreen(mirror, () => counters(0));

    expect(verdict).toBe('window-over');
    expect(sentence).toBe(
      'the mirror delivers nothing: green should have had 5,400 copies in 60 s, and not one arrived; ' +
        'gate errors has seen no request of green yet: nothing proves nothing',
    );
  });

  it('a mirror whose copies hang is not a dead one', () => {
    const mirror = input({
      ...long,
      kind: 'mirror',
      expected: { live: { blue: 100 }, mirror: { green: 10 } },
    });

    const { sentence } = watchGreen(mirror, (s) => ({ ...counters(0), active: 90 * s }));

    expect(sentence).toMatch(
      /^green completed 0 requests in 60 s where its share is 5,400, 6,300 are waiting for an answer/,
    );
  });

  it('a green whose counters keep starting anew is rolled back for that', () => {
    const { verdict, sentence } = watchGreen(input(long), (s) => counters(100 * (s % 10)));

    expect(verdict).toBe('breach');
    expect(sentence).toBe("green's counters started anew 3 times in 20 s: it keeps restarting");
  });

  it('also where it does so once a step', () => {
    let memory: WatchMemory | null = null;
    const verdicts: string[] = [];
    for (let s = 0; s <= 35 && verdicts.at(-1) !== 'breach'; s++) {
      const given = input({ ...long, stepIndex: Math.floor((s + 5) / 10), memory });
      const entered = enterStep(given, s * 1000);
      const looked = look(
        given,
        entered,
        snapshot(s * 1000, counters(1000 * s), counters(100 * (s % 10))),
        s * 1000,
      );
      ({ memory } = looked);
      verdicts.push(looked.verdict);
    }

    expect(verdicts.at(-1)).toBe('breach');
  });
});
