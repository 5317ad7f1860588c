import { beforeEach, describe, expect, it, vi } from 'vitest';
import { PortError, type CallOptions, type Endpoints, type OwnMetrics } from '../../adapters/ports.js';
import { createActivities } from '../../activities/index.js';
import type { Gate } from '../../core/plan.js';
import { splitTraffic } from '../../core/traffic.js';
import type { WatchBeat, WatchInput, WatchResult } from '../../core/watch.js';
import { activityEnvironment } from '../support/activity-environment.js';
import { MemoryTarget } from '../support/memory-target.js';
import { errorsGate, planOf, slowGate } from '../support/plans.js';
import { standStill } from '../support/quick-sleep.js';

vi.mock('node:timers/promises', () => import('../support/quick-sleep.js'));

describe('a window of watching', () => {
  beforeEach(standStill);

  it('lasts until its end, also when no further look fits into it', async () => {
    const { looks, lastedMs, verdict } = await watchFor({ windowMs: 400, intervalMs: 60_000 });

    expect(verdict).toBe('window-over');
    expect(looks).toBe(1);
    expect(lastedMs).toBe(400);
  });

  it('looks once each interval', async () => {
    const { looks, lastedMs } = await watchFor({ windowMs: 50_000, intervalMs: 20_000 });

    expect(looks).toBe(3);
    expect(lastedMs).toBe(50_000);
  });

  it('heartbeats with its memory between looks that are further apart than the heartbeat timeout', async () => {
    const { beats } = await watchFor({ windowMs: 2_500, intervalMs: 60_000 });

    expect(beats.length).toBeGreaterThanOrEqual(1);
    expect(beats.every((beat) => (beat as { memory?: unknown }).memory !== undefined)).toBe(true);
  });

  it('sends no heartbeat when it is over within a second: each costs the server a write', async () => {
    const { beats } = await watchFor({ windowMs: 300, intervalMs: 50 });

    expect(beats).toEqual([]);
  });

  it('goes on after a crash where its last heartbeat was, although it was given no memory', async () => {
    const target = watched();
    const first = await watchFor({ windowMs: 1_500, intervalMs: 200, target });
    const beat = first.beats.at(-1) as WatchBeat;

    const second = await watchFor({ windowMs: 100, intervalMs: 60_000, target, heartbeatDetails: beat });

    const [before, after] = [beat, second].map(({ evidence }) => requestsOf(evidence));
    expect(before).toBeGreaterThan(0);
    expect(after).toBeGreaterThanOrEqual(before ?? Infinity);
    expect(second.memory.enteredAtMs).toBe(beat.memory.enteredAtMs);
  });
});

describe('a look to which something does not answer', () => {
  const unanswered = (options?: CallOptions) =>
    new Promise<never>((_, reject) => {
      options?.signal?.addEventListener('abort', () => reject(options.signal?.reason as Error));
    });

  it.each([
    ['the endpoint does', { read: (_name, options) => unanswered(options) }],
    ["the source of the user's own metrics does", { own: (_q, _d, options) => unanswered(options) }],
  ] satisfies [string, Silent][])('goes on with the metrics while %s not', async (_, silent) => {
    const { looks, beats, verdict } = await watchFor({ windowMs: 100, intervalMs: 60_000, ...silent });

    expect(verdict).toBe('window-over');
    expect(looks).toBe(1);
    // One after the look, and at least one in the five seconds that it waited.
    expect(beats.length).toBeGreaterThanOrEqual(2);
  });
});

describe('an endpoint that cannot be read while it is watched', () => {
  beforeEach(standStill);

  const QUICK = { windowMs: 60_000, intervalMs: 1_000, unread: false };
  const refuse = (): Promise<never> =>
    Promise.reject(
      new PortError('may not list pods; s3cret-4me is no right', { kind: 'permanent', code: 'Forbidden' }),
    );

  it('ends the window once it was so for long, with the target’s words and no secret of green', async () => {
    const { verdict, unread, blind, looks, memory } = await watchFor({ ...QUICK, read: refuse });

    expect({ verdict, unread, blind }).toEqual({
      verdict: 'window-over',
      unread: 'may not list pods; ${secret:db-password} is no right',
      blind: null,
    });
    expect(looks).toBe(13);
    expect(memory).toMatchObject({ blindSinceMs: null, unread: { looks: 13 } });
  });

  it('goes on where an attempt before it was: what its heartbeat says was not read before counts', async () => {
    const first = await watchFor({ ...QUICK, windowMs: 8_000, read: refuse });
    const beat = first.beats.at(-1) as WatchBeat;

    const second = await watchFor({ ...QUICK, read: refuse, heartbeatDetails: beat });

    expect(first).toMatchObject({ unread: undefined, looks: 8 });
    expect(second.unread).toContain('may not list pods');
    expect(second.memory.unread?.sinceMs).toBe(beat.memory.unread?.sinceMs);
    expect(second.looks).toBeLessThan(13);
  });

  it('is none where it is read in between, or gone, or where its rollout says so already', async () => {
    const target = watched();
    let reads = 0;
    const now = () => target.ports().endpoints.read('watched');
    const every = (nth: number) => () => (++reads % nth === 0 ? now() : refuse());
    const gone = () => Promise.reject(new PortError('gone', { kind: 'permanent', code: 'ResourceNotFound' }));
    const short = { ...QUICK, windowMs: 30_000 };

    expect(await watchFor({ ...short, target, read: every(5) })).toMatchObject({
      unread: undefined,
      looks: 30,
    });
    expect(await watchFor({ ...short, read: gone })).toMatchObject({ unread: undefined, verdict: 'drift' });
    expect(await watchFor({ ...short, unread: true, read: now })).toMatchObject({
      unread: undefined,
      looks: 1,
    });
  });
});

