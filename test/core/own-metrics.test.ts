import { describe, expect, it } from 'vitest';
import { replayGates, recordedWindow } from '../../core/decision-record.js';
import { mapGates, forecastPlan, recordLook, replayLook, type Look } from '../../core/gates/index.js';
import { enterStep, look, resultOf, type Looked } from '../../core/look.js';
import type { MetricsSnapshot, OwnSnapshot } from '../../core/metrics.js';
import type { Gate } from '../../core/plan.js';
import type { WatchInput } from '../../core/watch.js';
import { errorsGate, planOf, rampStep } from '../support/plans.js';

const BASE = {
  role: 'required',
  weight: null,
  blipMs: 1_000,
  dispersion: { mode: 'auto' },
  shared: 'hold',
} as const;
const quality: Gate = {
  ...BASE,
  name: 'quality',
  metric: 'events',
  query: { bad: 'bad_total{v="$deployment"}', total: 'all_total{v="$deployment"}' },
  limit: { kind: 'worse-by', share: 0.02, ratio: 1 },
};
const tokens: Gate = {
  ...BASE,
  name: 'tokens',
  metric: 'histogram',
  query: { buckets: 'tokens_bucket{v="$deployment"}' },
  quantile: 0.9,
  limit: { kind: 'at-most', value: 500 },
};
const EDGES = [100, 500, 1000];

interface World {
  /** Share of green's events that are bad, and of its values that are above 500. */
  readonly bad?: number;
  readonly high?: number;
  /** How often the own source has new data, seconds. */
  readonly everySec?: number;
  /** How long after the baseline's instances green's are scraped, seconds. */
  readonly greenAfterSec?: number;
  readonly away?: (sec: number) => boolean;
  /** From when on its histogram has other buckets than at first. */
  readonly otherBucketsSec?: number;
}

const plan = planOf('diabetes', [rampStep(10, { gates: ['errors', 'quality', 'tokens'] })], {
  gates: [errorsGate, quality, tokens],
  watching: { intervalMs: 1000, warmUpMs: 0, alpha: 0.01, alphaPass: 0.05 },
});

const input: WatchInput = {
  target: plan.target,
  endpoint: 'diabetes',
  stepIndex: 0,
  baseline: 'blue',
  green: 'green',
  expected: { live: { blue: 90, green: 10 }, mirror: {} },
  kind: 'live',
  mode: 'judge',
  alone: false,
  watching: plan.watching,
  gates: plan.gates,
  active: ['errors', 'quality', 'tokens'],
  dwell: { atLeastMs: 2000, atMostMs: 120_000 },
  plannedMs: 120_000,
  windowMs: 120_000,
  written: { traffic: { live: { blue: 90, green: 10 }, mirror: {} }, instances: {} },
  held: null,
  blind: false,
  before: null,
  memory: null,
};

function ownAt(
  sec: number,
  { bad = 0, high = 0, everySec = 1, greenAfterSec = 0, otherBucketsSec = Infinity }: World,
): OwnSnapshot {
  const scraped = (afterSec: number) => Math.floor((sec - afterSec) / everySec) * everySec + afterSec;
  const [blueSec, greenSec] = [scraped(0), scraped(greenAfterSec)];
  const dataSec = Math.max(blueSec, greenSec);
  const of = (perSec: number, atSec: number, badShare: number, highShare: number) => {
    const n = perSec * Math.max(0, atSec);
    const older = atSec < dataSec ? { olderByMs: (dataSec - atSec) * 1000 } : {};
    return {
      events: { requests: n, errors: Math.round(n * badShare), le: [], ...older },
      values: { requests: n, errors: 0, le: [0, n - Math.round(n * highShare), n, n], ...older },
    };
  };
  const blue = of(900, blueSec, 0.01, 0.05);
  const green = of(100, greenSec, bad, high);
  return {
    atMs: sec * 1000,
    ageMs: (sec - dataSec) * 1000,
    cadence: { everyMs: everySec * 1000, behindMs: 0 },
    metrics: {
      quality: { edges: [], deployments: { blue: blue.events, green: green.events } },
      tokens: {
        edges: sec < otherBucketsSec ? EDGES : [200, 400, 800],
        deployments: { blue: blue.values, green: green.values },
      },
    },
  };
}

function snapshotAt(sec: number, world: World): MetricsSnapshot {
  const of = (n: number) => ({ requests: n, errors: 0, le: [], active: 0 });
  return {
    atMs: sec * 1000,
    ageMs: 0,
    edgesMs: [],
    deployments: { blue: { live: of(900 * sec) }, green: { live: of(100 * sec) } },
    ...(world.away?.(sec) === true ? {} : { own: ownAt(sec, world) }),
  };
}

