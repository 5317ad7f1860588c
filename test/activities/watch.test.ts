import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, it, vi } from 'vitest';
import type { CallOptions, Endpoints, OwnMetrics } from '../../adapters/ports.js';
import { createActivities } from '../../activities/index.js';
import type { Gate } from '../../core/plan.js';
import { splitTraffic } from '../../core/traffic.js';
import type { WatchBeat, WatchInput, WatchResult } from '../../core/watch.js';
import { MemoryTarget } from '../support/memory-target.js';
import { errorsGate, planOf, slowGate } from '../support/plans.js';

vi.mock('node:timers/promises', () => import('../support/quick-sleep.js'));

describe('a window of watching', () => {
  it('lasts until its end, also when no further look fits into it', async () => {
    const { looks, lastedMs, verdict } = await watchFor({ windowMs: 400, intervalMs: 60_000 });

    expect(verdict).toBe('window-over');
    expect(looks).toBe(1);
    expect(lastedMs).toBeGreaterThanOrEqual(395);
  });

  it('looks once each interval', async () => {
    const { looks, lastedMs } = await watchFor({ windowMs: 50_000, intervalMs: 20_000 });

    expect(looks).toBe(3);
    expect(lastedMs).toBeGreaterThanOrEqual(49_995);
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

  const unanswered = (options?: CallOptions) =>
    new Promise<never>((_, reject) => {
      options?.signal?.addEventListener('abort', () => reject(options.signal?.reason as Error));
    });

  it.each([
    ['the endpoint does', { read: (_name, options) => unanswered(options) }],
    ["the source of the user's own metrics does", { own: (_q, _d, options) => unanswered(options) }],
  ] satisfies [string, Silent][])('goes on looking at the metrics while %s not answer', async (_, silent) => {
    const { looks, beats, verdict } = await watchFor({ windowMs: 100, intervalMs: 60_000, ...silent });

    expect(verdict).toBe('window-over');
    expect(looks).toBe(1);
    // One after the look, and at least one in the five seconds that it waited.
    expect(beats.length).toBeGreaterThanOrEqual(2);
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
  ...times
}: {
  readonly windowMs: number;
  readonly intervalMs: number;
  readonly target?: MemoryTarget;
  /** What an earlier attempt has left. */
  readonly heartbeatDetails?: WatchBeat;
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
    before: null,
    memory: null,
  };
  const startedAtMs = Date.now();
  const environment = new MockActivityEnvironment({ scheduledTimestampMs: startedAtMs, heartbeatDetails });
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
  const { verdict, sentence, evidence, memory } = (await environment.run(watch, input)) as WatchResult;
  return {
    verdict,
    sentence,
    evidence,
    memory,
    beats,
    looks: target.looks,
    lastedMs: Date.now() - startedAtMs,
  };
}