describe('a green that fails while it is watched', () => {
  it('ends the rollout by its last words, which quote no secret of it', async () => {
    const target = watched();
    target.addDeployment('green', {
      state: 'failed',
      error: 'no connection to postgres://app:s3cret-4me@db',
    });

    const { verdict, sentence, beats } = await watchFor({ windowMs: 1_500, intervalMs: 200, target });

    expect({ verdict, sentence }).toEqual({
      verdict: 'breach',
      sentence: 'green has failed: no connection to postgres://app:${secret:db-password}@db',
    });
    expect(JSON.stringify(beats)).not.toContain('s3cret');
  });
});

const requestsOf = (evidence: WatchResult['evidence']): number =>
  evidence.reduce((sum, { green }) => sum + green.requests, 0);

const HALF = splitTraffic('blue', 'green', 50);

/** An endpoint whose green is good, and has half of the requests. */
function watched(): MemoryTarget {
  const target = new MemoryTarget();
  target.addDeployment('green');
  target.changeTraffic(HALF);
  return target;
}

interface Silent {
  /** Instead of the endpoint's own answer. */
  readonly read?: Endpoints['read'];
  /** The source of the user's own metrics, and a gate that asks it. */
  readonly own?: OwnMetrics['read'];
}

const qualityGate: Gate = {
  ...errorsGate,
  name: 'quality',
  metric: 'events',
  query: { bad: 'bad_total{v="$deployment"}', total: 'all_total{v="$deployment"}' },
  limit: { kind: 'worse-by', share: 0.02, ratio: 1 },
};

/** Guards a good green, as a bake does. */
async function watchFor({
  read,
  own,
  target = watched(),
  heartbeatDetails,
  unread,
  ...times
}: {
  readonly windowMs: number;
  readonly intervalMs: number;
  readonly target?: MemoryTarget;
  /** What an earlier attempt has left. */
  readonly heartbeatDetails?: WatchBeat;
  /** The rollout says already that the endpoint cannot be read. */
  readonly unread?: boolean;
} & Silent) {
  const gates = [errorsGate, slowGate, ...(own === undefined ? [] : [qualityGate])];
  const plan = planOf('watched', [], { gates });
  const input: WatchInput = {
    target: plan.target,
    endpoint: plan.endpoint,
    stepIndex: 0,
    baseline: 'blue',
    green: 'green',
    environmentVariables: { DB_PASSWORD: '${secret:db-password}' },
    expected: HALF,
    kind: 'live',
    mode: 'guard',
    alone: false,
    watching: { ...plan.watching, intervalMs: times.intervalMs },
    gates: plan.gates,
    active: plan.gates.map(({ name }) => name),
    dwell: { atLeastMs: 0, atMostMs: 60_000 },
    plannedMs: 60_000,
    windowMs: times.windowMs,
    written: { traffic: HALF, instances: {} },
    held: null,
    blind: false,
    ...(unread === undefined ? {} : { unread }),
    before: null,
    memory: null,
  };
  const startedAtMs = Date.now();
  const environment = activityEnvironment({ scheduledTimestampMs: startedAtMs, heartbeatDetails });
  const beats: unknown[] = [];
  environment.on('heartbeat', (details: unknown) => beats.push(details));
  const { endpoints, metrics } = target.ports();
  const ports = {
    metrics,
    endpoints: read === undefined ? endpoints : { ...endpoints, read },
    ...(own && { own: { read: own, check: () => Promise.resolve([]) } }),
  };
  const { watch } = createActivities({
    targets: () => Promise.resolve(ports),
    secrets: () => Promise.resolve('s3cret-4me'),
  });
  const looksBefore = target.looks;
  const result = (await environment.run(watch, input)) as WatchResult;
  const { verdict, sentence, evidence, memory } = result;
  return {
    unread: result.unread,
    blind: result.blind,
    verdict,
    sentence,
    evidence,
    memory,
    beats,
    looks: target.looks - looksBefore,
    lastedMs: Date.now() - startedAtMs,
  };
}