/** A look each second, over JSON, until something is decided or the time is over. */
function watchFor(seconds: number, world: World) {
  let memory = enterStep(input, 0);
  let looked: Looked | undefined;
  for (let sec = 0; sec <= seconds; sec++) {
    looked = look(input, memory, snapshotAt(sec, world), sec * 1000);
    memory = JSON.parse(JSON.stringify(looked.memory)) as typeof memory;
    if (looked.verdict !== 'window-over') return { sec, ...looked };
  }
  return { sec: seconds, ...(looked as Looked) };
}

describe("a gate with a metric of the user's own", () => {
  it('breaches on bad events while requests are fine, and says so in its own words', () => {
    const { verdict, sentence, sec } = watchFor(60, { bad: 0.2, high: 0.05 });

    expect(verdict).toBe('breach');
    expect(sentence).toMatch(
      /^green had [\d,]+ of [\d,]+ bad, blue [\d,]+ of [\d,]+; a healthy green \(at most 2 pp more/,
    );
    expect(sentence).toContain('(gate quality)');
    expect(sec).toBeLessThan(15);
  });

  it('breaches on a histogram of its own, in its own unit', () => {
    const { verdict, sentence } = watchFor(60, { bad: 0.01, high: 0.4 });

    expect(verdict).toBe('breach');
    expect(sentence).toMatch(/green had [\d,]+ of [\d,]+ above 500, blue .*p90 at most 500/);
  });

  it('is proven like any other, and holds back a pass until it is', () => {
    const { verdict, sentence, evidence } = watchFor(120, { bad: 0.01, high: 0.05 });

    expect(verdict).toBe('pass');
    expect(sentence).toContain('quality proven: green had');
    expect(evidence.find(({ gate }) => gate === 'tokens')).toMatchObject({
      standing: 'proven',
      counts: 'above 500',
      limit: 'p90 at most 500',
    });
    expect(evidence.find(({ gate }) => gate === 'quality')?.counts).toBe('bad events');
  });

  it('loses no event where its source has new data less often than looks are taken', () => {
    // So close to the margin that nothing is decided.
    const slow = watchFor(31, { bad: 0.03, high: 0.05, everySec: 10 });

    expect(slow.memory.state?.metrics['quality']?.step).toEqual({ xB: 270, nB: 27_000, xG: 90, nG: 3_000 });
  });

  it.each([
    ['breaches on a bad green', 0.2, 'breach', 'green had'],
    ['is proven by a good one', 0.01, 'pass', 'quality proven: green had'],
  ])('%s where both versions are never scraped between the same two looks', (_, bad, verdict, sentence) => {
    const watched = watchFor(120, { bad, high: 0.05, everySec: 15, greenAfterSec: 12 });

    expect(watched).toMatchObject({ verdict, sentence: expect.stringContaining(sentence) as string });
  });

  it('concludes nothing while its source is away, and tells of it', () => {
    const { verdict, sentence, evidence } = watchFor(90, { bad: 1, high: 1, away: (sec) => sec > 0 });

    expect(verdict).toBe('window-over');
    expect(sentence).toContain('gate quality: the metric source does not answer');
    expect(evidence.find(({ gate }) => gate === 'quality')?.green).toEqual({ bad: 0, requests: 0 });
  });

  it('is blind without it: a bake that ends so has not been seen', () => {
    const { memory, blind } = watchFor(90, { bad: 0.03, high: 0.05, away: (sec) => sec > 20 });

    expect(blind).toContain('gate quality: the metric source does not answer');
    expect(memory.blindSinceMs).toBeGreaterThanOrEqual(20_000);
    expect(memory.blindSinceMs).toBeLessThan(60_000);
    expect(watchFor(30, { bad: 0.03, high: 0.05 }).memory.blindSinceMs).toBeNull();
  });

  it('is blind too where its histogram has other buckets than at first', () => {
    const { blind, memory } = watchFor(90, { bad: 0.03, high: 0.05, otherBucketsSec: 20 });

    expect(blind).toBe('gate tokens: the histogram of green is missing, or has other buckets than at first');
    expect(memory.blindSinceMs).toBeGreaterThanOrEqual(20_000);
  });

  it('takes one longer look over a gap of its source', () => {
    const gap = watchFor(40, { bad: 0.01, high: 0.05, away: (sec) => sec > 3 && sec < 6 });
    const whole = watchFor(40, { bad: 0.01, high: 0.05 });

    expect(gap.sec).toBeLessThanOrEqual(whole.sec + 3);
    const { xG, nG } = gap.memory.state?.metrics['quality']?.step ?? { xG: 0, nG: 0 };
    expect(nG).toBe(100 * gap.sec);
    expect(xG).toBe(gap.sec);
  });

  it('waits with a histogram that has no buckets yet', () => {
    const mapped = mapGates({
      gates: [tokens, quality],
      watching: plan.watching,
      plannedMs: 60_000,
      edgesMs: [],
      baseline: null,
    });

    expect(mapped).toMatchObject({
      ok: true,
      setup: {
        pending: [
          {
            gate: 'tokens',
            kind: 'no-own-data',
            message: expect.stringContaining('tokens_bucket') as string,
          },
        ],
      },
    });
  });

  it('compares with the baseline by edges of its own histogram', () => {
    const relative: Gate = { ...tokens, limit: { kind: 'higher-by', ratio: 1.5 } };
    const edges = [100, 200, 300, 400];
    const mapped = mapGates({
      gates: [relative],
      watching: plan.watching,
      plannedMs: 60_000,
      edgesMs: [1, 2],
      baseline: null,
      own: { tokens: { edges, baseline: { requests: 1000, errors: 0, le: [500, 920, 980, 1000, 1000] } } },
    });

    const metric = mapped.ok ? mapped.setup.config.metrics.find(({ name }) => name === 'tokens') : undefined;
    expect(metric).toMatchObject({
      own: { edges },
      breachEdge: { blue: 1, green: 2 },
      passEdge: { blue: 1, green: 2 },
      asks: 'p90 at most 50% higher than the baseline',
    });
  });
});

describe('the record', () => {
  it('keeps looks at own metrics, joined with the rest, and gives them again', () => {
    const arm = { n: 10, errors: 1, le: [4, 10] };
    const ok = { blue: 'ok', green: 'ok' } as const;
    const own: Look = { dtSec: 2, blue: arm, green: { n: 5, errors: 0, le: [5, 5] }, status: ok };
    const plain: Look = { dtSec: 1, blue: { ...arm, le: [] }, green: { ...arm, le: [] }, status: ok };
    const record = [plain, { ...plain, own: { q: own } }, { ...plain, own: { q: own } }].reduce(
      (soFar, each) => recordLook(soFar, each, 10),
      [] as ReturnType<typeof recordLook>,
    );

    expect(record).toHaveLength(1);
    expect(record.map((each) => replayLook(each, 0, { q: 1 }))).toMatchObject([
      {
        dtSec: 3,
        blue: { n: 30 },
        own: { q: { dtSec: 4, blue: { n: 20, errors: 2, le: [8, 20] }, green: { n: 10, le: [10, 10] } } },
      },
    ]);
  });

  it('lets changed gates be tried on what own metrics counted', () => {
    const watched = watchFor(60, { bad: 0.04, high: 0.05, everySec: 2 });
    const window = recordedWindow(plan, input, resultOf(watched, input, watched.sec * 1000), {
      startedAtMs: 0,
      endedAtMs: watched.sec * 1000,
    });
    const record = JSON.parse(
      JSON.stringify({ v: 1, plan, baseline: 'blue', windows: [window] }),
    ) as Parameters<typeof replayGates>[0];
    const strict: Gate = { ...quality, limit: { kind: 'worse-by', share: 0.002, ratio: 1 } };

    const replayed = replayGates(record, [errorsGate, strict, tokens], plan.watching);

    expect(replayed.ok && replayed.steps[0]?.replayed).toMatchObject({ decision: 'breach' });
  });
});

describe('the forecast', () => {
  const blue = ownAt(100, {}).metrics;
  const own = {
    quality: { edges: [], baseline: blue['quality']?.deployments['blue'] ?? null, perRequest: 0.5 },
    tokens: { edges: EDGES, baseline: blue['tokens']?.deployments['blue'] ?? null, perRequest: 1 },
  };
  const forecast = (more: object) =>
    forecastPlan(plan, { rps: 100, baseline: null, edgesMs: [], ...more }).steps[0];

  it("is made from the baseline's own events, at their own rate", () => {
    const half = forecast({ own })?.gates.find(({ gate }) => gate === 'quality');
    const all = forecast({ own: { ...own, quality: { ...own.quality, perRequest: 1 } } })?.gates.find(
      ({ gate }) => gate === 'quality',
    );

    expect(half?.passSec).toBeGreaterThan((all?.passSec ?? Infinity) * 1.5);
    expect(half?.smallest).toMatch(/bad events$/);
  });

  it('says where nothing is known', () => {
    expect(forecast({})?.unknown).toMatchObject([
      { gate: 'quality', text: expect.stringContaining('too little is known') as string },
      { gate: 'tokens', text: expect.stringContaining('has no buckets yet') as string },
    ]);
  });
});
