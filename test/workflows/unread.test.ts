import { describe, expect, it, vi } from 'vitest';

import type { Notification } from '../../core/notification.js';
import { MemoryTarget } from '../support/memory-target.js';
import { bakeStep, by, CREATE, CUTOVER, planOf, rampStep, SHORT_WINDOWS } from '../support/plans.js';
import { useBench, type Rollout } from '../support/rollout-bench.js';

const told: Notification[] = [];
const bench = useBench({
  notifier: () => ({
    forAll: [{ from: 'worker', index: 0, name: 'all', events: ['held'] }],
    send: (_, notification) => Promise.resolve(void told.push(notification)),
  }),
});

// By looks of 20 ms, 240 ms stand for the minute after which people are told.
const watching = SHORT_WINDOWS;
const LONG = rampStep(10, { dwell: { atLeastMs: 60_000, atMostMs: 600_000 } });

/** An endpoint that may no longer be read while that is true: its token is gone, say. */
function refusingToRead(when: (target: MemoryTarget) => boolean): MemoryTarget {
  const target = new MemoryTarget();
  target.fault = (call) => (call === 'read' && when(target) ? 'throw-permanent' : undefined);
  return target;
}

const textsOf = (endpoint: string): string[] =>
  told.filter((notification) => notification.endpoint === endpoint).map(({ text }) => text);

async function goneOn({ handle }: Rollout): Promise<void> {
  const { runId } = await handle.describe();
  const gone = async (): Promise<boolean> => (await handle.describe()).runId !== runId;
  await vi.waitUntil(gone, { timeout: 60_000, interval: 200 });
}

const UNREAD =
  /^unread-\w+ cannot be read: read is forbidden by request of the test; what others change, .* is not seen, and a rollback may be refused as well$/;

describe.concurrent('an endpoint that can no longer be read', () => {
  it('is told once, with the target’s words, over runs that go on as new ones; the step waits for its gates as ever, until it is read again', async () => {
    let refuses = false;
    const target = refusingToRead(() => refuses);
    const rollout = await bench.start(planOf('unread-told', [CREATE, LONG], { watching }), target);
    const before = await rollout.until((s) => s.phase === 'ramping' && s.evidence.length > 0);
    const { traffic, writes } = { traffic: target.traffic, writes: [...target.writes] };

    refuses = true;
    const held = await rollout.until((s) => s.phase === 'held');
    await goneOn(rollout);
    await goneOn(rollout);
    const later = await rollout.status();

    expect(held.hold).toMatchObject({ kind: 'blind', unseen: ['endpoint'] });
    expect(held.hold?.because).toMatch(UNREAD);
    expect(held.next).toBe(before.next);
    expect(later).toMatchObject({ hold: held.hold, stepIndex: before.stepIndex, phase: 'held' });
    expect(later.evidence[0]?.green.requests).toBeGreaterThan(held.evidence[0]?.green.requests ?? Infinity);
    expect({ traffic: target.traffic, writes: target.writes }).toEqual({ traffic, writes });

    refuses = false;
    const back = await rollout.until((s) => s.phase !== 'held');
    expect(back).toMatchObject({ phase: 'ramping', hold: null });
    await rollout.send('abort', by);
    await rollout.failure();
    expect(textsOf('unread-told')).toEqual([held.hold?.because]);
    expect(await bench.replayed(rollout)).toBeNull();
  });

  it('is told also where missing metrics are known already, and the other way round', async () => {
    let refuses = false;
    const target = refusingToRead(() => refuses);
    const rollout = await bench.start(planOf('unread-both', [CREATE, LONG], { watching }), target);
    await rollout.until((s) => s.phase === 'ramping' && s.evidence.length > 0);
    const unseen = (...what: string[]) =>
      rollout.until(({ hold }) => hold?.kind === 'blind' && hold.unseen?.join() === what.join());

    target.metricsAway = true;
    const { hold: first } = await unseen('metrics');
    refuses = true;
    const { hold: both, next } = await unseen('metrics', 'endpoint');
    target.metricsAway = false;
    const { hold: last } = await unseen('endpoint');
    target.metricsAway = true;
    const { hold: again } = await unseen('metrics', 'endpoint');
    target.metricsAway = false;
    refuses = false;
    await rollout.until((s) => s.hold === null);

    expect(both?.because).toMatch(
      /^the gates see nothing: .*; nothing is concluded from that; and unread-both cannot be read: read is forbidden/,
    );
    expect(next).toMatch(/^waits for metrics; without them, asks a person at /);
    expect(both?.sinceMs).toBeLessThanOrEqual(first?.sinceMs ?? 0);
    expect(last?.because).toMatch(UNREAD);
    await rollout.send('abort', by);
    await rollout.failure();
    expect(textsOf('unread-both')).toEqual([first?.because, both?.because, again?.because]);
    expect(await bench.replayed(rollout)).toBeNull();
  });

  it('is told once also where a person is asked already: their hold is the one that is shown', async () => {
    let refuses = false;
    const target = refusingToRead(() => refuses);
    target.requestsPerSecond = 100; // too few to decide by
    const asks = rampStep(10, { dwell: { atLeastMs: 300, atMostMs: 600 } });
    const rollout = await bench.start(planOf('unread-asked', [CREATE, asks], { watching }), target);
    const { hold } = await rollout.until((s) => s.hold?.kind === 'undecided');

    refuses = true;
    await vi.waitUntil(() => textsOf('unread-asked').length > 0, { timeout: 60_000, interval: 100 });
    await goneOn(rollout);
    const later = await rollout.status();

    expect(later).toMatchObject({ phase: 'held', hold });
    refuses = false;
    await rollout.send('abort', by);
    await rollout.failure();
    expect(textsOf('unread-asked')).toEqual([expect.stringMatching(UNREAD)]);
    expect(await bench.replayed(rollout)).toBeNull();
  });

  it('keeps no breach from being rolled back: the traffic is written first, and read back when that may be', async () => {
    let refuses = false;
    const target = refusingToRead(({ traffic }) => refuses && traffic.live['green'] === 10);
    const rollout = await bench.start(planOf('unread-breach', [CREATE, LONG], { watching }), target);
    await rollout.until((s) => s.phase === 'ramping' && s.evidence.length > 0);
    refuses = true;
    await rollout.until((s) => s.phase === 'held');

    target.behaviour.set('green', { errors: 1, slow: 0 });

    expect(await rollout.failure()).toMatchObject({
      type: 'RolledBack',
      report: { notes: [], left: [] },
    });
    expect(target.traffic).toEqual({ live: { blue: 100 }, mirror: {} });
  });

  it('promotes nothing and aborts nothing: a bake that its gates saw ends as it would', async () => {
    let refuses = false;
    const target = refusingToRead(() => refuses);
    const steps = [CREATE, rampStep(50), CUTOVER, bakeStep(3_000)];
    const rollout = await bench.start(planOf('unread-bake', steps, { watching }), target);
    await rollout.until((s) => s.phase === 'baking');

    refuses = true;
    await rollout.until((s) => s.phase === 'held');
    const report = await rollout.promoted();

    expect(report.steps.at(-1)?.result).toMatch(/^no breach in 3s: /);
    expect(textsOf('unread-bake')).toHaveLength(1);
  });
});
